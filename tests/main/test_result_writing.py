"""What a result consists of is written whole, and nothing of an earlier one stays beside it."""

from __future__ import annotations

import errno
import json
from base64 import b64decode
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import dcmread

from made_up_result import MODELS, make_result, make_source_header
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import Refusal, SlideError
from marrowcount.main.models import bundled_models, model_cards
from marrowcount.main.result_files import (
    CELLS_ANN,
    DIFFERENTIAL_SR,
    DOCUMENT,
    GALLERY_FOLDER,
    OTHER_FILES,
    RESULT_FILE,
    ROI_ANN,
    dicom_files_in,
)
from marrowcount.main.result_folders import is_whole
from marrowcount.main.result_writing import write_refusal, write_result
from marrowcount.review import counted
from marrowcount.settings import EhrSection, Settings
from marrowcount.slides.manifest import read_manifest
from marrowcount.testing import PictureSlide, ScriptedCellModel, ScriptedRoiModel
from marrowcount.workflow.illustrate import Illustrations, illustrate, thumbnail_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from marrowcount.result import CountResult

DICOM = (CELLS_ANN, ROI_ANN, DIFFERENTIAL_SR, DOCUMENT)
"""Of a slide that does not say how it lies on the glass, counted for the first time."""

FEW: Mapping[CellType, int] = {CellType.BLAST: 3, CellType.PLASMA_CELL: 1, CellType.ERYTHROBLAST: 2}


def illustrations_of(result: CountResult) -> Illustrations:
    slide = PictureSlide(np.full((result.size.height, result.size.width, 3), 230, np.uint8))
    return illustrate(slide, result, thumbnail_of(*slide.overview()))


def write(out: Path, result: CountResult, *, report: bool = True) -> None:
    illustrations = illustrations_of(result) if report else None
    write_result(counted(result), make_source_header(), out, Settings(), illustrations=illustrations)


def names(out: Path) -> set[str]:
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


def test_all_files_are_there(tmp_path: Path) -> None:
    """Those that are named, a strip for each class found, and nothing else; no name holds an identifier of anybody."""
    write(tmp_path, make_result(FEW))
    strips = {f"{GALLERY_FOLDER}/{name}.png" for name in ("blast", "plasma-cell", "erythroblast")}
    assert names(tmp_path) == {*DICOM, *OTHER_FILES, *strips, RESULT_FILE}
    assert dicom_files_in(tmp_path) == DICOM


def test_the_report_is_one_and_the_same_everywhere(tmp_path: Path) -> None:
    """As a file, in the study and in the health record."""
    write(tmp_path, make_result(FEW))
    pdf = (tmp_path / "report.pdf").read_bytes()
    document = dcmread(tmp_path / "report.pdf.dcm")
    assert document.EncapsulatedDocument[: document.EncapsulatedDocumentLength] == pdf
    entries = json.loads((tmp_path / "fhir.json").read_text())["entry"]
    (report,) = (e["resource"] for e in entries if e["resource"]["resourceType"] == "DiagnosticReport")
    assert b64decode(report["presentedForm"][0]["data"]) == pdf


def test_a_newer_result_leaves_nothing_of_the_older(tmp_path: Path) -> None:
    """Neither a strip of a class that is not found any more, nor a report that is not wanted any more."""
    write(tmp_path, make_result(FEW))
    fewer = replace(make_result({CellType.BLAST: 3, CellType.ERYTHROBLAST: 1}))
    write(tmp_path, fewer)
    assert not (tmp_path / GALLERY_FOLDER / "plasma-cell.png").exists()
    assert (tmp_path / GALLERY_FOLDER / "blast.png").exists()
    write(tmp_path, fewer, report=False)
    assert names(tmp_path) == {*DICOM[:-1], "count.npz", "fhir.json", "ihct.png", RESULT_FILE}
    assert not (tmp_path / GALLERY_FOLDER).exists()
    assert "report.pdf.dcm" not in dicom_files_in(tmp_path)


def test_a_refusal_leaves_nothing_but_its_reason(tmp_path: Path) -> None:
    """The pictures of another count must not pass for those of the refused slide."""
    write(tmp_path, make_result(FEW))
    models = ScriptedRoiModel(), ScriptedCellModel()
    write_refusal(SlideError(Refusal.DAMAGED, "A frame is damaged."), tmp_path, models)
    assert [path.name for path in tmp_path.iterdir()] == [RESULT_FILE]


def test_notes_of_another_outcome_do_not_stay(tmp_path: Path) -> None:
    """Neither beside a result nor beside a refusal: they would be owed again."""
    models = ScriptedRoiModel(), ScriptedCellModel()
    for name in ("rejection.ko.dcm", "rejection.0a1b2c3d.ko.dcm"):
        (tmp_path / name).write_bytes(b"note")
        write(tmp_path, make_result(FEW), report=False)
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_bytes(b"note")
        write_refusal(SlideError(Refusal.DAMAGED, "A frame is damaged."), tmp_path, models)
        assert not (tmp_path / name).exists()


def test_a_folder_that_is_written_anew_is_not_whole_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash half-way must not leave the old result's last file beside the new one's first."""
    write(tmp_path, make_result(FEW), report=False)
    assert is_whole(tmp_path)

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("marrowcount.main.result_writing.write_dataset", fail)
    with pytest.raises(OSError, match="Input/output"):
        write(tmp_path, make_result(FEW), report=False)
    assert not is_whole(tmp_path)


@pytest.mark.parametrize("name", ["gallery.json", "result.json"])
def test_files_for_programs_hold_no_patient_data(tmp_path: Path, name: str) -> None:
    """They may be shown and logged by whoever reads them."""
    result = make_result(FEW)
    write(tmp_path, result)
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert result.context.patient_id not in text
    assert result.context.accession_number not in text


def test_the_models_cards_go_with_the_result(tmp_path: Path) -> None:
    """Whoever reads the result in a record can read what its models are for, as it lies beside their weights."""
    folder = bundled_models() / Settings().count.cell_model
    counted_by = replace(MODELS[1], sha256=read_manifest(folder).files["model-int8.onnx"])
    write(tmp_path, make_result(FEW, models=(MODELS[0], counted_by)), report=False)
    entries = json.loads((tmp_path / "fhir.json").read_text())["entry"]
    (card,) = (e["resource"] for e in entries if e["resource"]["resourceType"] == "DocumentReference")
    assert b64decode(card["content"][0]["attachment"]["data"]) == (folder / "MODEL_CARD.md").read_bytes()


def test_a_model_without_a_card_has_none(tmp_path: Path) -> None:
    """Folders of a site's own models need no card, and no models need be there to write what they found."""
    assert model_cards(Settings().count.model_copy(update={"models_folder": tmp_path})) == {}


def test_forms_that_no_record_wants_any_more_are_taken_away(tmp_path: Path) -> None:
    """A later count leaves no bundle of an earlier one behind, whatever records there were."""
    ehr = EhrSection(name="ehr", base_url="https://ehr.example.org/fhir", projection="r4-flat")
    write_result(counted(make_result(FEW)), make_source_header(), tmp_path, Settings(ehr=(ehr,)))
    assert (tmp_path / "fhir.r4-flat.json").exists()
    write(tmp_path, make_result(FEW), report=False)
    assert {path.name for path in tmp_path.glob("fhir*")} == {"fhir.json"}
