"""Slide instances for tests of transport: right headers, and frames that nobody decodes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["large_slide_file", "slide_file"]

FRAME_BYTES = 1 << 20


def slide_file(
    path: Path, uid: str = "1.2.3.4", *, frame_bytes: int = 1000, size: int = 1024, **changes: object
) -> Path:
    """A WSM level of 512 px JPEG frames (of noise: nobody decodes them here)."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.SOPClassUID, dataset.SOPInstanceUID = VLWholeSlideMicroscopyImageStorage, uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "1.2", "1.2.3", "SM"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.PatientName, dataset.PatientID = "Secret^Patient", "SECRET-17"
    dataset.Rows = dataset.Columns = 512
    dataset.TotalPixelMatrixColumns = dataset.TotalPixelMatrixRows = size
    dataset.NumberOfFrames = frames = (size // 512) ** 2
    dataset.DimensionOrganizationType = "TILED_FULL"
    dataset.PixelData = encapsulate([bytes(frame_bytes)] * frames, has_bot=False)
    dataset["PixelData"].is_undefined_length = True
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def large_slide_file(path: Path, uid: str, size_bytes: int) -> Path:
    """The same level with so many bytes of frames, written piece by piece."""
    slide_file(path, uid)
    head = path.read_bytes()
    frame = bytes(range(256)) * (FRAME_BYTES // 256)
    with path.open("wb") as file:
        file.write(head[: head.rindex(b"\xe0\x7f\x10\x00OB") + 12])
        file.write(_item(0xE000, b""))  # Basic Offset Table, empty
        for _ in range(size_bytes // FRAME_BYTES):
            file.write(_item(0xE000, frame))
        file.write(_item(0xE0DD, b""))
    return path


def _item(element: int, content: bytes) -> bytes:
    """An item of encapsulated pixel data (PS3.5 A.4)."""
    return struct.pack("<HHI", 0xFFFE, element, len(content)) + content
