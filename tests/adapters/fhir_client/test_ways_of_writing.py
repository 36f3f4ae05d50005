"""Results written to servers that can do much or little: once, in place, and never over a person's word."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fhir_servers import MRN, SYSTEM, counts, held, patient, serving, write_bundle, write_projection
from giving import given
from made_up_reports import reports
from made_up_result import make_result
from marrowcount.errors import DeliveryHeldError, DeliveryRefusedError, PeerError
from marrowcount.review import counted
from marrowcount_adapters.fhir import Projection
from marrowcount_adapters.fhir_client import FhirDestination, Way
from marrowcount_adapters.fhir_client.exact_json import write_exact
from marrowcount_adapters.fhir_client.parcel import RANKS, read_parcel
from marrowcount_adapters.fhir_client.stand_in import FhirServer, FhirStore, Offers

OFFERS = {
    Way.TRANSACTION: Offers(),
    Way.SINGLE: Offers(transaction=False),
    Way.SEARCH: Offers(transaction=False, conditional=False),
}


@pytest.fixture(params=list(Way))
def store(request: pytest.FixtureRequest) -> FhirStore:
    """A server for each way of writing."""
    return FhirStore(OFFERS[request.param])


@pytest.fixture
def ehr(store: FhirStore) -> Iterator[FhirDestination]:
    with serving(FhirServer(store)) as url:
        yield FhirDestination("ehr", url)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "fhir.json")


def resources(store: FhirStore) -> dict[str, dict[str, Any]]:
    return {"/".join(place): resource for place, resource in store.resources.items()}


def references(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        if "reference" in value:
            yield value["reference"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_each_entry_becomes_one_resource(ehr: FhirDestination, store: FhirStore, file: Path) -> None:
    """Whatever the server can do, all is there once, and the places are told."""
    told = given(ehr, [file])
    entries = json.loads(file.read_text())["entry"]
    wanted = [entry["resource"]["resourceType"] for entry in entries]
    assert counts(store) == {each: wanted.count(each) for each in sorted(set(wanted))}
    assert sorted(told.taken[0].places) == sorted(f"{place}/_history/1" for place in resources(store))


def test_references_lead_to_what_is_there(ehr: FhirDestination, store: FhirStore, file: Path) -> None:
    """No reference to a part of the bundle is left: each leads to a resource of the server."""
    given(ehr, [file])
    there = resources(store)
    found = [reference for resource in there.values() for reference in references(resource)]
    assert found
    assert all(reference in there for reference in found)


def test_identifiers_stay_as_they_were_made(ehr: FhirDestination, store: FhirStore, file: Path) -> None:
    """What a result is known by is what the file says, else a repeat would not find it."""
    given(ehr, [file])
    made = {json.dumps(e["resource"].get("identifier")) for e in json.loads(file.read_text())["entry"]}
    assert {json.dumps(each.get("identifier")) for each in store.resources.values()} == made


def test_a_repeat_makes_nothing_new(ehr: FhirDestination, store: FhirStore, file: Path) -> None:
    """As after an answer that got lost: no second resource of any type, provenance included."""
    given(ehr, [file])
    first = counts(store)
    given(ehr, [file])
    given(FhirDestination("ehr", ehr.base_url), [file])
    assert counts(store) == first


def test_a_new_revision_updates_in_place(ehr: FhirDestination, store: FhirStore, file: Path, tmp_path: Path) -> None:
    """The same ids with higher versions; context stays; the new count has a provenance of its own."""
    given(ehr, [file])
    before = dict(resources(store))
    later = make_result()
    recount = counted(replace(later, counted_at=later.counted_at + timedelta(days=1)))
    given(ehr, [write_bundle(tmp_path / "2.json", recount)])
    after = resources(store)
    new = {place.partition("/")[0] for place in after.keys() - before.keys()}
    assert new == {"Provenance"}
    versions = {place.partition("/")[0]: after[place]["meta"]["versionId"] for place in before}
    assert versions.pop("Observation") == versions.pop("DiagnosticReport") == "2"
    assert set(versions.values()) == {"1"}


@pytest.mark.parametrize("status", ["final", "amended", "corrected", "appended", "entered-in-error"])
@pytest.mark.parametrize("resource_type", ["DiagnosticReport", "Observation"])
def test_a_persons_word_is_never_overwritten(
    ehr: FhirDestination, store: FhirStore, file: Path, status: str, resource_type: str
) -> None:
    """A preliminary result stops before a report or figure that a person signed, corrected or withdrew."""
    given(ehr, [file])
    held(store, resource_type)[-1]["status"] = status
    before = json.dumps(list(store.resources.values()))
    with pytest.raises(DeliveryRefusedError) as caught:
        given(ehr, [file])
    assert caught.value.code == "remote-is-final"
    assert json.dumps(list(store.resources.values())) == before


@pytest.mark.parametrize("turn", ["corrected", "amended", "entered-in-error"])
def test_a_persons_newer_word_goes_over_the_older(
    ehr: FhirDestination, store: FhirStore, tmp_path: Path, turn: str
) -> None:
    """What a person corrects, adds to or withdraws here replaces what was final there, in place."""
    life = reports()
    for each in ("preliminary", "final", turn):
        given(ehr, [write_bundle(tmp_path / "fhir.json", life[each])])
    (report,) = held(store, "DiagnosticReport")
    written = {"amended": "appended"}.get(turn, turn)
    assert (report["status"], report["meta"]["versionId"]) == (written, "3")
    assert counts(store)["Provenance"] == 3


def test_a_slide_that_is_refused_after_a_person_signed_changes_nothing(
    ehr: FhirDestination, store: FhirStore, tmp_path: Path
) -> None:
    """That there is no count is a machine's word too."""
    given(ehr, [write_bundle(tmp_path / "fhir.json", reports()["final"])])
    with pytest.raises(DeliveryRefusedError, match="remote-is-final"):
        given(ehr, [write_bundle(tmp_path / "fhir.json", reports()["cancelled-after-count"])])
    assert held(store, "DiagnosticReport")[0]["status"] == "final"


@pytest.mark.parametrize("resource_type", ["DiagnosticReport", "Observation", "Specimen"])
def test_of_two_matches_none_is_picked(ehr: FhirDestination, store: FhirStore, file: Path, resource_type: str) -> None:
    """Two resources under one identifier are a fault of the data, for a person to mend; nothing is written."""
    given(ehr, [file])
    store.add({**held(store, resource_type)[0], "id": "double"})
    before = json.dumps(list(store.resources.values()))
    with pytest.raises(DeliveryRefusedError) as caught:
        given(ehr, [file])
    assert caught.value.code == "several-matches"
    assert json.dumps(list(store.resources.values())) == before


def test_decimals_keep_their_digits(file: Path) -> None:
    """What the file says goes out to the last digit: 12.50 is not 12.5."""
    file.write_text(file.read_text().replace('"value":', '"value": 12.50, "_x":', 1))
    sent = b"".join(write_exact(entry.referring({})) for entry in read_parcel(file).entries)
    assert b'"value": 12.50,' in sent
    assert b"u0000" not in sent


def test_single_writes_go_from_what_others_refer_to(file: Path) -> None:
    """Specimen, study, device, figures, histogram, panel, report, provenance: references lead backwards only."""
    ordered = read_parcel(file).in_order()
    seen: set[str] = set()
    urls = {entry.full_url for entry in ordered}
    for entry in ordered:
        assert {each for each in references(entry.resource) if each in urls} <= seen
        seen.add(entry.full_url)
    assert [entry.resource_type for entry in ordered] == sorted(
        (entry.resource_type for entry in ordered), key=RANKS.index
    )


@pytest.mark.parametrize("projection", [Projection.R4_FLAT, Projection.EU_LAB_DOCUMENT])
def test_each_projection_is_written_once(
    ehr: FhirDestination, store: FhirStore, tmp_path: Path, projection: Projection
) -> None:
    """Single observations with a document, or one document bundle; a repeat makes nothing new."""
    file = write_projection(tmp_path / "fhir.json", projection)
    given(ehr, [file])
    first = counts(store)
    given(ehr, [file])
    assert counts(store) == first
    wanted = {"Bundle": 1} if projection is Projection.EU_LAB_DOCUMENT else {"DocumentReference": 1, "Observation": 15}
    assert first == wanted


def test_a_server_of_another_release_is_told_apart(tmp_path: Path) -> None:
    """R5's resources do not go to an R4 server; that may be mended without losing the result."""
    with serving(FhirServer(FhirStore())) as url, pytest.raises(PeerError) as caught:
        given(FhirDestination("ehr", url, release="5"), [write_bundle(tmp_path / "1.json")])
    assert (caught.value.code, caught.value.retryable) == ("not-fhir-r5", True)


# Whose result it is


@pytest.fixture
def hospital(ehr: FhirDestination, store: FhirStore) -> FhirDestination:
    """The same servers, which can be searched for patients and orders."""
    store.offers = replace(store.offers, patients=True)
    return ehr


def test_the_one_patient_is_pointed_to(hospital: FhirDestination, store: FhirStore, file: Path) -> None:
    """By the server's own id, beside the identifier; in each resource that names a subject."""
    place = store.add(patient())
    store.add(patient("SOMEBODY-ELSE"))
    given(hospital, [file])
    subjects = [each["subject"] for each in store.resources.values() if "subject" in each]
    assert {each["reference"] for each in subjects} == {place}
    assert {each["identifier"]["value"] for each in subjects} == {MRN}
    assert {each["identifier"]["system"] for each in subjects} == {SYSTEM}


@pytest.mark.parametrize(
    ("patients", "code"),
    [
        ([], "patient-not-found"),
        ([patient("MRN0001")], "patient-not-found"),
        (
            [{"resourceType": "Patient", "identifier": [{"system": "urn:oid:2.999.8", "value": MRN}]}],
            "patient-not-found",
        ),
        ([patient(), patient()], "patient-ambiguous"),
        ([patient(link=[{"type": "replaced-by", "other": {"reference": "Patient/2"}}])], "patient-ambiguous"),
    ],
)
def test_no_patient_is_made_or_guessed(
    hospital: FhirDestination, store: FhirStore, file: Path, patients: list[dict[str, Any]], code: str
) -> None:
    """None, one of another number or another house, two, or one that was merged away: held, and nothing is written."""
    for each in patients:
        store.add(each)
    before = counts(store)
    with pytest.raises(DeliveryHeldError) as caught:
        given(hospital, [file])
    assert caught.value.code == code
    assert counts(store) == before
    assert MRN not in str(caught.value)


def test_a_site_may_do_without_the_look_up(hospital: FhirDestination, store: FhirStore, file: Path) -> None:
    """Where the setting says so, the identifier alone is sent."""
    given(replace(hospital, look_up_patient=False), [file])
    assert not any("reference" in each["subject"] for each in store.resources.values() if "subject" in each)


def order(subject: str) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": "urn:oid:2.999.9", "value": "ACC26-1234"}],
        "subject": {"reference": subject},
    }


@pytest.mark.parametrize("orders", [0, 1, 2])
def test_the_one_order_is_pointed_to(hospital: FhirDestination, store: FhirStore, file: Path, orders: int) -> None:
    """Exactly one of the patient's own: its reference; else the number alone. Another patient's is none."""
    place, other = store.add(patient()), store.add(patient("SOMEBODY-ELSE"))
    store.add(order(other))
    placed = [store.add(order(place)) for _ in range(orders)]
    given(hospital, [file])
    (report,) = held(store, "DiagnosticReport")
    assert report["basedOn"][0].get("reference") == (placed[0] if orders == 1 else None)
    assert report["basedOn"][0]["identifier"]["value"] == "ACC26-1234"


# What is learnt of a server


def test_a_server_that_cannot_do_what_it_says_gets_it_in_a_simpler_way(
    ehr: FhirDestination, store: FhirStore, file: Path
) -> None:
    """405 and 501 to what its statement offers: the next simpler way, at once and from then on."""
    promised = Offers().statement()
    ehr.knowledge.capabilities(lambda: promised)
    given(ehr, [file])
    assert counts(store)["DiagnosticReport"] == 1


def test_what_is_known_of_a_server_is_asked_anew_after_an_hour(tmp_path: Path) -> None:
    """It may have been updated meanwhile."""
    now, store = [0.0], FhirStore(Offers(transaction=False))
    with serving(FhirServer(store)) as url:
        ehr = FhirDestination("ehr", url)
        ehr.knowledge.monotonic = lambda: now[0]
        given(ehr, [write_bundle(tmp_path / "1.json")])
        store.offers = Offers()
        given(ehr, [write_bundle(tmp_path / "1.json")])
        assert store.bundles == 0
        now[0] = 3601.0
        given(ehr, [write_bundle(tmp_path / "1.json")])
        assert store.bundles == 1


def test_a_way_that_the_settings_forbid_is_not_taken(tmp_path: Path) -> None:
    """A site may keep a server from transactions that it cannot bear; without a way left it hears so."""
    store = FhirStore()
    with serving(FhirServer(store)) as url:
        file = write_bundle(tmp_path / "1.json")
        given(FhirDestination("ehr", url, ways=frozenset({Way.SEARCH})), [file])
        assert (store.bundles, counts(store)["DiagnosticReport"]) == (0, 1)
        store.offers = Offers(transaction=False)
        with pytest.raises(DeliveryRefusedError, match="no-way"):
            given(FhirDestination("ehr", url, ways=frozenset({Way.TRANSACTION})), [file])
