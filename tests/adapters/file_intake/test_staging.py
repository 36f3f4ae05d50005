"""Files come onto the store's disk as they are, and their sources stay."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from marrowcount.errors import StorageError
from marrowcount.ports import FileKind, FoundFile, Staging
from marrowcount.slides.instances import WSM_SOP_CLASS_UID
from marrowcount.testing import HeldClock, InMemoryLedger
from marrowcount.workflow.ingest import Fate, Ingesting
from marrowcount.workflow.receive import ReceiveLimits, Receiving
from marrowcount_adapters.file_intake import CopyStaging, LinkStaging, found_files
from marrowcount_adapters.file_intake import staging as staging_module
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.wsi.header import read_facts
from slide_files import slide_file


class Node:
    def __init__(self, folder: Path, limits: ReceiveLimits | None = None) -> None:
        self.store, self.ledger = FolderStore(folder), InMemoryLedger()
        limits = limits or ReceiveLimits(min_free_bytes=0)
        self.receiving = Receiving(self.store, self.ledger, HeldClock(), read_facts, limits)

    def ingest(self, staging: Staging, *paths: Path) -> list[tuple[Fate, str]]:
        ingesting = Ingesting(self.receiving, staging, {WSM_SOP_CLASS_UID})
        return [(told.fate, told.code) for told in map(ingesting.take, found_files(paths))]

    def left_over(self) -> list[Path]:
        return list(self.store.incoming.iterdir())


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "node")


@pytest.fixture(params=[CopyStaging, LinkStaging])
def staging(request: pytest.FixtureRequest, node: Node) -> Staging:
    made: Staging = request.param(node.receiving)
    return made


def test_a_file_is_taken_in_as_it_is(node: Node, staging: Staging, tmp_path: Path) -> None:
    """Its bytes are in the store, the source is untouched, the inbox is empty; a second time nothing changes."""
    source = slide_file(tmp_path / "slide.dcm")
    before = source.read_bytes()
    assert node.ingest(staging, source) == [(Fate.TAKEN, "")]
    assert node.ingest(staging, source) == [(Fate.IDENTICAL, "")]
    held = node.ledger.instance("1.2.3.4")
    assert held is not None
    assert node.store.path(held.file.path).read_bytes() == source.read_bytes() == before
    assert (held.sender, node.left_over()) == ("ingest", [])


def test_other_bytes_of_the_same_instance_are_a_conflict(node: Node, staging: Staging, tmp_path: Path) -> None:
    """The first ones stand, the second ones lie in the quarantine, and their source stays where it is."""
    first, second = slide_file(tmp_path / "a.dcm"), slide_file(tmp_path / "b.dcm", frame_bytes=2000)
    assert node.ingest(staging, first, second) == [(Fate.TAKEN, ""), (Fate.CONFLICT, "instance-conflict")]
    assert second.exists()
    assert node.left_over() == []


def test_a_damaged_file_is_rejected_with_its_code(node: Node, staging: Staging, tmp_path: Path) -> None:
    """As it would be where it came by the network."""
    assert node.ingest(staging, slide_file(tmp_path / "a.dcm", TotalPixelMatrixRows=None)) == [
        (Fate.REJECTED, "missing-attribute")
    ]
    assert (tmp_path / "a.dcm").exists()


def test_what_is_no_instance_is_passed_over_in_a_folder_and_rejected_by_name(node: Node, tmp_path: Path) -> None:
    """Folders hold other things, too; a file that somebody names should be what they think."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "readme.txt").write_text("x")
    slide_file(folder / "ct", SOPClassUID="1.2.840.10008.5.1.4.1.1.2")
    staging = CopyStaging(node.receiving)
    passed, rejected = Fate.PASSED_OVER, Fate.REJECTED
    assert node.ingest(staging, folder) == [(passed, "class-not-supported"), (passed, "not-dicom")]
    named = node.ingest(staging, folder / "ct", folder / "readme.txt")
    assert named == [(rejected, "class-not-supported"), (rejected, "not-dicom")]


def test_a_link_shares_the_disk_and_a_copy_does_not(tmp_path: Path) -> None:
    """What is linked is the same file; what is copied is the store's own."""
    source = slide_file(tmp_path / "slide.dcm")
    for name, kind, same in (("copied", CopyStaging, False), ("linked", LinkStaging, True)):
        node = Node(tmp_path / name)
        node.ingest(kind(node.receiving), source)
        held = node.ledger.instance("1.2.3.4")
        assert held is not None
        assert node.store.path(held.file.path).samefile(source) is same


def test_a_link_to_a_file_is_followed(node: Node, tmp_path: Path) -> None:
    """Not the link becomes part of the store, but the file."""
    slide_file(tmp_path / "slide.dcm")
    (tmp_path / "pointer").symlink_to(tmp_path / "slide.dcm")
    assert node.ingest(LinkStaging(node.receiving), tmp_path / "pointer") == [(Fate.TAKEN, "")]
    held = node.ledger.instance("1.2.3.4")
    assert held is not None
    assert not node.store.path(held.file.path).is_symlink()


def test_blocks_are_shared_where_the_file_system_does_that(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clone is asked for with the source's descriptor, and taken as the file; nothing is copied then."""

    def clone(target: int, request: int, original: int) -> None:
        assert request == 0x40049409
        os.sendfile(target, original, 0, os.fstat(original).st_size)

    def copied(*_: object) -> None:
        pytest.fail("it was copied")

    monkeypatch.setattr(staging_module.fcntl, "ioctl", clone)
    monkeypatch.setattr(staging_module, "_copy", copied)
    assert node.ingest(CopyStaging(node.receiving), slide_file(tmp_path / "slide.dcm")) == [(Fate.TAKEN, "")]
    assert node.left_over() == []


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM])
def test_what_cannot_be_linked_is_told(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """It lies on another disk, or the system protects it; it is not copied behind the person's back."""

    def refuse(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert node.ingest(LinkStaging(node.receiving), slide_file(tmp_path / "a.dcm")) == [(Fate.REJECTED, "not-linkable")]


def test_a_file_too_large_is_refused_before_it_fills_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy ends at the limit, and nothing is left of it."""
    monkeypatch.setattr(staging_module, "CHECK_EVERY_BYTES", 100)
    node = Node(tmp_path / "node", ReceiveLimits(max_instance_bytes=1000, min_free_bytes=0))
    assert node.ingest(CopyStaging(node.receiving), slide_file(tmp_path / "a.dcm")) == [(Fate.REJECTED, "too-large")]
    assert node.left_over() == []


def test_a_full_disk_ends_the_work(tmp_path: Path) -> None:
    """What was taken before stays; the failure is the node's, not the file's."""
    node = Node(tmp_path / "node", ReceiveLimits(min_free_bytes=1 << 62))
    with pytest.raises(StorageError, match="disk-full"):
        node.ingest(CopyStaging(node.receiving), slide_file(tmp_path / "a.dcm"))
    assert node.left_over() == []


def test_a_file_that_cannot_be_read_is_told(node: Node, tmp_path: Path) -> None:
    """It went away after it was found."""
    gone = FoundFile(tmp_path / "gone.dcm", FileKind.INSTANCE, 1, named=True, sop_class_uid=WSM_SOP_CLASS_UID)
    told = Ingesting(node.receiving, CopyStaging(node.receiving), {WSM_SOP_CLASS_UID}).take(gone)
    assert (told.fate, told.code) == (Fate.REJECTED, "unreadable-file")
    assert node.left_over() == []


def test_the_name_of_a_file_stays_out_of_messages(node: Node, tmp_path: Path) -> None:
    """People put patients' names into file names, and messages go to logs."""
    source = slide_file(tmp_path / "Miller_John.dcm", TotalPixelMatrixRows=None)
    ingesting = Ingesting(node.receiving, CopyStaging(node.receiving), {WSM_SOP_CLASS_UID})
    (told,) = map(ingesting.take, found_files([source]))
    assert "Miller" not in told.message
