"""Files that are no sound annotations are refused by name, and cost no more than sound ones."""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, MicroscopyBulkSimpleAnnotationsStorage

from marrowcount.errors import DatasetError
from marrowcount_adapters.annotations import encode_cells, inflating
from marrowcount_adapters.annotations.rectangles import read_rectangles

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult


def deflated_file(path: Path, content: bytes) -> Path:
    """A file of that content behind the meta information of deflated annotations."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MicroscopyBulkSimpleAnnotationsStorage, "1.2.4.1"
    meta.TransferSyntaxUID, meta.ImplementationClassUID = DeflatedExplicitVRLittleEndian, "1.2.3"
    head = io.BytesIO()
    write_file_meta_info(head, meta)
    path.write_bytes(bytes(128) + b"DICM" + head.getvalue() + content)
    return path


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


def test_a_data_set_that_cannot_be_inflated_is_no_annotation(tmp_path: Path) -> None:
    """Coverage-guided fuzzing found zlib's own error here."""
    with pytest.raises(DatasetError) as refused:
        read_rectangles(deflated_file(tmp_path / "broken.dcm", b"\xff" * 40))
    assert refused.value.code == "annotations-malformed"


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few kilobytes that unfold to gigabytes took all memory; fuzzing found that, too."""
    monkeypatch.setattr(inflating, "LARGEST_BYTES", 1 << 20)
    bomb = deflated_file(tmp_path / "bomb.dcm", deflated(bytes(4 << 20)))
    assert bomb.stat().st_size < 10_000
    with pytest.raises(DatasetError) as refused:
        read_rectangles(bomb)
    assert refused.value.code == "annotations-too-large"


def test_elements_without_end_are_refused(tmp_path: Path) -> None:
    """As many as fit into what may be unfolded would cost gigabytes as Python's objects."""
    elements = b"".join(
        b"\x09\x00" + number.to_bytes(2, "little") + b"UN\0\0\0\0\0\0" for number in range(0x1000, 0x5000)
    )
    with pytest.raises(DatasetError) as refused:
        read_rectangles(deflated_file(tmp_path / "many.dcm", deflated(elements)))
    assert refused.value.code == "annotations-malformed"


def test_sound_deflated_annotations_are_read(result: CountResult, source: Dataset, tmp_path: Path) -> None:
    """As the same ones in the usual syntax are."""
    dataset = encode_cells(result, source)
    dataset.save_as(tmp_path / "plain.dcm", enforce_file_format=True)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(tmp_path / "deflated.dcm", enforce_file_format=True)
    assert (tmp_path / "deflated.dcm").stat().st_size < (tmp_path / "plain.dcm").stat().st_size
    assert read_rectangles(tmp_path / "deflated.dcm") == read_rectangles(tmp_path / "plain.dcm")
