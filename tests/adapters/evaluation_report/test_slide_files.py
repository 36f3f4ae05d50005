"""result.json and truth.json as they are read for a comparison."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.errors import DatasetError, Refusal, SlideError
from marrowcount.phantom import PhantomSlide
from marrowcount.review import counted
from marrowcount.slides.geometry import SizePx
from marrowcount_adapters.evaluation_report import read_counted, read_truth
from marrowcount_adapters.result_json import encode_refusal, encode_result
from marrowcount_adapters.wsm_writer import phantom_header, write_truth

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.result import CountResult


def test_a_result_is_read_as_it_was_published(result: CountResult, tmp_path: Path) -> None:
    """Counts, rounded percentages, outward bounds, ratio, tiles, curve and models."""
    stopping = replace(result.stopping, distances=(None, 0.25))
    (tmp_path / "result.json").write_text(encode_result(counted(replace(result, stopping=stopping))))
    read = read_counted(tmp_path / "result.json")
    slide, blast = read.slide, result.differential.share(CellType.BLAST)
    assert (slide.shares[CellType.BLAST].count, slide.shares[CellType.BLAST].percent) == (blast.count, 1.5)
    assert (slide.shares[CellType.BLAST].interval.low, slide.shares[CellType.BLAST].interval.high) == (0.9, 2.2)
    assert (slide.me_ratio, slide.tiles_counted, slide.tiles_looked_at, slide.reason) == (2.59, 80, 120, "converged")
    assert slide.distances.tolist() == [math.inf, 0.25]
    assert slide.cells == result.differential.total
    assert read.identities == result.models
    assert read.series_uid == result.context.series_uid


def test_a_refusal_is_read_as_one(tmp_path: Path) -> None:
    """With its code, and without figures."""
    refusal = encode_refusal(SlideError(Refusal.NO_CELLS, "nothing"), series_uid=None, models=())
    (tmp_path / "result.json").write_text(refusal)
    read = read_counted(tmp_path / "result.json")
    assert (read.counted, read.reason) == (False, "no-cells")


def test_the_truth_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Percentages, ratio, suitable tiles, diagnosis and series."""
    slide = PhantomSlide("aml", 3, SizePx(2048, 2048))
    write_truth(slide, tmp_path / "truth.json")
    read = read_truth(tmp_path / "truth.json")
    assert read.truth.percent == dict(slide.ndc)
    assert (read.truth.profile, read.truth.roi_tiles) == ("aml", sum(tile.roi for tile in slide.tiles))
    assert read.series_uid == phantom_header(slide).uid("series")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("result.json", None, "result-missing"),
        ("result.json", "{", "result-malformed"),
        ("result.json", "{}", "result-malformed"),
        ("truth.json", None, "truth-missing"),
        ("truth.json", json.dumps({"ndc": {"blast": 1.0}, "tiles": []}), "truth-malformed"),
        ("truth.json", json.dumps({"ndc": {kind.label: "x" for kind in NDC_CLASSES}, "tiles": []}), "truth-malformed"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path: Path, name: str, content: str | None, code: str) -> None:
    """Each with its code, the file, and what to do."""
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(DatasetError) as failure:
        (read_counted if name == "result.json" else read_truth)(path)
    assert failure.value.code == code
    assert str(path) in failure.value.message
    assert "marrowcount" in failure.value.message


def test_a_result_without_all_classes_is_refused(result: CountResult, tmp_path: Path) -> None:
    """A differential of other classes cannot be compared."""
    content = json.loads(encode_result(counted(result)))
    del content["ndc"]["blast"]
    (tmp_path / "result.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match="blast"):
        read_counted(tmp_path / "result.json")
