"""Instances of results as small as can be, for tests of what becomes of those that were given out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_instance"]


def write_instance(path: Path, sop_class: str, uid: str) -> None:
    """An instance that tells what a note repeats, with content of which nothing is read."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid
    dataset.PatientID, dataset.PatientName, dataset.PatientBirthDate, dataset.PatientSex = "P1", "No^Body", "", ""
    dataset.AccessionNumber, dataset.StudyDate, dataset.StudyTime = "", "", ""
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.StudyID = "1.2", "1.2.9", ""
    dataset.Modality = "SR"
    dataset.ContentSequence = []
    dataset.save_as(path, enforce_file_format=True)
