"""A database that is gone for a while: senders are asked to try later, and what was acknowledged is there after."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from cut_line import cut_line
from marrowcount.errors import StorageError
from marrowcount.ports import CountedOutcome, DeliveryKind, DeliveryOrder
from marrowcount.slides.states import DeliveryState, SlideState
from marrowcount.testing import HeldClock, RecordingDestination
from marrowcount.workflow.deliver import deliver_once
from marrowcount.workflow.work import WorkSettings, work_once
from marrowcount_adapters.dimse import Calling, send_files
from marrowcount_adapters.sql import opening
from peer_node import faults_of, peer_node
from slide_files import slide_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from marrowcount.ports import Job
    from marrowcount.workflow.leases import Lease
    from peer_node import PeerNode

CALLING = Calling("SCANNER", answer_s=60)
OUT_OF_RESOURCES = 0xA700
SLIDE, MINUTE_S = "1.2.3", 60


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [slide_file(tmp_path / f"{n}.dcm", f"1.2.3.{n}") for n in range(4)]


def statuses(node: PeerNode, *files: Path) -> list[int | None]:
    return [sent.status for sent in send_files(list(files), node.peer, CALLING).sent]


def outlives(node: PeerNode, files: list[Path], go: Callable[[], None], come: Callable[[], None]) -> None:
    """The course of every such fault."""
    assert statuses(node, files[0], files[1]) == [0, 0]
    go()
    assert statuses(node, files[2], files[3]) == [OUT_OF_RESOURCES] * 2
    assert statuses(node, files[0]) == [OUT_OF_RESOURCES]
    come()
    assert statuses(node, *files) == [0] * 4
    assert [path for path in node.store.incoming.rglob("*") if path.is_file()] == []


def uids(files: list[Path]) -> list[str]:
    return [f"1.2.3.{n}" for n in range(len(files))]


def test_a_locked_database_is_waited_out(tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A backup or a person that holds SQLite for longer than the node waits."""
    monkeypatch.setattr(opening, "BUSY_S", 0.1)
    with peer_node(tmp_path / "node") as node, ExitStack() as stack:

        def lock() -> None:
            holder = stack.enter_context(closing(sqlite3.connect(tmp_path / "node" / "ledger.sqlite", timeout=60)))
            holder.execute("BEGIN EXCLUSIVE")

        assert statuses(node, files[0], files[1]) == [0, 0]
        lock()
        assert statuses(node, files[2]) == [OUT_OF_RESOURCES]
        stack.close()
        assert statuses(node, *files) == [0] * 4
    assert faults_of(tmp_path / "node", uids(files)) == []


def test_a_database_that_was_moved_away_is_not_begun_anew(tmp_path: Path, files: list[Path]) -> None:
    """An empty one in its place would make the node forget; it says that the database is gone, until it is back."""
    there, away = tmp_path / "node" / "ledger.sqlite", tmp_path / "away"
    with peer_node(tmp_path / "node") as node:

        def go() -> None:
            node.ledger._engine.dispose()  # as after an hour without work
            there.rename(away)

        def come() -> None:
            assert not there.exists()
            away.rename(there)

        outlives(node, files, go, come)
    assert faults_of(tmp_path / "node", uids(files)) == []


@pytest.fixture
def postgresql(postgresql_url: str) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """URL of a database behind a line, and what cuts and what mends it."""
    url = make_url(postgresql_url)
    with cut_line(url.host or "127.0.0.1", url.port or 5432) as line:
        through = url.set(host="127.0.0.1", port=line.port)
        yield through.render_as_string(hide_password=False), line.cut, line.mend


def test_a_server_that_is_gone_is_waited_out(
    tmp_path: Path, files: list[Path], postgresql: tuple[str, Callable[[], None], Callable[[], None]]
) -> None:
    """PostgreSQL is restarted, or the line to it is cut."""
    url, cut, mend = postgresql
    with peer_node(tmp_path / "node", url=url) as node:
        outlives(node, files, cut, mend)
    assert faults_of(tmp_path / "node", uids(files), url) == []


def test_work_goes_on_when_the_server_is_back(
    tmp_path: Path, files: list[Path], postgresql: tuple[str, Callable[[], None], Callable[[], None]]
) -> None:
    """A slide that was being counted, and a result that was being sent, are taken up again, and each is done once."""
    url, cut, mend = postgresql
    clock, pacs = HeldClock(), RecordingDestination("pacs")
    order = DeliveryOrder(DeliveryKind.DICOM, "pacs", ("ann.dcm",))
    (tmp_path / "ann.dcm").write_bytes(b"DICM")

    def count(_job: Job, _lease: Lease) -> CountedOutcome:
        if not pacs.sent:
            interrupt()
        return CountedOutcome("1.2.3/1", "{}", (order,))

    def interrupt() -> None:
        nonlocal cut
        cut()
        cut = lambda: None  # noqa: E731 - only the first time

    with peer_node(tmp_path / "node", url=url) as node:
        assert statuses(node, *files) == [0] * 4
        assert node.ledger.mark_ready(SLIDE, 1, "complete", clock.now())
        how = WorkSettings(lease_s=60)
        with pytest.raises(StorageError):
            work_once(node.ledger, clock, "worker", count, how)
        mend()
        assert not work_once(node.ledger, clock, "worker", count, how)
        clock.advance(60)
        assert work_once(node.ledger, clock, "worker", count, how)
        assert node.ledger.slides()[0].state is SlideState.COUNTED
        assert deliver_once(node.ledger, clock, "sender", {"pacs": pacs}, tmp_path.joinpath)
        assert not deliver_once(node.ledger, clock, "sender", {"pacs": pacs}, tmp_path.joinpath)
        assert [d.state for d in node.ledger.deliveries()] == [DeliveryState.DELIVERED]


def test_a_minute_without_the_database_costs_a_minute(tmp_path: Path, files: list[Path]) -> None:
    """SQLite is away from the midst of a count on, for a minute of the clock: every loop fails and none gives up.

    Senders are asked to try later all the while. When it is back the slide is counted and its result sent, each once.
    """
    clock, pacs, how = HeldClock(), RecordingDestination("pacs"), WorkSettings(lease_s=30)
    (tmp_path / "ann.dcm").write_bytes(b"DICM")
    there, away = tmp_path / "node" / "ledger.sqlite", tmp_path / "away"
    late, counts = slide_file(tmp_path / "late.dcm", "1.2.3.4"), []

    with peer_node(tmp_path / "node") as node:

        def count(job: Job, _lease: Lease) -> CountedOutcome:
            counts.append(job.attempt)
            if len(counts) == 1:
                node.ledger._engine.dispose()  # as after an hour without work
                there.rename(away)
            return CountedOutcome("1.2.3/1", "{}", (DeliveryOrder(DeliveryKind.DICOM, "pacs", ("ann.dcm",)),))

        def work() -> bool:
            return work_once(node.ledger, clock, "worker", count, how)

        def deliver() -> bool:
            return deliver_once(node.ledger, clock, "sender", {"pacs": pacs}, tmp_path.joinpath)

        assert statuses(node, *files) == [0] * 4
        assert node.ledger.mark_ready(SLIDE, 1, "complete", clock.now())
        with pytest.raises(StorageError):
            work()
        for _ in range(MINUTE_S // 5):
            for loop in (work, deliver):
                with pytest.raises(StorageError):
                    loop()
            clock.advance(5)
        assert statuses(node, late) == [OUT_OF_RESOURCES]
        assert not there.exists()
        away.rename(there)
        assert (work(), work()) == (True, False)
        assert (deliver(), deliver()) == (True, False)
        assert [d.state for d in node.ledger.deliveries()] == [DeliveryState.DELIVERED]
        assert node.ledger.slides()[0].state is SlideState.COUNTED
        assert statuses(node, late) == [0]
        assert [path for path in node.store.incoming.rglob("*") if path.is_file()] == []
    assert counts == [1, 2]
    assert len(pacs.sent) == 1
    assert faults_of(tmp_path / "node", [*uids(files), "1.2.3.4"]) == []
