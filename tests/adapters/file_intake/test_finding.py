"""Files are told apart by what they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from marrowcount.ports import FileKind
from marrowcount_adapters.file_intake import found_files
from slide_files import slide_file


def dicomdir(path: Path) -> Path:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2"
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_a_folder_is_gone_through_in_order(tmp_path: Path) -> None:
    """Below it, too; a file that can be reached twice is found once."""
    (tmp_path / "b").mkdir()
    for name in ("z.dcm", "a", "b/m.dcm"):
        slide_file(tmp_path / name, uid="1.2.3")
    found = list(found_files([tmp_path, tmp_path / "a"]))
    assert [file.path.relative_to(tmp_path).as_posix() for file in found] == ["a", "z.dcm", "b/m.dcm"]
    assert {file.kind for file in found} == {FileKind.INSTANCE}


def test_kinds(tmp_path: Path) -> None:
    """An instance needs no suffix, a slide needs a TIFF's beginning, and a name alone makes no DICOM file."""
    dicomdir(tmp_path / "DICOMDIR")
    slide_file(tmp_path / "instance")
    slide_file(tmp_path / "ct", SOPClassUID=CTImageStorage)
    (tmp_path / "fake.dcm").write_bytes(b"no" * 100)
    (tmp_path / "slide.svs").write_bytes(b"II*\0" + bytes(200))
    (tmp_path / "big.tiff").write_bytes(b"MM\0+" + bytes(200))
    (tmp_path / "note.svs").write_bytes(b"text")
    (tmp_path / "mirax.mrxs").write_bytes(b"\xff\xd8")
    (tmp_path / "empty").write_bytes(b"")
    kinds = {file.path.name: file.kind for file in found_files([tmp_path])}
    assert kinds == {
        "DICOMDIR": FileKind.DIRECTORY,
        "instance": FileKind.INSTANCE,
        "ct": FileKind.INSTANCE,
        "fake.dcm": FileKind.OTHER,
        "slide.svs": FileKind.SLIDE,
        "big.tiff": FileKind.SLIDE,
        "note.svs": FileKind.OTHER,
        "mirax.mrxs": FileKind.SLIDE,
        "empty": FileKind.OTHER,
    }
    (ct,) = found_files([tmp_path / "ct"])
    assert (ct.sop_class_uid, ct.named) == (CTImageStorage, True)


@pytest.mark.parametrize("length", [132, 135, 140, 160])
def test_a_damaged_beginning_is_still_an_instance(tmp_path: Path, length: int) -> None:
    """Receipt says what is wrong with it; finding does not fail."""
    whole = slide_file(tmp_path / "whole").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:length])
    (found,) = found_files([tmp_path / "cut"])
    assert (found.kind, found.sop_class_uid) == (FileKind.INSTANCE, "")


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    """They may lead in circles."""
    (tmp_path / "here").mkdir()
    slide_file(tmp_path / "here" / "a.dcm")
    (tmp_path / "here" / "loop").symlink_to(tmp_path / "here")
    assert len(list(found_files([tmp_path / "here"]))) == 1
