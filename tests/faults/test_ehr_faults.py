"""An EHR that fails in every way: each result ends there once, or as a dead letter that says why."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from ehr_course import LASTING, PASSING, Course
from faulty_proxy import Fault, FaultyProxy, answering
from fhir_servers import counts, held, patient, serving, write_bundle
from marrowcount.ports import CircuitState
from marrowcount.slides.states import DeliveryState
from marrowcount_adapters.fhir_client import Way
from marrowcount_adapters.fhir_client.stand_in import FhirServer, FhirStore, Offers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLIDE, OTHER = "2.25.112", "2.25.212"
DOWN = Fault("down", end="reset")


@pytest.fixture
def store() -> FhirStore:
    return FhirStore()


@pytest.fixture
def course(store: FhirStore, tmp_path: Path) -> Iterator[Course]:
    with ExitStack() as stack:
        behind = urlsplit(stack.enter_context(serving(FhirServer(store)))).port
        assert behind
        proxy = FaultyProxy(behind)
        yield Course(tmp_path, stack.enter_context(serving(proxy)), proxy)


def once_there(store: FhirStore, slides: int = 1, specimens: int = 1) -> bool:
    """Whether there is one of everything for each slide."""
    there = counts(store)
    return (
        there["DiagnosticReport"] == there["Provenance"] == slides
        and there["Observation"] % slides == 0
        and len({each["identifier"][0]["value"] for each in held(store, "Observation")}) == there["Observation"]
        and there["Specimen"] == specimens
        and there["Device"] == 1
    )


@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault.name)
def test_what_fails_in_passing_is_delivered_once(course: Course, store: FhirStore, fault: Fault, way: Way) -> None:
    """Refused, dropped, cut, or carried out without a word: the repeat makes nothing twice, whichever write it hit."""
    course.simpler(way)
    course.owe(SLIDE, "A")
    course.proxy.plan(*[None] * (0 if way is Way.TRANSACTION else 7), fault)
    course.run(2)
    assert course.states == [DeliveryState.DELIVERED]
    assert once_there(store)


@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize("status", LASTING)
def test_what_is_refused_for_good_is_a_dead_letter(course: Course, store: FhirStore, status: int, way: Way) -> None:
    """With its reason and all that the server said, which no log repeats; once mended it is delivered once."""
    course.simpler(way)
    course.owe(SLIDE, "A")
    course.proxy.plan(LASTING[status])
    with capture_logs() as logs:
        course.run(2)
    (delivery,) = course.ledger.deliveries()
    assert delivery.state is DeliveryState.DEAD
    assert delivery.last_error.startswith(f"http-{status}: ")
    assert "DOE" in delivery.outcome
    assert "DOE" not in f"{logs}{delivery.last_error}{course.ledger.events(SLIDE)}"
    assert course.ledger.revive_delivery(delivery.delivery_id, course.clock.now())
    course.run(2)
    assert course.states == [DeliveryState.DELIVERED]
    assert once_there(store)


def test_too_large_a_result_goes_without_its_document(course: Course, store: FhirStore, tmp_path: Path) -> None:
    """The figures are there, and what the document is, without its data; what is still too large is a dead letter."""
    course.owe(SLIDE, "A")
    write_bundle(tmp_path / f"{SLIDE}-1.json", document=b"%PDF-1.7 " + b"x" * 1000)
    course.proxy.plan(answering(413))
    course.run(1)
    assert course.states == [DeliveryState.DELIVERED]
    (form,) = held(store, "DiagnosticReport")[0]["presentedForm"]
    assert "data" not in form
    assert form["size"] == 1009
    course.owe(SLIDE, "A", revision=2)
    course.proxy.plan(answering(413), answering(413))
    course.run(1)
    assert course.states == [DeliveryState.DELIVERED, DeliveryState.DEAD]


@pytest.mark.parametrize("status", [405, 501])
def test_what_it_cannot_do_is_done_in_a_simpler_way(course: Course, store: FhirStore, status: int) -> None:
    """First without transactions, then without conditions; not asked again for what it could not do."""
    course.owe(SLIDE, "A")
    course.proxy.plan(answering(status), answering(status))
    course.run(1)
    assert course.states == [DeliveryState.DELIVERED]
    assert once_there(store)
    assert store.bundles == 0
    course.owe(OTHER, "B")
    course.run(1)
    assert store.bundles == 0


@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize("resource_type", ["DiagnosticReport", "Observation"])
def test_a_person_who_signs_meanwhile_is_not_overwritten(
    course: Course, store: FhirStore, way: Way, resource_type: str
) -> None:
    """Between our look and our write: the server knows that it is another version; we look again, and stop."""
    course.simpler(way)
    course.owe(SLIDE, "A")
    course.run(1)
    course.owe(SLIDE, "A", revision=2)

    def sign() -> None:
        signed = held(store, resource_type)[0]
        signed["status"] = "final"
        signed["meta"]["versionId"] = "77"

    course.proxy.plan(Fault("signed meanwhile", meanwhile=sign))
    course.run(1)
    second = course.ledger.deliveries()[1]
    assert (second.state, second.last_error.partition(":")[0]) == (DeliveryState.DEAD, "remote-is-final")
    assert held(store, resource_type)[0]["meta"]["versionId"] == "77"


@pytest.mark.parametrize("way", [Way.TRANSACTION, Way.SINGLE])
@pytest.mark.parametrize("status", ["final", "preliminary"])
def test_another_node_that_was_faster_is_noticed(course: Course, store: FhirStore, way: Way, status: str) -> None:
    """It made the report between our look and our write: nothing is there twice, nor over a person's word."""
    course.simpler(way)
    course.owe(SLIDE, "A")
    bundle = json.loads((course.folder / f"{SLIDE}-1.json").read_text())
    report = next(e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "DiagnosticReport")
    course.proxy.plan(Fault("made meanwhile", meanwhile=lambda: store.add({**report, "status": status})))
    course.run(1)
    (there,) = held(store, "DiagnosticReport")
    if status == "final":
        assert course.ledger.deliveries()[0].last_error.startswith("remote-is-final")
        assert (there["status"], there["meta"]["versionId"]) == ("final", "1")
    else:
        assert course.states == [DeliveryState.DELIVERED]
        assert there["meta"]["versionId"] == "2"
        assert once_there(store)


def test_a_refused_token_pauses_the_ehr_and_uses_up_nothing(course: Course, store: FhirStore) -> None:
    """One attempt in all finds it out; when the token is good again all is delivered."""
    for number in range(3):
        course.owe(f"2.25.{number}", f"C{number}")
    course.proxy.script.down = answering(401)
    with capture_logs() as logs:
        while course.once():
            pass
    assert sum(each.attempts for each in course.ledger.deliveries()) == 1
    assert course.ledger.circuit("ehr").state is CircuitState.OPEN
    assert [entry["log_level"] for entry in logs if entry["event"] == "destination.paused"] == ["error"]
    course.proxy.script.down = None
    course.run(2)
    assert set(course.states) == {DeliveryState.DELIVERED}
    assert once_there(store, 3, 3)


def test_a_day_of_outage_is_made_up_for_in_order(course: Course, store: FhirStore) -> None:
    """Scans come in all the while; afterwards each is there once, of one specimen the older before the newer."""
    course.proxy.script.down = DOWN
    slides = [f"2.25.{number}" for number in range(12)]
    for number, slide in enumerate(slides):
        course.owe(slide, f"container {number % 3}")
        for _ in range(120):
            while course.once():
                pass
            course.clock.advance(60)
    assert set(course.states) == {DeliveryState.WAITING}
    attempts = sum(each.attempts for each in course.ledger.deliveries())
    assert attempts < 24 * 60 / 4
    course.proxy.script.down = None
    course.run(3)
    assert set(course.states) == {DeliveryState.DELIVERED}
    assert once_there(store, 12, 3)
    for container in range(3):
        of_one = [slide for number, slide in enumerate(slides) if number % 3 == container]
        assert [slide for slide in course.order if slide in of_one] == of_one


@pytest.mark.parametrize("seed", range(12))
def test_any_sequence_of_faults_ends_well(course: Course, store: FhirStore, seed: int) -> None:
    """Drawn by a seed: whatever comes in whatever order, at reads and at writes, all is there once, or dead by name."""
    drawn = Random(seed)  # noqa: S311 - nobody is to be kept from guessing it
    course.simpler(drawn.choice(list(Way)))
    faults = [*PASSING, *[None] * 20, *(LASTING.values() if seed % 2 else ())]
    for number in range(4):
        course.owe(f"2.25.{number}", f"container {number % 2}")
    course.proxy.plan(*drawn.choices(faults, k=60), writes_only=bool(drawn.randrange(2)))
    course.run(72)
    for delivery in course.ledger.deliveries():
        assert delivery.state in {DeliveryState.DELIVERED, DeliveryState.DEAD}
        assert (delivery.state is DeliveryState.DEAD) <= delivery.last_error.startswith("http-4")
        course.ledger.revive_delivery(delivery.delivery_id, course.clock.now())
    course.proxy.plan()
    course.run(10)
    assert set(course.states) == {DeliveryState.DELIVERED}
    assert once_there(store, 4, 2)


def test_a_patient_who_appears_later_gets_the_result(course: Course, store: FhirStore) -> None:
    """Held with an alarm meanwhile, and nothing is made; looked at every half hour without anybody's doing."""
    store.offers = Offers(patients=True)
    course.owe(SLIDE, "A")
    with capture_logs() as logs:
        course.once()
        assert course.states == [DeliveryState.HELD]
        course.clock.advance(1801)
        course.once()
    assert [e["code"] for e in logs if e["log_level"] == "error"] == ["patient-not-found"]
    assert not store.resources
    place = store.add(patient())
    course.clock.advance(1801)
    assert course.once()
    assert course.states == [DeliveryState.DELIVERED]
    assert held(store, "DiagnosticReport")[0]["subject"]["reference"] == place


def test_slow_servers_are_given_up_and_asked_again(course: Course, store: FhirStore) -> None:
    """A connection that says nothing ends in time; nothing is there twice."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        course.ehr = type(course.ehr)("ehr", f"http://127.0.0.1:{mute.getsockname()[1]}/fhir", timeout_s=0.2)
        course.owe(SLIDE, "A")
        course.once()
    assert course.ledger.deliveries()[0].last_error.startswith("no-answer: ")
    course.simpler(Way.TRANSACTION)
    course.run(1)
    assert once_there(store)
