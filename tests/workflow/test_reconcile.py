"""Disk and ledger after crashes, clean-ups and damage."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from itertools import count
from typing import TYPE_CHECKING

import pytest

from marrowcount.errors import StorageError
from marrowcount.ports import EventKind
from marrowcount.slides.states import SlideState
from marrowcount.testing import HeldClock, InMemoryLedger
from marrowcount.workflow.receive import Outcome, Receipt, ReceiveLimits, Receiving
from marrowcount.workflow.reconcile import FOUND_SENDER, Finding, reconcile
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.wsi.header import read_facts
from slide_files import slide_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UID, SERIES = "1.2.3.4", "1.2.3"


class Killed(BaseException):
    """The process ends here, without a chance to clear up."""


class Node:
    """A node on a disk that outlives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = InMemoryLedger()
        self.start()

    def start(self) -> dict[Finding, int]:
        """Start it, after a crash or for the first time; what it found."""
        self.store = FolderStore(self.folder / "store")
        self.receiving = Receiving(self.store, self.ledger, HeldClock(), read_facts, ReceiveLimits(min_free_bytes=0))
        return reconcile(self.store, self.ledger, HeldClock(), read_facts).found

    def receive(self, slide: Path) -> Receipt:
        """As a listener does."""
        arriving = self.receiving.arriving()
        arriving.write(slide.read_bytes())
        receipt = self.receiving.take(arriving.path, "SCANNER", "", "", arriving.finish())
        arriving.discard()
        return receipt

    def events(self) -> list[EventKind]:
        return [event.kind for event in self.ledger.events(SERIES)]

    def quarantined(self) -> list[str]:
        reasons = self.store.path("quarantine").glob("*.reason.json")
        return [json.loads(reason.read_text())["reason"] for reason in reasons]

    def faults(self) -> list[str]:
        """Where disk and ledger disagree."""
        entries = {entry.file.path: entry.file.sha256 for entry in self.ledger.held_files()}
        files = {
            path: hashlib.sha256(self.store.path(path).read_bytes()).hexdigest() for path in self.store.kept_files()
        }
        return [path for path in entries | files if entries.get(path) != files.get(path)]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    return slide_file(tmp_path / "slide.dcm", UID)


def kill(patch: pytest.MonkeyPatch, ledger: InMemoryLedger, at: int) -> None:
    """End the process at its nth step that changes disk or ledger; each counts twice, before and after it is done."""
    steps = count(1)

    def killable(function: Callable[..., object]) -> Callable[..., object]:
        def step(*arguments: object, **named: object) -> object:
            if next(steps) == at:
                raise Killed
            done = function(*arguments, **named)
            if next(steps) == at:
                raise Killed
            return done

        return step

    for name in ("open", "write", "fsync", "link", "mkdir", "unlink", "replace"):
        patch.setattr(os, name, killable(getattr(os, name)))
    for name in ("record_instance", "restore_file", "note_missing"):
        patch.setattr(ledger, name, killable(getattr(ledger, name)))


def killed(node: Node, at: int, work: Callable[[], object]) -> bool:
    """Whether the work was long enough to be killed at this step."""
    with pytest.MonkeyPatch.context() as patch:
        kill(patch, node.ledger, at)
        try:
            work()
        except Killed:
            return True
    return False


def aged(store: FolderStore) -> None:
    """As if the files of the inbox had lain there for some time."""
    for path in store.incoming.iterdir():
        os.utime(path, (time.time() - 60,) * 2)


def test_a_crash_at_any_step_leaves_disk_and_ledger_in_agreement(tmp_path: Path, slide: Path) -> None:
    """Whatever step was the last: after the next start every file has its entry, and sending again succeeds."""
    for at in count(1):
        node = Node(tmp_path / str(at))
        was_killed = killed(node, at, lambda node=node: node.receive(slide))
        node.start()
        assert node.faults() == []
        assert node.receive(slide).taken
        assert (node.faults(), node.quarantined(), len(node.store.kept_files())) == ([], [], 1)
        if not was_killed:
            break
    assert at > 16


def test_a_crash_while_reconciling_is_reconciled(tmp_path: Path, slide: Path) -> None:
    """The start after a crash may crash as well."""
    for at in count(1):
        node = Node(tmp_path / str(at))
        node.receive(slide)
        (entry,) = node.ledger.held_files()
        elsewhere = f"instances/{SERIES}/{UID}.0123456789abcdef.dcm"
        node.store.path(entry.file.path).rename(node.store.path(elsewhere))
        slide_file(node.store.path(f"instances/{SERIES}/9.9.dcm"), "9.8")
        was_killed = killed(node, at, node.start)
        node.start()
        assert (node.faults(), len(node.quarantined())) == ([], 1)
        assert [held.file.path for held in node.ledger.held_files()] == [elsewhere]
        if not was_killed:
            break
    assert at > 6


def test_agreement_is_left_alone(node: Node, slide: Path) -> None:
    """Nothing is found where nothing is wrong, however often one looks."""
    node.receive(slide)
    assert (node.start(), node.start()) == ({}, {})
    assert node.events() == [EventKind.OPENED]


def test_file_without_an_entry_is_adopted(node: Node, slide: Path) -> None:
    """It is complete, for its name came after its content; whoever sends it again hears success."""
    node.receiving.take(slide, "SCANNER", "", "")
    node.ledger = InMemoryLedger()
    assert node.start() == {Finding.ADOPTED: 1}
    held = node.ledger.instance(UID)
    assert held is not None
    assert held.sender == FOUND_SENDER
    assert node.faults() == []
    assert node.receive(slide).outcome is Outcome.IDENTICAL


def test_file_that_is_no_instance_goes_to_the_quarantine(node: Node) -> None:
    """With its reason, for a person to look at."""
    folder = node.store.path(f"instances/{SERIES}")
    folder.mkdir()
    (folder / f"{UID}.dcm").write_bytes(b"no DICOM")
    assert node.start() == {Finding.QUARANTINED: 1}
    (reason,) = node.quarantined()
    assert "[not-dicom]" in reason
    assert node.start() == {}


def test_file_under_another_name_is_not_believed(node: Node) -> None:
    """Somebody put it there by hand."""
    folder = node.store.path(f"instances/{SERIES}")
    folder.mkdir()
    slide_file(folder / "9.9.9.dcm", UID)
    assert node.start() == {Finding.QUARANTINED: 1}
    assert "[file-misplaced]" in node.quarantined()[0]


def test_second_file_of_an_instance_is_compared(node: Node, slide: Path) -> None:
    """The same data set twice is one too many; another one goes to the quarantine, and the first stands."""
    node.receive(slide)
    first = node.ledger.instance(UID)
    folder = node.store.path(f"instances/{SERIES}")
    (folder / f"{UID}.1111111111111111.dcm").write_bytes(slide.read_bytes())
    slide_file(folder / f"{UID}.2222222222222222.dcm", UID, ContainerIdentifier="another glass")
    assert node.start() == {Finding.DUPLICATE: 1, Finding.QUARANTINED: 1}
    assert node.ledger.instance(UID) == first
    assert node.faults() == []


def test_entry_without_its_file_raises_the_alarm_once_and_is_healed_by_sending_again(node: Node, slide: Path) -> None:
    """The slide's history tells of the loss and of the return; the same bytes are no reason to count again."""
    node.receive(slide)
    node.ledger.mark_ready(SERIES, 1, "complete", HeldClock().now())
    node.store.path(node.store.kept_files()[0]).unlink()
    assert (node.start(), node.start()) == ({Finding.MISSING: 1}, {Finding.MISSING: 1})
    assert node.events()[-1:] == [EventKind.FILE_MISSING]
    assert node.events().count(EventKind.FILE_MISSING) == 1
    assert node.receive(slide).outcome is Outcome.IDENTICAL
    assert node.events()[-1:] == [EventKind.FILE_RESTORED]
    assert (node.start(), node.faults()) == ({}, [])


def test_other_bytes_in_place_of_a_lost_file_are_counted_again(node: Node, slide: Path, tmp_path: Path) -> None:
    """The first ones are lost, so these are the best there are; entry and file agree, and a new revision opens."""
    node.receive(slide)
    node.ledger.mark_ready(SERIES, 1, "complete", HeldClock().now())
    node.store.path(node.store.kept_files()[0]).unlink()
    other = slide_file(tmp_path / "other.dcm", UID, ContainerIdentifier="another glass")
    assert node.receive(other).taken
    found = node.ledger.slide(SERIES)
    assert found is not None
    assert (found.state, found.revision) == (SlideState.RECEIVING, 2)
    assert node.faults() == []


def test_file_of_another_length_is_damaged(node: Node, slide: Path) -> None:
    """It goes to the quarantine, the entry raises the alarm, and sending again heals it."""
    node.receive(slide)
    path = node.store.path(node.store.kept_files()[0])
    path.write_bytes(path.read_bytes()[:-10])
    assert node.start() == {Finding.ALTERED: 1, Finding.MISSING: 1}
    assert "[file-altered]" in node.quarantined()[0]
    assert node.receive(slide).taken
    assert (node.start(), node.faults()) == ({}, [])


def test_half_a_file_of_a_dead_process_is_swept_and_that_of_a_living_one_is_not(node: Node) -> None:
    """Who writes a file holds its lock, and the system lets go of it however a process ends."""
    living, dead = node.store.arriving(), node.store.arriving()
    for file in (living, dead):
        file.write(b"half")
    fcntl.flock(dead._descriptor, fcntl.LOCK_UN)  # as the end of its process does
    assert node.store.sweep(older_than_s=3600) == 0  # another process may be about to lock what it has just made
    aged(node.store)
    assert node.store.sweep(older_than_s=3600) == 1
    assert list(node.store.incoming.iterdir()) == [living.path]
    living.discard()
    dead.discard()


def test_failing_database_is_told(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that cannot ask its ledger does not start."""

    def fail() -> None:
        raise StorageError("database-failed", "the database is locked")

    monkeypatch.setattr(node.ledger, "held_files", fail)
    with pytest.raises(StorageError):
        node.start()
