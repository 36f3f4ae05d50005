"""Destinations that are gone for an hour: everything is delivered after, each result once, without anybody's doing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from marrowcount.main.processes import free_port, module_process
from marrowcount.ports import CountedOutcome, DeliveryKind, DeliveryOrder
from marrowcount.slides.states import DeliveryState
from marrowcount.testing import HeldClock, made_up_instance
from marrowcount.workflow.commitment import AskingPolicy, chase_commitments, note_report
from marrowcount.workflow.deliver import deliver_once
from marrowcount_adapters.dicomweb_client.stow import StowDestination
from marrowcount_adapters.dimse import Calling, DicomDestination, Peer
from marrowcount_adapters.fhir_client import FhirDestination
from marrowcount_adapters.sql import open_ledger
from result_files import result_files
from web_nodes import BASE, served, web_node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from marrowcount.ports import CommitmentReport, Destination, Ledger
    from marrowcount_adapters.sql import SqlLedger

HOUR_S = 3600
CALLING = Calling("MARROWCOUNT", 2, 5, 20)
ASKING = AskingPolicy(ask_again_after_s=1800)
STEP_S = 60
SLIDES = ("1.2.8", "1.2.9")


def owe(ledger: Ledger, clock: HeldClock, slide: str, orders: tuple[DeliveryOrder, ...]) -> None:
    ledger.record_instance(made_up_instance(slide, 1, clock.now()))
    ledger.mark_ready(slide, 1, "complete", clock.now())
    job = ledger.lease_job("worker", clock.now(), 60)
    assert job is not None
    assert ledger.finish(job, CountedOutcome(f"{slide}/1.1", "{}", orders), clock.now())


@dataclass
class Course:
    """What becomes of what is owed to some destinations, minute by minute of a clock in the hand.

    Attributes:
        results: where the files of the results lie.
    """

    results: Path
    destinations: dict[str, Destination]
    ledger: SqlLedger
    clock: HeldClock = field(default_factory=HeldClock)
    random: Random = field(default_factory=lambda: Random(5))  # noqa: S311 - jitter guards no secret

    def deliver_for(self, seconds: int) -> None:
        """What is due is sent, and overdue answers are asked for, as the node's ticks do."""
        for _ in range(0, seconds, STEP_S):
            while deliver_once(
                self.ledger, self.clock, "sender", self.destinations, self.results.joinpath, random=self.random
            ):
                pass
            chase_commitments(self.ledger, self.clock, ASKING)
            self.clock.advance(STEP_S)

    def heard(self, report: CommitmentReport) -> bool:
        """A destination answers for what it took."""
        return note_report(self.ledger, self.clock, report, ASKING)

    def deliver_until_committed(self) -> None:
        """All is sent, and answered for by associations of the destination's own."""
        self.deliver_for(20 * STEP_S)
        deadline = monotonic() + 30
        while self.states != {DeliveryState.COMMITTED}:
            assert monotonic() < deadline, self.ledger.deliveries()
            sleep(0.05)

    @property
    def states(self) -> set[DeliveryState]:
        return {delivery.state for delivery in self.ledger.deliveries()}

    def without_destinations(self, *orders: DeliveryOrder) -> None:
        """An hour in which nobody answers: attempts become seldom, and none is the last one."""
        for slide in SLIDES:
            owe(self.ledger, self.clock, slide, orders)
        self.deliver_for(HOUR_S)
        assert self.states == {DeliveryState.WAITING}
        assert all(5 <= delivery.attempts <= 40 for delivery in self.ledger.deliveries())


@pytest.fixture
def course(tmp_path: Path) -> Iterator[Course]:
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield Course(tmp_path, {}, ledger)
    ledger.close()


def pacs_process(folder: Path, port: int, *options: str) -> AbstractContextManager[object]:
    command = ["marrowcount_adapters.dimse.pacs", "--ae", "PACS", "--port", str(port), *options]
    return module_process([*command, "--folder", str(folder / "pacs")], folder / "pacs.log")


def test_an_hour_without_destinations_is_made_up_for(course: Course, tmp_path: Path) -> None:
    """Within one pause of their return all is there."""
    pacs_port, ehr_port = free_port(), free_port()
    course.destinations |= {
        "pacs": DicomDestination("pacs", Peer("PACS", "127.0.0.1", pacs_port), CALLING, commit=False),
        "ehr": FhirDestination("ehr", f"http://127.0.0.1:{ehr_port}/fhir"),
    }
    files = result_files(tmp_path)
    (tmp_path / "fhir.json").write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": []}))
    course.without_destinations(
        _order(files),
        DeliveryOrder(DeliveryKind.FHIR, "ehr", ("fhir.json",)),
    )
    ehr = ["marrowcount_adapters.fhir_client.stand_in", "--port", str(ehr_port), "--folder", str(tmp_path / "ehr")]
    with pacs_process(tmp_path, pacs_port), module_process(ehr, tmp_path / "ehr.log"):
        course.deliver_for(20 * STEP_S)
    assert course.states == {DeliveryState.DELIVERED}
    assert len(list((tmp_path / "pacs").glob("*.dcm"))) == len(files)
    assert len(list((tmp_path / "ehr").iterdir())) == len(SLIDES)


def test_an_hour_without_an_archive_that_answers_for_results_is_made_up_for(course: Course, tmp_path: Path) -> None:
    """All is sent when it is back, storage commitment asked for, and granted for every file that it then holds."""
    port = free_port()
    peer = Peer("PACS", "127.0.0.1", port)
    course.destinations["pacs"] = DicomDestination("pacs", peer, CALLING, commit=True, on_commitment=course.heard)
    files = result_files(tmp_path)
    course.without_destinations(_order(files))
    with pacs_process(tmp_path, port):
        course.deliver_until_committed()
    assert len(list((tmp_path / "pacs").glob("*.dcm"))) == len(files)


def test_an_archive_that_is_gone_before_it_answers_is_asked_again(course: Course, tmp_path: Path) -> None:
    """It took all and was asked to answer for it; an hour later nothing is left to send, and it answers when asked."""
    port, files = free_port(), result_files(tmp_path)
    peer = Peer("PACS", "127.0.0.1", port)
    course.destinations["pacs"] = DicomDestination(
        "pacs", peer, CALLING, commit=True
    )  # reports would come to a listener
    owe(course.ledger, course.clock, SLIDES[0], (_order(files),))
    with pacs_process(tmp_path, port, "--event-to", f"MARROWCOUNT@127.0.0.1:{free_port()}"):  # where nobody hears
        course.deliver_for(STEP_S)
    assert course.states == {DeliveryState.DELIVERED}
    course.deliver_for(HOUR_S)
    (waiting,) = course.ledger.deliveries()
    assert (waiting.state, waiting.asks, list(waiting.unsent)) == (DeliveryState.WAITING, 1, [])
    course.destinations["pacs"] = DicomDestination("pacs", peer, CALLING, commit=True, on_commitment=course.heard)
    with pacs_process(tmp_path, port):
        course.deliver_until_committed()


def test_an_hour_without_a_dicomweb_server_is_made_up_for(course: Course, tmp_path: Path) -> None:
    """By STOW-RS: all is there when it is back, as it was sent, and what a second slide repeats is no failure."""
    port, files = free_port(), result_files(tmp_path)
    course.destinations["web"] = StowDestination("web", f"http://127.0.0.1:{port}{BASE}", timeout_s=20)
    course.without_destinations(DeliveryOrder(DeliveryKind.STOW, "web", tuple(file.name for file in files)))
    server = web_node(tmp_path / "server")
    with served(server.app, port=port):
        course.deliver_for(20 * STEP_S)
    assert course.states == {DeliveryState.DELIVERED}
    for file in files:
        held = server.ledger.instance(str(dcmread(file).SOPInstanceUID))
        assert held is not None
        assert server.store.path(held.file.path).read_bytes() == file.read_bytes()


def _order(files: list[Path]) -> DeliveryOrder:
    return DeliveryOrder(DeliveryKind.DICOM, "pacs", tuple(file.name for file in files))
