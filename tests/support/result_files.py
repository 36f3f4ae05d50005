"""Documents of the classes that carry results, small enough for tests of transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComprehensiveSRStorage, ExplicitVRLittleEndian, MicroscopyBulkSimpleAnnotationsStorage

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["document", "result_files"]


def document(path: Path, sop_class: str, uid: str) -> Path:
    """A data set of a document's class; its content matters to nobody here."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid
    dataset.PatientID, dataset.PatientName = "P1", "Nobody"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "1.2", f"{uid}.9", "ANN"
    dataset.save_as(path, enforce_file_format=True)
    return path


def result_files(folder: Path) -> list[Path]:
    """Annotations and the report that refers to them, in the order of sending."""
    return [
        document(folder / "ann.dcm", MicroscopyBulkSimpleAnnotationsStorage, "1.2.8.1"),
        document(folder / "sr.dcm", ComprehensiveSRStorage, "1.2.8.2"),
    ]
