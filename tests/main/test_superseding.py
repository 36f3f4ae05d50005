"""A later result takes the place of an earlier one: it says so, and takes back what no longer holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import dcmread

from made_up_result import MODELS, make_result, make_source_header
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import Refusal, SlideError
from marrowcount.main.result_files import (
    CELLS_ANN,
    DIFFERENTIAL_SR,
    HEAT_MAP_SEG,
    REGIONS_SR,
    REJECTION_KO,
    RESULT_FILE,
    ROI_ANN,
    dicom_files_in,
)
from marrowcount.main.result_writing import dicom_objects, write_refusal
from marrowcount.main.superseding import Earlier, earlier_results, reissued
from marrowcount.review import counted
from marrowcount.settings import EvidenceSection
from marrowcount.slides.geometry import SpacingMm
from marrowcount.slides.placement import Placement
from marrowcount.testing import ScriptedCellModel, ScriptedRoiModel
from marrowcount_adapters.structured_report.rejection import taken_back
from placements import ORIENTATIONS

if TYPE_CHECKING:
    from marrowcount.result import CountResult

PLACEMENT = Placement(11.75, 40.5, *ORIENTATIONS[0], SpacingMm(0.00025, 0.00025))
FEW = {CellType.BLAST: 5, CellType.ERYTHROBLAST: 3}
OTHER_MODELS = (MODELS[0], replace(MODELS[1], version="2.2.0", sha256="c" * 64))


def given_out(folder: Path, result: CountResult, *, regions: bool = False) -> CountResult:
    """Write what a node would, as one that knows the folders beside it."""
    earlier = earlier_results(folder.parent.glob("*.*"))
    result = reissued(result, earlier)
    folder.mkdir(parents=True)
    wanted = EvidenceSection(regions_report=regions)
    for name, dataset in dicom_objects(counted(result), make_source_header(), wanted, earlier).items():
        dataset.save_as(folder / name, enforce_file_format=True)
    (folder / RESULT_FILE).write_text("{}")
    return result


def uids(folder: Path) -> dict[str, str]:
    return {name: str(dcmread(folder / name).SOPInstanceUID) for name in dicom_files_in(folder)}


def test_a_first_result_takes_nothing_back(tmp_path: Path) -> None:
    """It consists of annotations, map and report; regions where they are wanted."""
    given_out(tmp_path / "1.1", make_result(FEW, placement=PLACEMENT))
    assert dicom_files_in(tmp_path / "1.1") == (CELLS_ANN, ROI_ANN, HEAT_MAP_SEG, DIFFERENTIAL_SR)
    other = tmp_path / "other"
    given_out(other / "1.1", make_result(FEW, placement=PLACEMENT), regions=True)
    assert REGIONS_SR in dicom_files_in(other / "1.1")


def test_a_result_of_other_models_takes_the_earlier_one_back(tmp_path: Path) -> None:
    """Every instance that is not given out again, by its UID; the report names its predecessor."""
    given_out(tmp_path / "1.1", make_result(FEW, placement=PLACEMENT), regions=True)
    given_out(tmp_path / "2.1", make_result(FEW, placement=PLACEMENT, models=OTHER_MODELS), regions=True)
    old, new = uids(tmp_path / "1.1"), uids(tmp_path / "2.1")
    assert set(taken_back(dcmread(tmp_path / "2.1" / REJECTION_KO))) == set(old.values())
    assert not set(old.values()) & set(new.values())
    for name in (DIFFERENTIAL_SR, REGIONS_SR):
        (study,) = dcmread(tmp_path / "2.1" / name).PredecessorDocumentsSequence
        predecessor = study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
        assert predecessor.ReferencedSOPInstanceUID == old[name]


def test_the_same_result_takes_nothing_back(tmp_path: Path) -> None:
    """A late instance that changes nothing leaves the instances what they are."""
    for folder in ("1.1", "2.1"):
        given_out(tmp_path / folder, make_result(FEW, placement=PLACEMENT))
    assert uids(tmp_path / "1.1") == uids(tmp_path / "2.1")


def test_what_is_wanted_no_more_is_taken_back(tmp_path: Path) -> None:
    """Regions that a site has turned off: the rest stays as it is."""
    given_out(tmp_path / "1.1", make_result(FEW, placement=PLACEMENT), regions=True)
    given_out(tmp_path / "2.1", make_result(FEW, placement=PLACEMENT))
    assert set(taken_back(dcmread(tmp_path / "2.1" / REJECTION_KO))) == {uids(tmp_path / "1.1")[REGIONS_SR]}


def test_a_return_to_former_models_is_a_new_result(tmp_path: Path) -> None:
    """Archives hide what was taken back, so the count that finds it again goes out under new UIDs, each time."""
    first, second = make_result(FEW, placement=PLACEMENT), make_result(FEW, placement=PLACEMENT, models=OTHER_MODELS)
    for revision in range(1, 6):
        given_out(tmp_path / f"{revision}.1", first if revision % 2 else second)
    seen = [uid for revision in range(1, 6) for uid in uids(tmp_path / f"{revision}.1").values()]
    assert len(seen) == len(set(seen))
    last = uids(tmp_path / "5.1")
    assert set(taken_back(dcmread(tmp_path / "5.1" / REJECTION_KO))) == {
        uid for name, uid in uids(tmp_path / "4.1").items() if name != REJECTION_KO
    }
    withdrawn = {
        uid for revision in range(2, 6) for uid in taken_back(dcmread(tmp_path / f"{revision}.1" / REJECTION_KO))
    }
    assert not withdrawn & set(last.values())


def test_a_refusal_takes_the_earlier_result_back(tmp_path: Path) -> None:
    """With nothing in its place; a count that finds it again later goes out under new UIDs, and takes nothing back."""
    given_out(tmp_path / "1.1", make_result(FEW, placement=PLACEMENT))
    old = uids(tmp_path / "1.1")
    error = SlideError(Refusal.NO_CELLS, "nothing is there")
    models = (ScriptedRoiModel(), ScriptedCellModel())
    write_refusal(error, tmp_path / "2.1", models, "1.2.3", earlier_results([tmp_path / "1.1"]))
    assert dicom_files_in(tmp_path / "2.1") == (REJECTION_KO,)
    note = dcmread(tmp_path / "2.1" / REJECTION_KO)
    assert set(taken_back(note)) == set(old.values())
    assert any("no-cells" in item.get("TextValue", "") for item in note.ContentSequence)
    assert note.TimezoneOffsetFromUTC == "+0200"
    given_out(tmp_path / "3.1", make_result(FEW, placement=PLACEMENT))
    again = uids(tmp_path / "3.1")
    assert REJECTION_KO not in again
    assert not set(again.values()) & set(old.values())


def test_a_first_refusal_takes_nothing_back(tmp_path: Path) -> None:
    """There is nothing to take."""
    models = (ScriptedRoiModel(), ScriptedCellModel())
    write_refusal(SlideError(Refusal.NO_CELLS, "none"), tmp_path / "1.1", models, "1.2.3", earlier_results([]))
    assert dicom_files_in(tmp_path / "1.1") == ()


def test_the_latest_of_many_is_superseded(tmp_path: Path) -> None:
    """By number, not by spelling; a folder that is not whole was never given out."""
    for revision in (2, 9, 10):
        folder = tmp_path / f"{revision}.1"
        folder.mkdir()
        result = make_result(FEW, placement=PLACEMENT, models=(MODELS[0], replace(MODELS[1], version=str(revision))))
        for name, dataset in dicom_objects(counted(result), make_source_header(), EvidenceSection(), Earlier()).items():
            dataset.save_as(folder / name, enforce_file_format=True)
        if revision != 10:
            (folder / RESULT_FILE).write_text("{}")
    latest = earlier_results(tmp_path.glob("*.*")).latest
    assert {name: str(header.SOPInstanceUID) for name, header in latest.items()} == uids(tmp_path / "9.1")
