"""A later result names the documents that it takes the place of, and goes out under names that nobody hides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from structlog.testing import capture_logs

from made_up_result import MODELS, make_result, make_source_header
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import Refusal, SlideError
from marrowcount.main.result_files import (
    CELLS_ANN,
    DIFFERENTIAL_SR,
    HEAT_MAP_SEG,
    REGIONS_SR,
    RESULT_FILE,
    ROI_ANN,
    dicom_files_in,
)
from marrowcount.main.result_writing import dicom_objects, write_refusal
from marrowcount.main.superseding import Earlier, documents_in, reissued
from marrowcount.review import counted
from marrowcount.settings import EvidenceSection
from marrowcount.slides.geometry import SpacingMm
from marrowcount.slides.placement import Placement
from marrowcount.testing import ScriptedCellModel, ScriptedRoiModel
from marrowcount.workflow.identity import INSTANCES, result_uid
from placements import ORIENTATIONS

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.result import CountResult

PLACEMENT = Placement(11.75, 40.5, *ORIENTATIONS[0], SpacingMm(0.00025, 0.00025))
FEW = {CellType.BLAST: 5, CellType.ERYTHROBLAST: 3}
MADE_UP = make_result(FEW, placement=PLACEMENT)
RESULT = replace(MADE_UP, tiles=MADE_UP.tiles[:4])
"""Few tiles, as each is a region."""

OTHER_MODELS = (MODELS[0], replace(MODELS[1], version="2.2.0", sha256="c" * 64))
OTHER_RESULT = replace(RESULT, models=OTHER_MODELS)


def given_out(folder: Path, result: CountResult, earlier: Earlier | None = None) -> None:
    """Write the instances of a result, regions and all."""
    folder.mkdir(parents=True)
    wanted = EvidenceSection(regions_report=True)
    for name, dataset in dicom_objects(counted(result), make_source_header(), wanted, earlier or Earlier()).items():
        dataset.save_as(folder / name, enforce_file_format=True)
    (folder / RESULT_FILE).write_text("{}")


def uids(folder: Path) -> dict[str, str]:
    return {name: str(dcmread(folder / name).SOPInstanceUID) for name in dicom_files_in(folder)}


def document_uids(folder: Path) -> dict[str, str]:
    return {name: str(header.SOPInstanceUID) for name, header in documents_in(folder).items()}


def test_a_first_result_has_no_predecessors(tmp_path: Path) -> None:
    """It consists of annotations, map and reports."""
    given_out(tmp_path / "1.1", RESULT)
    assert dicom_files_in(tmp_path / "1.1") == (CELLS_ANN, ROI_ANN, HEAT_MAP_SEG, DIFFERENTIAL_SR, REGIONS_SR)
    assert documents_in(tmp_path / "none") == {}


def test_documents_name_their_predecessors(tmp_path: Path) -> None:
    """Each that of its own kind (PS3.3 C.17.2)."""
    given_out(tmp_path / "1.1", RESULT)
    given_out(tmp_path / "2.1", OTHER_RESULT, Earlier(documents_in(tmp_path / "1.1")))
    old = uids(tmp_path / "1.1")
    assert not set(old.values()) & set(uids(tmp_path / "2.1").values())
    for name in (DIFFERENTIAL_SR, REGIONS_SR):
        (study,) = dcmread(tmp_path / "2.1" / name).PredecessorDocumentsSequence
        predecessor = study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
        assert predecessor.ReferencedSOPInstanceUID == old[name]


def test_after_a_refusal_there_is_no_predecessor(tmp_path: Path) -> None:
    """The documents before it were taken back already."""
    given_out(tmp_path / "1.1", RESULT)
    models = (ScriptedRoiModel(), ScriptedCellModel())
    write_refusal(SlideError(Refusal.NO_CELLS, "none"), tmp_path / "2.1", models, "1.2.3")
    assert documents_in(tmp_path / "2.1") == {}


@pytest.mark.parametrize("content", [b"", b"x" * 4096])
def test_a_damaged_document_is_told_of_and_stops_nothing(tmp_path: Path, content: bytes) -> None:
    """The other one is named even so."""
    given_out(tmp_path / "1.1", RESULT)
    (tmp_path / "1.1" / DIFFERENTIAL_SR).write_bytes(content)
    with capture_logs() as logs:
        assert document_uids(tmp_path / "1.1") == {REGIONS_SR: uids_of_regions(tmp_path / "1.1")}
    assert [(each["event"], each["file"].rpartition("/")[2]) for each in logs] == [
        ("result.predecessor_not_named", DIFFERENTIAL_SR)
    ]


def uids_of_regions(folder: Path) -> str:
    return str(dcmread(folder / REGIONS_SR).SOPInstanceUID)


def test_the_parts_are_the_instances_of_a_result() -> None:
    """Whatever is made of a count goes by the UID of one of its parts: none can be hidden unseen."""
    wanted = EvidenceSection(regions_report=True)
    made = dicom_objects(counted(RESULT), make_source_header(), wanted, Earlier(), b"%PDF-1.4")
    assert {str(each.SOPInstanceUID) for each in made.values()} == {result_uid(RESULT, part) for part in INSTANCES}


@settings(max_examples=20, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 3), st.sampled_from(INSTANCES))))
def test_a_result_never_uses_a_name_that_was_taken_back(hidden: set[tuple[int, str]]) -> None:
    """Archives hide it, so what is found again goes out anew, by the first name of which no part is hidden."""
    gone = frozenset(result_uid(replace(RESULT, issue=issue), part) for issue, part in hidden)
    again = reissued(RESULT, Earlier(taken_back=gone))
    assert not gone & {result_uid(again, part) for part in INSTANCES}
    assert again == replace(RESULT, issue=again.issue)
    assert {issue for issue, _ in hidden} >= set(range(again.issue))
