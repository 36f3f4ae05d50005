"""What no longer holds is taken back by name, and nothing else."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from highdicom.ko import KeyObjectSelectionDocument
from pydicom import dcmread

from marrowcount.cytology.cell_types import CellType
from marrowcount.review import counted
from marrowcount_adapters.annotations import encode_cells, encode_roi
from marrowcount_adapters.structured_report import encode_differential, encode_rejection
from marrowcount_adapters.structured_report.rejection import taken_back

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult


def objects(result: CountResult, source: Dataset) -> list[Dataset]:
    cells, roi = encode_cells(result, source), encode_roi(result, source)
    return [cells, roi, encode_differential(counted(result), source, [cells, roi])]


def test_the_note_names_each_instance(
    result: CountResult,
    result_of: Callable[..., CountResult],
    source: Dataset,
    tmp_path: Path,
    dicom_errors: Callable[..., list[str]],
) -> None:
    """In the content, as IHE IOCM reads it, and in the evidence; the validator finds no error."""
    old, new = objects(result, source), result_of({CellType.BLAST: 5, CellType.ERYTHROBLAST: 3})
    note = encode_rejection(new, encode_cells(new, source), old)
    note.save_as(tmp_path / "note.dcm", enforce_file_format=True)
    assert dicom_errors("dciodvfy", "-new", "-filename", str(tmp_path / "note.dcm")) == []
    read = KeyObjectSelectionDocument.from_dataset(dcmread(tmp_path / "note.dcm"))
    uids = [each.SOPInstanceUID for each in old]
    assert sorted(taken_back(read)) == sorted(uids)
    referenced = [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in read.ContentSequence
        if "ReferencedSOPSequence" in item and "ConceptNameCodeSequence" not in item
    ]
    assert sorted(referenced) == sorted(uids)
    assert read.ConceptNameCodeSequence[0].CodeValue == "113037"
    assert read.IssuerOfPatientID == source.IssuerOfPatientID
    assert (read.StudyInstanceUID, read.Modality) == (result.context.study_uid, "KO")


def test_the_later_document_names_the_earlier_one(
    result: CountResult, result_of: Callable[..., CountResult], source: Dataset
) -> None:
    """As its predecessor (PS3.3 C.17.2), unless it is the same."""
    (*_, earlier) = objects(result, source)
    new = result_of({CellType.BLAST: 5, CellType.ERYTHROBLAST: 3})
    evidence = [encode_cells(new, source), encode_roi(new, source)]
    later = encode_differential(counted(new), source, evidence, [earlier])
    named = later.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert named.ReferencedSOPInstanceUID == earlier.SOPInstanceUID
    again = encode_differential(counted(result), source, objects(result, source)[:2], [earlier])
    assert "PredecessorDocumentsSequence" not in again


def test_comprehensive_3d_is_to_be_had(result: CountResult, source: Dataset) -> None:
    """The same content in the other IOD."""
    evidence = objects(result, source)[:2]
    flat, deep = (
        encode_differential(counted(result), source, evidence, three_dimensional=deep) for deep in (False, True)
    )
    assert (flat.SOPClassUID, deep.SOPClassUID) == (
        "1.2.840.10008.5.1.4.1.1.88.33",
        "1.2.840.10008.5.1.4.1.1.88.34",
    )
    assert flat.ContentSequence == deep.ContentSequence
    deep.save_as(BytesIO(), enforce_file_format=True)
