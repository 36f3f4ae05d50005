"""Slide instances for tests of transport: right headers, and frames that nobody decodes."""

from __future__ import annotations

import struct
from itertools import accumulate
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["large_slide_file", "slide_file", "with_huge_frames"]

FRAME_BYTES = 1 << 20
ITEM_HEAD_BYTES = 8


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


def with_huge_frames(path: Path, target: Path, frame_bytes: int, *, extended: bool) -> Path:
    """A level with all frames but the first and the last made so large, as holes in the file that take no space.

    Args:
        path: of an encapsulated level.
        target: of the file to write.
        frame_bytes: of each inner frame, below 4 GiB.
        extended: whether an extended offset table (PS3.3 C.7.6.3.1.8) says where the frames are; else nothing does.
    """
    dataset = dcmread(path)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=dataset.NumberOfFrames))
    sizes = [len(frames[0]), *[frame_bytes] * (len(frames) - 2), len(frames[-1])]
    if extended:
        offsets = list(accumulate((size + ITEM_HEAD_BYTES for size in sizes[:-1]), initial=0))
        dataset.ExtendedOffsetTable = struct.pack(f"<{len(sizes)}Q", *offsets)
        dataset.ExtendedOffsetTableLengths = struct.pack(f"<{len(sizes)}Q", *sizes)
    del dataset.PixelData
    dataset.save_as(target, enforce_file_format=True)
    with target.open("ab") as file:
        file.write(struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + _item(0xE000, b""))
        for number, size in enumerate(sizes):
            file.write(struct.pack("<HHI", 0xFFFE, 0xE000, size))
            if number in {0, len(sizes) - 1}:
                file.write(frames[number])
            else:
                file.truncate(file.tell() + size)
                file.seek(0, 2)
        file.write(_item(0xE0DD, b""))
    return target
