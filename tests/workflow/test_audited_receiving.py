"""What no listener brings is audited, too: fetched from an archive, or taken in from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from marrowcount.errors import StorageError
from marrowcount.ports.audit import AuditOutcome, Held, InstancesImported, InstancesTransferred, Party, TransferBegun
from marrowcount.slides.instances import WSM_SOP_CLASS_UID
from marrowcount.testing import HeldClock, InMemoryLedger, RecordingAudit
from marrowcount.workflow.audited_receiving import AuditedReceiving
from marrowcount.workflow.auditing import AuditTrail
from marrowcount.workflow.receive import ReceiveLimits
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.wsi.header import read_facts
from marrowcount_adapters.wsi.subject import read_subject
from slide_files import slide_file

VAULT = Party("VAULT", "10.1.2.3")


class Desk:
    """Receipt with its trail, and what that audits."""

    def __init__(self, folder: Path) -> None:
        self.audit, clock = RecordingAudit(), HeldClock()
        self.trail = AuditTrail(self.audit, clock, Party("MARROWCOUNT", "node"), read_subject)
        limits = ReceiveLimits(min_free_bytes=0)
        self.receiving = AuditedReceiving(FolderStore(folder / "node"), InMemoryLedger(), clock, read_facts, limits)

    def take(self, path: Path) -> None:
        incoming = self.receiving.incoming / path.name
        incoming.write_bytes(path.read_bytes())
        self.receiving.take(incoming, "VAULT", "", "")
        incoming.unlink(missing_ok=True)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_fetch_is_told_as_a_transfer_that_the_node_asked_for(desk: Desk, tmp_path: Path) -> None:
    """From the archive to the node, by study; what was new apart from what was held."""
    first, second = slide_file(tmp_path / "a", uid="1.2.3.1"), slide_file(tmp_path / "b", uid="1.2.3.2")
    with desk.receiving.told_to(desk.trail.fetching(VAULT)):
        for path in (first, second, first):
            desk.take(path)
    begun, *told = desk.audit.rest()
    assert isinstance(begun, TransferBegun)
    assert all(isinstance(event, InstancesTransferred) for event in told)
    assert [(e.sender, e.receiver.name, e.receiver.requested, e.held, dict(e.sop_classes)) for e in told] == [
        (VAULT, "MARROWCOUNT", True, Held.NOTHING, {WSM_SOP_CLASS_UID: 2}),
        (VAULT, "MARROWCOUNT", True, Held.THE_SAME, {WSM_SOP_CLASS_UID: 1}),
    ]


def test_taking_files_in_is_told_as_an_import(desk: Desk, tmp_path: Path) -> None:
    """With the folder that was named; what was refused is a failure with its code."""
    good = slide_file(tmp_path / "a", uid="1.2.3.1")
    bad = slide_file(tmp_path / "b", uid="1.2.3.2", TotalPixelMatrixRows=None)
    with desk.receiving.told_to(desk.trail.importing("/media/usb")):
        desk.take(good)
        desk.take(bad)
    told = list(desk.audit.rest())
    assert all(isinstance(event, InstancesImported) for event in told)
    assert [(e.source, e.outcome, e.detail) for e in told if isinstance(e, InstancesImported)] == [
        ("/media/usb", AuditOutcome.SUCCESS, ""),
        ("/media/usb", AuditOutcome.SERIOUS_FAILURE, "missing-attribute"),
    ]


def test_what_came_before_a_failure_is_told(desk: Desk, tmp_path: Path) -> None:
    """An archive that goes away in the middle does not make the first half untold."""

    def broken_off() -> None:
        with desk.receiving.told_to(desk.trail.importing("x")):
            desk.take(slide_file(tmp_path / "a"))
            raise StorageError("disk-full", "full")

    with pytest.raises(StorageError):
        broken_off()
    assert len(list(desk.audit.rest())) == 1


def test_outside_of_a_block_nothing_is_told(desk: Desk, tmp_path: Path) -> None:
    """Whoever takes without a reception takes as ever."""
    desk.take(slide_file(tmp_path / "a"))
    assert list(desk.audit.rest()) == []
