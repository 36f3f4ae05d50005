"""What no longer holds is taken back by name, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

from highdicom.ko import KeyObjectSelectionDocument
from pydicom import dcmread

from made_up_result import MODELS
from marrowcount.cytology.cell_types import CellType
from marrowcount.review import counted
from marrowcount_adapters.annotations import encode_cells, encode_roi
from marrowcount_adapters.structured_report import encode_differential, encode_rejection
from marrowcount_adapters.structured_report.rejection import taken_back
from marrowcount_adapters.wsi.header import read_identity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult


NOW = datetime(2026, 10, 1, 22, 30, tzinfo=UTC)
TIMES = ("ContentDate", "ContentTime", "TimezoneOffsetFromUTC")


def objects(result: CountResult, source: Dataset) -> list[Dataset]:
    cells, roi = encode_cells(result, source), encode_roi(result, source)
    return [cells, roi, encode_differential(counted(result), source, [cells, roi])]


def note_of(result: CountResult, outdated: list[Dataset], **changes: Any) -> Dataset:  # noqa: ANN401 - any argument
    given = {"destination": "archive", "models": result.models, "why": "Taken back.", "moment": NOW} | changes
    return encode_rejection(outdated, **given)


def test_the_note_names_each_instance(
    result: CountResult,
    source: Dataset,
    tmp_path: Path,
    dicom_errors: Callable[..., list[str]],
) -> None:
    """In the content, as IHE IOCM reads it, and in the evidence; the validator finds no error."""
    old = objects(result, source)
    note_of(result, old).save_as(tmp_path / "note.dcm", enforce_file_format=True)
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


def test_what_it_takes_back_stands_in_the_header(result: CountResult, source: Dataset, tmp_path: Path) -> None:
    """Before its content, so that it is known without reading that; a header without it names nothing."""
    old = objects(result, source)
    note_of(result, old).save_as(tmp_path / "note.dcm", enforce_file_format=True)
    header = read_identity(tmp_path / "note.dcm")
    assert "ContentSequence" not in header
    assert sorted(taken_back(header)) == sorted(each.SOPInstanceUID for each in old)
    del header.CurrentRequestedProcedureEvidenceSequence
    assert list(taken_back(header)) == []


def test_it_says_who_found_out_when_and_why(result: CountResult, source: Dataset) -> None:
    """In the zone of the slide; the software and its models are those that looked last."""
    newer = (MODELS[0], replace(MODELS[1], version="2.2.0", sha256="c" * 64))
    note = note_of(result, objects(result, source), models=newer, why="Taken back (no-cells).")
    assert tuple(str(note[each].value) for each in TIMES) == ("20261002", "003000", "+0200")
    assert note.SoftwareVersions[-1] == "yolo-cells 2.2.0"
    assert any(item.get("TextValue") == "Taken back (no-cells)." for item in note.ContentSequence)


def test_a_note_that_says_something_else_is_another_one(result: CountResult, source: Dataset) -> None:
    """Archives keep the first of two instances under one UID; the same again is the same, whenever it is said."""
    old = objects(result, source)
    notes = [
        note_of(result, old),
        note_of(result, old[:2]),
        note_of(result, old, destination="other"),
        note_of(result, old, why="Taken back for another reason."),
    ]
    assert len({note.SOPInstanceUID for note in notes}) == len(notes)
    later = note_of(result, list(reversed(old)), moment=NOW + timedelta(days=1))
    assert later.SOPInstanceUID == notes[0].SOPInstanceUID


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
