"""Everything that a count of a slide gives passes validators that know nothing of marrowcount."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from made_up_result import MODELS, make_result
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import Refusal
from marrowcount.main.result_files import DICOM_FILES, NOTE_ENDING, RESULT_FILE, dicom_files_in
from marrowcount.main.result_writing import write_result
from marrowcount.main.superseding import Earlier, documents_in
from marrowcount.main.taking_back import REPLACED, WITHDRAWN, write_notes
from marrowcount.review import counted
from marrowcount.settings import EvidenceSection, Settings
from marrowcount.workflow.illustrate import illustrate, thumbnail_of
from marrowcount_adapters.wsi.header import read_header, read_identity
from marrowcount_adapters.wsi.slide import open_slide
from small_slides import write_small_slide

if TYPE_CHECKING:
    from collections.abc import Callable


VALIDATE = Path(__file__).parents[2] / "conformance" / "validate.py"
COUNTS = {CellType.NEUTROPHIL: 40, CellType.BLAST: 2, CellType.MEGAKARYOCYTE_NUCLEUS: 1, CellType.DEBRIS: 3}
"""Without erythroblasts, so that the ratios are undefined, and with a class that needs a modifier."""


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slide")
    write_small_slide(3, folder)
    return folder


@pytest.fixture(scope="module")
def results(slide: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two results of the slide: the second takes the first one back, at an archive that has it."""
    folder = tmp_path_factory.mktemp("results")
    settings = Settings(evidence=EvidenceSection(regions_report=True))
    with open_slide(slide) as opened:
        result = make_result(COUNTS, context=opened.context, size=opened.size, placement=opened.placement)
        header = read_header(opened.base_paths[0])
        pictures = illustrate(opened, result, thumbnail_of(*opened.overview()))
    inside = replace(result, tiles=tuple(each for each in result.tiles if max(each.tile.row, each.tile.column) < 4))
    write_result(counted(inside), header, folder / "1.1", settings, illustrations=pictures)
    later = replace(inside, models=(MODELS[0], replace(MODELS[1], version="2.2.0", sha256="c" * 64)))
    earlier = Earlier(documents_in(folder / "1.1"))
    write_result(counted(later), header, folder / "2.1", settings, illustrations=pictures, earlier=earlier)
    outdated = [read_identity(folder / "1.1" / name) for name in dicom_files_in(folder / "1.1")]
    moment = datetime(2026, 10, 2, 8, 0, tzinfo=UTC)
    write_notes(folder / "2.1", {"archive": outdated}, later.models, REPLACED, moment)
    withdrawn = f"{WITHDRAWN} ({Refusal.NO_CELLS})."
    write_notes(folder / "2.1", {"another": outdated[:2]}, later.models, withdrawn, moment)
    return folder


@pytest.mark.peer
def test_every_object_passes(slide: Path, results: Path, program: Callable[[str], str], tmp_path: Path) -> None:
    """No error and no warning but those that are allowed for a reason: slide, later result, and all of the study."""
    program("dsrdump")
    program("java")
    later = results / "2.1"
    assert set(dicom_files_in(later)) == set(DICOM_FILES)
    assert len([*later.glob(f"*{NOTE_ENDING}")]) == 2
    for file in (*slide.glob("*.dcm"), *(results / "1.1").glob("*.dcm")):
        (tmp_path / file.name).symlink_to(file)  # what the note names must be there when references are looked up
    done = subprocess.run(
        [sys.executable, str(VALIDATE), str(tmp_path), str(later)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert "PixelMed" in done.stdout
    assert (later / RESULT_FILE).is_file()


@pytest.mark.peer
def test_the_validators_would_have_caught_it(slide: Path, results: Path, tmp_path: Path) -> None:
    """An annotation without a type, and a reference to nothing, are told of."""
    from pydicom import dcmread

    broken = dcmread(results / "1.1" / "cells.ann.dcm")
    broken.AnnotationGroupSequence[0].AnnotationPropertyTypeCodeSequence = []
    broken.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID = "2.25.404"
    broken.save_as(tmp_path / "cells.ann.dcm")
    (tmp_path / "fhir.json").write_bytes((results / "1.1" / "fhir.json").read_bytes())
    done = subprocess.run(
        [sys.executable, str(VALIDATE), str(slide), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "AnnotationPropertyTypeCodeSequence" in done.stdout
    assert "2.25.404" in done.stdout
