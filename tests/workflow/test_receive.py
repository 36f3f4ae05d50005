from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from marrowcount.errors import InstanceError, StorageError
from marrowcount.ports import ReceivedInstance, Recording
from marrowcount.slides.geometry import SizePx, SpacingMm
from marrowcount.slides.instances import WSM_SOP_CLASS_UID, InstanceFacts
from marrowcount.testing import HeldClock, InMemoryLedger
from marrowcount.workflow.receive import Outcome, Receipt, ReceiveLimits, Receiving
from marrowcount_adapters.filesystem import FolderStore

if TYPE_CHECKING:
    from pathlib import Path

FACTS = InstanceFacts(
    sop_instance_uid="1.2.3.4",
    sop_class_uid=WSM_SOP_CLASS_UID,
    series_uid="1.2.3",
    study_uid="1.2",
    modality="SM",
    transfer_syntax_uid="1.2.840.10008.1.2.4.50",
    image_type=("ORIGINAL", "PRIMARY", "VOLUME", "NONE"),
    matrix=SizePx(1024, 1024),
    frame=SizePx(512, 512),
    number_of_frames=4,
    focal_planes=1,
    optical_paths=1,
    tiled_full=True,
    spacing=SpacingMm(0.00025, 0.00025),
    concatenation_uid=None,
    concatenation_number=None,
    concatenation_total=None,
    concatenation_offset=None,
    concatenation_source_uid=None,
    frame_of_reference_uid=None,
    pyramid_uid=None,
    container_identifier="S1",
)

LIMITS = ReceiveLimits(max_instance_bytes=1000, min_free_bytes=0)


@dataclass
class Node:
    """A node whose reading of headers the test decides."""

    folder: Path
    limits: ReceiveLimits = LIMITS
    facts: InstanceFacts | Exception = FACTS

    def __post_init__(self) -> None:
        self.store = FolderStore(self.folder)
        self.ledger = InMemoryLedger()
        self.receiving = self.with_ledger(self.ledger)

    def with_ledger(self, ledger: InMemoryLedger) -> Receiving:
        return Receiving(self.store, ledger, HeldClock(), self.read, self.limits)

    def read(self, _: Path) -> InstanceFacts:
        if isinstance(self.facts, Exception):
            raise self.facts
        return self.facts

    def take(self, content: bytes = b"slide", instance: str = "1.2.3.4", sop_class: str = WSM_SOP_CLASS_UID) -> Receipt:
        path = self.store.incoming / "tmp.dcm"
        path.write_bytes(content)
        receipt = self.receiving.take(path, "SCANNER", sop_class, instance)
        path.unlink(missing_ok=True)  # as a listener does
        return receipt

    def kept(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.store.path("instances").rglob("*.dcm"))]

    def quarantined(self) -> dict[bytes, str]:
        files = self.store.path("quarantine").glob("*.dcm")
        return {file.read_bytes(): json.loads(file.with_suffix(".reason.json").read_text())["reason"] for file in files}


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_new_instance_is_kept_and_recorded(node: Node) -> None:
    """A receipt says new when the file lies in the store and the ledger answers for it."""
    assert node.take() == Receipt(Outcome.NEW)
    recorded = node.ledger.instance("1.2.3.4")
    assert recorded is not None
    assert (recorded.facts, recorded.sender) == (FACTS, "SCANNER")
    assert node.store.path(recorded.file.path).read_bytes() == b"slide"


def test_sending_again_is_harmless(node: Node) -> None:
    """A sender that got no answer sends again: success, one file, one entry."""
    node.take()
    assert node.take() == Receipt(Outcome.IDENTICAL)
    assert node.kept() == [b"slide"]
    assert len(node.ledger.instances("1.2.3")) == 1
    assert node.quarantined() == {}


def test_first_of_two_conflicting_instances_stands(node: Node) -> None:
    """Another data set under the same identifier is never merged, and never lost: it goes to the quarantine."""
    node.take(b"first")
    receipt = node.take(b"second")
    assert (receipt.outcome, receipt.code, receipt.taken) == (Outcome.CONFLICT, "instance-conflict", False)
    assert node.kept() == [b"first"]
    assert list(node.quarantined()) == [b"second"]


def test_conflict_is_told_to_the_ledger(node: Node) -> None:
    """A slide's history shows that somebody sent something else under its identifiers."""
    node.take(b"first")
    node.take(b"second")
    assert [event.kind.value for event in node.ledger.events("1.2.3")][-1] == "conflict"


def test_conflict_that_arises_between_look_and_record_is_found(node: Node) -> None:
    """Two associations may bring the same identifier at the same moment: one of them is told of the conflict."""

    class Overtaken(InMemoryLedger):
        def instance(self, sop_instance_uid: str) -> ReceivedInstance | None:
            kept = node.store.keep(other, "1.2.3", sop_instance_uid)
            rival = ReceivedInstance(FACTS, kept, "RIVAL", HeldClock().now())
            assert self.record_instance(rival) in {Recording.NEW, Recording.IDENTICAL}
            return None

    other = node.store.incoming / "other.dcm"
    other.write_bytes(b"first")
    node.receiving = node.with_ledger(Overtaken())
    assert node.take(b"second").outcome is Outcome.CONFLICT
    assert node.kept() == [b"first"]
    assert list(node.quarantined()) == [b"second"]


@pytest.mark.parametrize("announced", [("1.2.9", WSM_SOP_CLASS_UID), ("1.2.3.4", "1.2.840.10008.5.1.4.1.1.2")])
def test_data_set_must_be_the_one_announced(node: Node, announced: tuple[str, str]) -> None:
    """A data set whose identifiers are not those of the command is refused and put aside."""
    receipt = node.take(instance=announced[0], sop_class=announced[1])
    assert (receipt.outcome, receipt.code) == (Outcome.REJECTED, "identifier-mismatch")
    assert node.kept() == []
    assert list(node.quarantined()) == [b"slide"]


def test_protocols_that_announce_nothing_are_not_held_to_it(node: Node) -> None:
    """STOW-RS names no instance before the data set does."""
    assert node.take(instance="", sop_class="").outcome is Outcome.NEW


def test_level_without_its_size_is_refused(node: Node) -> None:
    """Without total pixel matrix or frame size nothing can be read from a level."""
    node.facts = replace(FACTS, matrix=None)
    assert node.take().code == "missing-attribute"
    assert node.ledger.slides() == []


def test_documents_need_no_matrix(node: Node) -> None:
    """Annotations and reports are taken as they are."""
    node.facts = replace(FACTS, sop_class_uid="1.2.840.10008.5.1.4.1.1.91.1", image_type=(), matrix=None, frame=None)
    assert node.take(sop_class="1.2.840.10008.5.1.4.1.1.91.1").outcome is Outcome.NEW


def test_unreadable_file_is_put_aside_with_its_reason(node: Node) -> None:
    """What cannot be parsed is kept for a person, with code, sender and time."""
    node.facts = InstanceError("not-dicom", "The file is not DICOM.")
    assert node.take() == Receipt(Outcome.REJECTED, "not-dicom", "The file is not DICOM.")
    reason = node.quarantined()[b"slide"]
    assert reason == (
        "[not-dicom] The file is not DICOM. SOP Instance UID '1.2.3.4', from 'SCANNER', 2026-01-05 08:00:00+0000"
    )


def test_data_set_that_breaks_off_is_the_sender_s_fault(node: Node) -> None:
    """pydicom says so by an OSError without number; senders must not be asked to try that again for ever."""
    node.facts = OSError("No tag to read at file position 1F4")
    assert (node.take().code, list(node.quarantined())) == ("not-dicom", [b"slide"])


def test_too_large_instance_is_refused_and_not_kept(node: Node) -> None:
    """An instance beyond the limit does not fill the quarantine either."""
    assert node.take(b"x" * 1001).code == "too-large"
    assert (node.kept(), node.quarantined()) == ([], {})
    assert node.take(b"x" * 1000).taken


def test_nothing_is_taken_below_the_watermark(tmp_path: Path) -> None:
    """When space runs low senders are asked to come back; nothing is written, and nothing was recorded."""
    node = Node(tmp_path, ReceiveLimits(min_free_bytes=1 << 62))
    with pytest.raises(StorageError) as failure:
        node.take()
    assert failure.value.code == "disk-full"
    assert (node.kept(), node.ledger.slides()) == ([], [])


def test_failing_ledger_means_no_success(node: Node) -> None:
    """When the database fails, the sender hears so, and sending again succeeds with the file that lies there."""

    class Failing(InMemoryLedger):
        def record_instance(self, instance: ReceivedInstance) -> Recording:
            raise StorageError("database-failed", f"cannot record {instance.facts.sop_instance_uid}")

    node.receiving = node.with_ledger(Failing())
    with pytest.raises(StorageError):
        node.take()
    node.receiving = node.with_ledger(node.ledger)
    assert node.take().outcome is Outcome.NEW
    assert node.kept() == [b"slide"]


def test_file_deleted_since_is_taken_anew(node: Node) -> None:
    """After a clean-up the same instance may be sent again, and lies in the store again."""
    node.take()
    recorded = node.ledger.instance("1.2.3.4")
    assert recorded is not None
    node.store.path(recorded.file.path).unlink()
    assert node.take().outcome is Outcome.IDENTICAL
    assert node.kept() == [b"slide"]


def test_vanished_file_is_a_storage_error(node: Node) -> None:
    """A file that cannot be read back is the node's failure, not the sender's."""
    with pytest.raises(StorageError):
        node.receiving.take(node.store.incoming / "gone.dcm", "SCANNER", "", "")


def test_running_transfer_is_held_against_both_limits(tmp_path: Path) -> None:
    """A listener can stop a transfer before it outgrows the limit, or eats the space kept free."""
    room = Node(tmp_path, ReceiveLimits(max_instance_bytes=1000, min_free_bytes=0)).receiving
    assert room.may_continue(1000)
    assert not room.may_continue(1001)
    assert not Node(tmp_path, ReceiveLimits(min_free_bytes=1 << 62)).receiving.may_continue(1)
