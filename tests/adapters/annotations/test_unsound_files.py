"""Files that are no sound annotations are refused by name."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, MicroscopyBulkSimpleAnnotationsStorage

from marrowcount.errors import DatasetError
from marrowcount_adapters.annotations.rectangles import read_rectangles

if TYPE_CHECKING:
    from pathlib import Path


def test_a_data_set_that_cannot_be_inflated_is_no_annotation(tmp_path: Path) -> None:
    """Coverage-guided fuzzing found zlib's own error here."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MicroscopyBulkSimpleAnnotationsStorage, "1.2.4.1"
    meta.TransferSyntaxUID, meta.ImplementationClassUID = DeflatedExplicitVRLittleEndian, "1.2.3"
    head = io.BytesIO()
    write_file_meta_info(head, meta)
    file = tmp_path / "broken.dcm"
    file.write_bytes(bytes(128) + b"DICM" + head.getvalue() + b"\xff" * 40)
    with pytest.raises(DatasetError) as refused:
        read_rectangles(file)
    assert refused.value.code == "annotations-malformed"
