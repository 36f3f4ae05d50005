"""The node performs workitems: over real sockets, with its own database, killed and started again, raced for."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.transport import AssociationSocket

from marrowcount.errors import PeerError
from marrowcount.main.dimse_service import dimse_service
from marrowcount.main.parts import Parts, open_parts
from marrowcount.main.worklist_service import worklist_service
from marrowcount.main.worklists import performing_of, ups_service, worklist_of
from marrowcount.ports import CountedOutcome, TaskState
from marrowcount.settings import NodeSection, Settings, WorklistSection
from marrowcount.testing import made_up_instance
from marrowcount_adapters.dimse.sockets import BoundedSocket
from marrowcount_adapters.ups import UpsWorklist
from marrowcount_adapters.ups.worklist import UpsService
from marrowcount_adapters.ups_worklist import events
from marrowcount_adapters.ups_worklist.json_model import Attributes, first, items
from ups_scp import send_event, ups_scp
from workitems import COUNT, STATION, RunningWorklist, code_item, input_item, running_worklist

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from marrowcount.workflow.performing import Performing
    from marrowcount.workitems import WorkitemState

SLIDE, UID = "1.2.3", "2.25.1"
ANN = "1.2.840.10008.5.1.4.1.1.91.1"
PATIENCE_S = 60.0
PERFORMED, PROGRESS = "UnifiedProcedureStepPerformedProcedureSequence", "ProcedureStepProgressInformationSequence"
DISCONTINUED = "ProcedureStepDiscontinuationReasonCodeSequence"


@pytest.fixture(autouse=True)
def _peers_close_their_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AssociationSocket, "_shutdown_socket", BoundedSocket._shutdown_socket)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningWorklist]:
    with running_worklist(tmp_path / "worklist") as worklist:
        yield worklist


def section(server: RunningWorklist, **changes: Any) -> WorklistSection:  # noqa: ANN401 - any setting
    station = f"{STATION.value}^{STATION.scheme}^{STATION.meaning}"
    said = {"name": "ris", "url": server.url, "station": station, "look_s": 0.1, "poll_s": 3600.0}
    return WorklistSection(**(said | changes))


def settings_of(folder: Path, *worklists: WorklistSection) -> Settings:
    return Settings(node=NodeSection(data_folder=folder, port=0), worklist=worklists)


@dataclass
class Node:
    """A node's parts, and what happens to its slide without listener and worker."""

    parts: Parts

    def receive(self) -> None:
        for number in (1, 2):
            self.parts.ledger.record_instance(made_up_instance(SLIDE, number, self.parts.clock.now()))

    def count(self) -> None:
        now, ledger = self.parts.clock.now(), self.parts.ledger
        assert ledger.mark_ready(SLIDE, 1, "complete", now)
        job = ledger.lease_job("worker", now, 60)
        assert job is not None
        folder = self.parts.settings.results_folder / SLIDE / "1.1"
        folder.mkdir(parents=True)
        write_result(folder / "cells.ann.dcm")
        assert ledger.finish(job, CountedOutcome(f"{SLIDE}/1.1", "{}", ()), now)

    @property
    def task_states(self) -> list[TaskState]:
        return [task.state for task in self.parts.tasks.tasks()]


def write_result(path: Path) -> None:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = ANN, "1.2.99.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2", "1.2.99"
    dataset.file_meta = Dataset()  # type: ignore[assignment] # made whole when it is written
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)


@contextmanager
def node(folder: Path, *worklists: WorklistSection) -> Iterator[Node]:
    with open_parts(settings_of(folder, *worklists)) as parts:
        yield Node(parts)


def wait_for(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_workitem_is_performed(tmp_path: Path, server: RunningWorklist) -> None:
    """The worklist tells of it by WebSocket; it is claimed, reported on, and completed with the result's objects."""
    with node(tmp_path / "node", section(server)) as ours, worklist_service(ours.parts) as announced:
        assert announced == {"worklists": ["ris"]}
        wait_for(lambda: server.operations.hub.connected("MARROWCOUNT") == 1)
        server.schedule(UID, input_item(SLIDE, "1.2.3.1", "1.2.3.2"))
        wait_for(lambda: server.state(UID) == "IN PROGRESS")
        ours.receive()
        ours.count()
        wait_for(lambda: server.state(UID) == "COMPLETED")
        wait_for(lambda: ours.task_states == [TaskState.COMPLETED])
    (step,) = items(server.workitem(UID), PERFORMED)
    assert first(items(step, "PerformedStationNameCodeSequence")[0], "CodeValue") == STATION.value
    assert first(items(step, "PerformedWorkitemCodeSequence")[0], "CodeValue") == COUNT.value
    (output,) = items(step, "OutputInformationSequence")
    (reference,) = items(output, "ReferencedSOPSequence")
    assert first(reference, "ReferencedSOPInstanceUID") == "1.2.99.1"
    assert first(items(output, "DICOMRetrievalSequence")[0], "RetrieveAETitle") == "MARROWCOUNT"


def test_a_wish_to_cancel_is_heard(tmp_path: Path, server: RunningWorklist) -> None:
    """By the same channel; the workitem is cancelled with the proposed reason."""
    with node(tmp_path / "node", section(server)) as ours, worklist_service(ours.parts):
        wait_for(lambda: server.operations.hub.connected("MARROWCOUNT") == 1)
        server.schedule(UID, input_item(SLIDE, "1.2.3.1"))
        wait_for(lambda: server.state(UID) == "IN PROGRESS")
        wait_for(lambda: ours.task_states == [TaskState.HELD])
        wish: Attributes = {"0074100E": {"vr": "SQ", "Value": [code_item(COUNT)]}}
        assert server.client.post(f"/workitems/{UID}/cancelrequest/RIS", json=[wish]).status_code == 202
        wait_for(lambda: server.state(UID) == "CANCELED")
    (progress,) = items(server.workitem(UID), PROGRESS)
    assert items(progress, DISCONTINUED) == [code_item(COUNT)]
    assert first(progress, "ReasonForCancellation") == "cancellation requested by RIS"


def test_a_worklist_that_was_away_is_found_again(tmp_path: Path) -> None:
    """The channel is opened anew, and what was scheduled meanwhile is looked for."""
    with running_worklist(tmp_path / "worklist") as before:
        port = before.server.port
    ours_section = WorklistSection(
        name="ris", url=f"http://127.0.0.1:{port}", station="MARROWCOUNT^99TEST^x", look_s=0.1, poll_s=3600.0
    )
    with node(tmp_path / "node", ours_section) as ours, worklist_service(ours.parts):
        with running_worklist(tmp_path / "worklist", port=port) as server:
            server.schedule(UID, input_item(SLIDE, "1.2.3.1"))
            wait_for(lambda: server.state(UID) == "IN PROGRESS")
            wait_for(lambda: server.operations.hub.connected("MARROWCOUNT") == 1)
        with running_worklist(tmp_path / "worklist", port=port) as server:
            wait_for(lambda: server.operations.hub.connected("MARROWCOUNT") == 1)
            server.schedule("2.25.2", input_item(SLIDE, "1.2.3.1"))
            wait_for(lambda: server.state("2.25.2") == "IN PROGRESS")


def test_without_subscription_it_looks_by_itself(tmp_path: Path, server: RunningWorklist) -> None:
    """At every interval."""
    server.schedule(UID, input_item(SLIDE, "1.2.3.1"))
    polling = section(server, subscribe=False, poll_s=1.0)
    with node(tmp_path / "node", polling) as ours, worklist_service(ours.parts):
        wait_for(lambda: server.state(UID) == "IN PROGRESS")
        server.schedule("2.25.2", input_item(SLIDE, "1.2.3.1"))
        wait_for(lambda: server.state("2.25.2") == "IN PROGRESS")
        assert server.operations.hub.connected("MARROWCOUNT") == 0


def test_a_dimse_worklist_tells_the_listener(tmp_path: Path, server: RunningWorklist) -> None:
    """Subscribed by N-ACTION, claimed by N-ACTION, told by N-EVENT-REPORT that it is not wanted any more."""
    with ups_scp(server.operations) as scp:
        by_dimse = section(server, kind="dimse", url="", ae_title="RIS", host="127.0.0.1", port=scp.port)
        with node(tmp_path / "node", by_dimse) as ours, dimse_service(ours.parts) as announced:
            port = announced["port"]
            assert isinstance(port, int)
            with worklist_service(ours.parts):
                wait_for(lambda: any(service == "N-ACTION 3" for service, _, _ in scp.seen))
                server.schedule(UID, input_item(SLIDE, "1.2.3.1"))
                state = events.state_report(UID, server.workitem(UID))
                assert send_event(port, "MARROWCOUNT", state) == 0x0000
                wait_for(lambda: server.state(UID) == "IN PROGRESS")
                wait_for(lambda: ours.task_states == [TaskState.HELD])
                wish = events.cancel_requested(UID, "HIS", {})
                assert send_event(port, "MARROWCOUNT", wish) == 0x0000
                wait_for(lambda: server.state(UID) == "CANCELED")
    pull, push = "1.2.840.10008.5.1.4.34.6.3", "1.2.840.10008.5.1.4.34.6.1"
    assert {seen for seen in scp.seen if seen[0] in {"N-SET", "N-ACTION 1", "C-FIND"}} == {
        ("C-FIND", pull, pull),
        ("N-SET", push, pull),
        ("N-ACTION 1", push, pull),
    }


class KilledError(BaseException):
    """The process ends here."""


@dataclass
class DyingService(UpsService):
    """Dies at a call, before it is made or before its answer is heard."""

    service: UpsService
    dies_at: int
    when: str
    calls: int = 0

    def find(self, keys: Any) -> Any:  # noqa: ANN401 - as the service
        return self.service.find(keys)

    def get(self, uid: str) -> Any:  # noqa: ANN401 - as the service
        return self.service.get(uid)

    def set(self, uid: str, transaction_uid: str, update: Dataset) -> Any:  # noqa: ANN401 - as the service
        return self._dying(lambda: self.service.set(uid, transaction_uid, update))

    def change(self, uid: str, transaction_uid: str, state: WorkitemState) -> Any:  # noqa: ANN401 - as the service
        return self._dying(lambda: self.service.change(uid, transaction_uid, state))

    def subscribe(self, keys: Any) -> str:  # noqa: ANN401 - as the service
        return self.service.subscribe(keys)

    def check(self) -> str:
        return self.service.check()

    def _dying(self, call: Callable[[], object]) -> object:
        self.calls += 1
        if self.calls == self.dies_at and self.when == "before":
            raise KilledError
        answer = call()
        if self.calls == self.dies_at:
            raise KilledError
        return answer


def performing(ours: Node, ours_section: WorklistSection, dying: DyingService | None = None) -> Performing:
    service = dying or ups_service(ours_section, ours.parts.settings, ours.parts.trail)
    made = performing_of(ours_section, ours.parts, worklist_of(ours_section, ours.parts.settings, service))
    return replace(made, random=Random(7))  # noqa: S311 - jitter


def go_on(part: Performing, parts: Parts) -> None:
    """Look at what is due, as if its pauses were over."""
    for task in parts.tasks.tasks(TaskState.CLAIMING, TaskState.HELD):
        parts.tasks.wake_task("ris", task.order.workitem_uid, parts.clock.now())
    part.advance()


def perform(part: Performing, ours: Node) -> None:
    """From claim to completion."""
    for step in (lambda: None, ours.receive, ours.count, lambda: None):
        go_on(part, ours.parts)
        step()


CALLS = {1: "claim", 2: "progress", 3: "result", 4: "completion"}


@pytest.mark.parametrize("kind", ["upsrs", "dimse"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("dies_at", CALLS, ids=CALLS.values())
def test_a_node_killed_at_any_step_goes_on(
    tmp_path: Path, server: RunningWorklist, dies_at: int, when: str, kind: str
) -> None:
    """A new process on the same database takes up its own workitem, and completes it once."""
    server.schedule(UID, input_item(SLIDE, "1.2.3.1", "1.2.3.2"))
    with ups_scp(server.operations) as scp:
        dimse = {"kind": "dimse", "url": "", "ae_title": "RIS", "host": "127.0.0.1", "port": scp.port}
        ours_section = section(server, **(dimse if kind == "dimse" else {}))
        with node(tmp_path / "node", ours_section) as ours:
            dying = DyingService(ups_service(ours_section, ours.parts.settings, ours.parts.trail), dies_at, when)
            part = performing(ours, ours_section, dying)
            part.take_on()
            with pytest.raises(KilledError):
                perform(part, ours)
            lock = ours.parts.tasks.tasks()[0].order.transaction_uid
        with node(tmp_path / "node", ours_section) as again:
            if again.parts.ledger.slide(SLIDE) is None:
                again.receive()
            slide = again.parts.ledger.slide(SLIDE)
            if slide is not None and slide.result_folder == "":
                again.count()
            let_leases_end(again.parts)
            for _ in range(4):
                go_on(performing(again, ours_section), again.parts)
            assert again.task_states == [TaskState.COMPLETED]
            assert again.parts.tasks.tasks()[0].order.transaction_uid == lock
    told = server.workitem(UID)
    assert first(told, "ProcedureStepState") == "COMPLETED"
    assert len(items(items(told, PERFORMED)[0], "OutputInformationSequence")) == 1


def let_leases_end(parts: Parts) -> None:
    """As after a minute: the dead process's lease of its task is over."""
    later = parts.clock.now().replace(year=2100)
    for task in iter(lambda: parts.tasks.lease_task("ris", later, 0), None):
        assert parts.tasks.keep_task(task, parts.clock.now(), parts.clock.now())
        return


def test_two_nodes_race_for_a_workitem(tmp_path: Path, server: RunningWorklist) -> None:
    """Each with a database of its own: one performs it, the other lets go of it."""
    server.schedule(UID, input_item(SLIDE, "1.2.3.1", "1.2.3.2"))
    ours_section = section(server)
    with node(tmp_path / "one", ours_section) as one, node(tmp_path / "two", ours_section) as two:
        parts = [(performing(each, ours_section), each) for each in (one, two)]
        assert [part.take_on() for part, _ in parts] == [1, 1]
        for part, each in reversed(parts):
            go_on(part, each.parts)
        assert (one.task_states, two.task_states) == ([TaskState.LOST], [TaskState.HELD])


def test_a_worklist_that_does_not_answer_harms_nobody(tmp_path: Path) -> None:
    """The node starts, keeps looking, and stops when it is told to."""
    away = WorklistSection(name="ris", url="http://127.0.0.1:1", look_s=0.1, poll_s=1.0)
    with node(tmp_path / "node", away) as ours:
        with worklist_service(ours.parts):
            pass
        service = ups_service(away, ours.parts.settings, ours.parts.trail)
        worklist = worklist_of(away, ours.parts.settings, service)
        assert isinstance(worklist, UpsWorklist)
        with pytest.raises(PeerError, match="no-answer"):
            worklist.scheduled()


def test_a_node_without_worklists_performs_nothing(tmp_path: Path) -> None:
    """It is the default."""
    with node(tmp_path / "node") as ours, worklist_service(ours.parts) as announced:
        assert announced == {}
