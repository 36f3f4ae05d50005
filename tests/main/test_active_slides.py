"""Counted slides as a pool of tiles to label."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import DatasetError
from marrowcount.main.active_pools import CountedFolders, CountedSlides, JoinedPools
from marrowcount.main.counting import count_files
from marrowcount.phantom import PhantomSlide
from marrowcount.settings import Settings
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.testing import ScriptedCellModel, ScriptedRoiModel
from marrowcount_adapters.wsm_writer import write_phantom

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.ports import Picture

KINDS = (CellType.BLAST, CellType.ERYTHROBLAST)


def two_cells(_: Picture) -> list[Detection]:
    return [Detection(kind, PixelBox(100 * i + 50, 60, 100 * i + 90, 100), 0.9) for i, kind in enumerate(KINDS)]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> CountedFolders:
    """A small phantom slide, counted with models that find two cells on every tile."""
    folder = tmp_path_factory.mktemp("counted")
    write_phantom(PhantomSlide("normal", 5, SizePx(2048, 2048)), folder / "slide")
    models = (ScriptedRoiModel(), ScriptedCellModel(two_cells))
    settings = Settings().model_copy(update={"count": Settings().count.model_copy(update={"refused_distance": 1e9})})
    count_files(folder / "slide", folder / "result", settings, models)
    return CountedFolders(folder / "slide", folder / "result")


def test_the_tiles_are_those_with_objects(counted: CountedFolders) -> None:
    """Each with its place, its slide's resolution and series, and a pseudonym instead of a patient's number."""
    pool = CountedSlides([counted])
    result = json.loads((counted.result / "result.json").read_text(encoding="utf-8"))
    assert len(pool.tiles) == result["tiles_counted"] > 3
    tile = pool.tiles[0]
    assert tile.group == result["series_uid"]
    assert tile.name == f"{tile.group}/{tile.place.left}-{tile.place.top}-512x512"  # type: ignore[union-attr]
    assert tile.um_per_px == pytest.approx(0.25)
    assert len(tile.patient) == 16
    assert "PHANTOM" not in tile.patient
    pool.close()


def test_a_tile_is_read_where_it_lies(counted: CountedFolders) -> None:
    """The pixels are those of the slide, up to JPEG."""
    pool = CountedSlides([counted])
    tile = pool.tiles[2]
    assert tile.place is not None
    drawn = PhantomSlide("normal", 5, SizePx(2048, 2048)).read(tile.place)
    assert np.abs(pool.read(tile).astype(int) - drawn).mean() < 6
    pool.close()


def fault(folders: CountedFolders) -> DatasetError:
    with pytest.raises(DatasetError) as failure:
        CountedSlides([folders])
    return failure.value


def test_a_refused_slide_is_no_pool(counted: CountedFolders, tmp_path: Path) -> None:
    """It has no tiles that were counted."""
    shutil.copytree(counted.result, tmp_path / "result")
    path = tmp_path / "result" / "result.json"
    document = json.loads(path.read_text(encoding="utf-8")) | {"state": "refused", "reason": "no-cells"}
    path.write_text(json.dumps(document), encoding="utf-8")
    error = fault(CountedFolders(counted.slide, tmp_path / "result"))
    assert error.code == "not-counted"
    assert str(path) in error.message


def test_a_result_of_another_slide_is_refused(counted: CountedFolders, tmp_path: Path) -> None:
    """Boxes would lie on the wrong ground."""
    shutil.copytree(counted.result, tmp_path / "result")
    path = tmp_path / "result" / "result.json"
    document = json.loads(path.read_text(encoding="utf-8")) | {"series_uid": "1.2.3"}
    path.write_text(json.dumps(document), encoding="utf-8")
    error = fault(CountedFolders(counted.slide, tmp_path / "result"))
    assert error.code == "result-of-another-slide"
    assert "1.2.3" in error.message


def test_damaged_annotations_are_refused(counted: CountedFolders, tmp_path: Path) -> None:
    """With the name of the file."""
    shutil.copytree(counted.result, tmp_path / "result")
    (tmp_path / "result" / "cells.ann.dcm").write_bytes(b"no DICOM")
    assert fault(CountedFolders(counted.slide, tmp_path / "result")).code == "annotations-malformed"


def test_a_slide_is_given_once(counted: CountedFolders) -> None:
    """Twice the same tiles cannot be told apart."""
    with pytest.raises(DatasetError, match="name-repeated"):
        CountedSlides([counted, counted])


def test_pools_join(counted: CountedFolders) -> None:
    """Each tile is read from its own pool; no tile is in two."""
    pool = CountedSlides([counted])
    assert JoinedPools([pool]).tiles == pool.tiles
    assert np.array_equal(JoinedPools([pool]).read(pool.tiles[0]), pool.read(pool.tiles[0]))
    with pytest.raises(DatasetError, match="name-repeated"):
        JoinedPools([pool, pool])
    pool.close()
