"""Slide instances for tests of transport: right headers, and frames that nobody decodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["slide_file"]


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
