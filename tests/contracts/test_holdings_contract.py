"""What every ledger promises about the files by which it answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from marrowcount.ports import EventKind, HeldFile, KeptFile, ReceivedInstance
from marrowcount.slides.states import SlideState
from marrowcount.testing import made_up_instance

if TYPE_CHECKING:
    from marrowcount.ports import Ledger

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
FIRST, OTHER = KeptFile("instances/1.2.3/a.dcm", "a" * 64, 5), KeptFile("instances/1.2.3/b.dcm", "b" * 64, 7)


def received(uid: str, file: KeptFile = FIRST) -> ReceivedInstance:
    return replace(made_up_instance("1.2.3", int(uid.rpartition(".")[2]), NOW), file=file)


def kinds(ledger: Ledger) -> list[EventKind]:
    return [event.kind for event in ledger.events("1.2.3")]


def test_held_files_are_those_of_all_instances(ledger: Ledger) -> None:
    """Each with the instance and the slide that it stands for, in the order of receipt."""
    ledger.record_instance(received("1.2.3.2"))
    ledger.record_instance(received("1.2.3.1", OTHER))
    assert list(ledger.held_files()) == [HeldFile("1.2.3.2", "1.2.3", FIRST), HeldFile("1.2.3.1", "1.2.3", OTHER)]


def test_missing_file_is_told_once(ledger: Ledger) -> None:
    """Until it was there again: then its next loss is news."""
    ledger.record_instance(received("1.2.3.1"))
    assert [ledger.note_missing("1.2.3.1", NOW) for _ in range(2)] == [True, False]
    ledger.restore_file(received("1.2.3.1"))
    assert ledger.note_missing("1.2.3.1", NOW)
    assert kinds(ledger)[1:] == [EventKind.FILE_MISSING, EventKind.FILE_RESTORED, EventKind.FILE_MISSING]


def test_nothing_is_told_of_unknown_instances(ledger: Ledger) -> None:
    """Nobody answers for them."""
    assert not ledger.note_missing("1.2.3.1", NOW)
    ledger.restore_file(received("1.2.3.1"))
    assert list(ledger.held_files()) == []
    assert kinds(ledger) == []


def test_restored_file_takes_the_place_of_the_lost_one(ledger: Ledger) -> None:
    """The same bytes elsewhere change nothing for a slide that was taken up."""
    ledger.record_instance(received("1.2.3.1"))
    ledger.mark_ready("1.2.3", 1, "complete", NOW)
    ledger.restore_file(received("1.2.3.1", replace(FIRST, path="instances/1.2.3/c.dcm")))
    (held,) = ledger.held_files()
    slide = ledger.slide("1.2.3")
    assert held.file.path == "instances/1.2.3/c.dcm"
    assert slide is not None
    assert (slide.state, slide.revision) == (SlideState.READY, 1)


def test_other_bytes_open_a_new_revision(ledger: Ledger) -> None:
    """What was counted was counted on other bytes."""
    ledger.record_instance(received("1.2.3.1"))
    ledger.mark_ready("1.2.3", 1, "complete", NOW)
    ledger.restore_file(received("1.2.3.1", OTHER))
    slide, known = ledger.slide("1.2.3"), ledger.instance("1.2.3.1")
    assert slide is not None
    assert known is not None
    assert (slide.state, slide.revision) == (SlideState.RECEIVING, 2)
    assert (known.file, known.sender) == (OTHER, "SCANNER")
    assert kinds(ledger)[-2:] == [EventKind.FILE_RESTORED, EventKind.REOPENED]
