"""The tile map says of each place what the ROI model said, and lies where the tiles lie."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import highdicom.seg
import numpy as np
import pytest
from pydicom import dcmread

from marrowcount.slides.geometry import SpacingMm
from marrowcount.slides.placement import Direction, Placement
from marrowcount_adapters.annotations.heat_map import encode_heat_map
from placements import ORIENTATIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult


def placed(
    result_of: Callable[..., CountResult], directions: tuple[Direction, Direction] = ORIENTATIONS[0]
) -> CountResult:
    return result_of(placement=Placement(11.75, 40.5, *directions, SpacingMm(0.00025, 0.00025)))


def encoded(result: CountResult, source: Dataset) -> Dataset:
    file, dataset = BytesIO(), encode_heat_map(result, source)
    assert dataset is not None
    dataset.save_as(file, enforce_file_format=True)
    file.seek(0)
    return dcmread(file)


def test_each_pixel_is_a_tile(result_of: Callable[..., CountResult], source: Dataset) -> None:
    """Probability in steps of 1/255 in the first segment; in the second, whether anybody looked."""
    result = placed(result_of)
    seen_less = result_of(tiles=result.tiles[:50], placement=result.placement)
    segmentation = highdicom.seg.Segmentation.from_dataset(encoded(seen_less, source))
    pixels = segmentation.get_total_pixel_matrix(rescale_fractional=True)
    assert pixels.shape == (10, 12, 2)
    looked_at = {(each.tile.row, each.tile.column): each.probability for each in seen_less.tiles}
    for (row, column), _ in np.ndenumerate(pixels[..., 0]):
        probability, seen = pixels[row, column]
        assert seen == (1 if (row, column) in looked_at else 0)
        assert probability == pytest.approx(looked_at.get((row, column), 0), abs=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("directions", ORIENTATIONS)
def test_it_lies_where_the_tiles_lie(
    directions: tuple[Direction, Direction], result_of: Callable[..., CountResult], source: Dataset
) -> None:
    """The centre of the pixel in row 3, column 7 is the middle of that tile, in any orientation."""
    result = placed(result_of, directions)
    dataset = encoded(result, source)
    to_slide = highdicom.spatial.PixelToReferenceTransformer.for_image(dataset, for_total_pixel_matrix=True)
    (there,) = to_slide(np.array([[7, 3]]))
    assert result.placement is not None
    middle = result.placement.to_slide(7.5 * 512, 3.5 * 512)
    assert there.tolist() == pytest.approx(middle, abs=1e-6)
    assert dataset.FrameOfReferenceUID == result.context.frame_of_reference_uid


def test_validator_finds_no_error(
    result_of: Callable[..., CountResult],
    source: Dataset,
    tmp_path: Path,
    dicom_errors: Callable[..., list[str]],
) -> None:
    """By the standard."""
    encoded(placed(result_of), source).save_as(tmp_path / "map.dcm")
    assert dicom_errors("dciodvfy", "-new", "-filename", str(tmp_path / "map.dcm")) == []


def test_the_same_result_is_the_same_instance(result_of: Callable[..., CountResult], source: Dataset) -> None:
    """Byte for byte, whenever it is encoded: no clock and no chance is in it."""
    assert encoded(placed(result_of), source) == encoded(placed(result_of), source)


def test_without_a_place_on_the_glass_there_is_no_map(result: CountResult, source: Dataset) -> None:
    """Nobody could lay it over the slide."""
    assert encode_heat_map(result, source) is None
