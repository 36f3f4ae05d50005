"""The report's pictures one by one: a strip of cells for each class, the map of the tiles, the thumbnail."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.palette import COUNTED_TILE_COLOUR, REJECTED_TILE_COLOUR
from marrowcount.slides.geometry import SizePx
from marrowcount.workflow.illustrate import Illustrations
from marrowcount_adapters.report_document import draw_roi_map, draw_strips, encode_gallery, encode_thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from marrowcount.result import CountResult
    from marrowcount.testing import PictureSlide


def pixels(file: bytes, kind: str = "PNG") -> NDArray[np.int16]:
    with Image.open(BytesIO(file)) as image:
        assert image.format == kind
        return np.asarray(image.convert("RGB")).astype(np.int16)


def near(picture: NDArray[np.int16], colour: str) -> NDArray[np.bool_]:
    """Where the picture has about this colour."""
    return np.abs(picture - np.array(list(bytes.fromhex(colour[1:])))).max(axis=2) < 40


def test_a_strip_holds_the_slide_itself(slide: PictureSlide, illustrations: Illustrations) -> None:
    """Each cell's picture, at the place that the list says, is pixel by pixel the slide around the box's middle."""
    strips = {name: pixels(file) for name, file in draw_strips(illustrations).items()}
    compared = 0
    for entry in json.loads(encode_gallery(illustrations, "gallery")):
        if entry["class"] not in {"blast", "debris", "mast cell"}:
            continue
        shown = strips[entry["strip"].removeprefix("gallery/")][:, entry["x"] : entry["x"] + entry["width"]]
        left = round((entry["left"] + entry["right"]) / 2 - 48)
        top = round((entry["top"] + entry["bottom"]) / 2 - 48)
        if min(left, top) >= 0:
            assert np.array_equal(shown, slide.read_area(left, top, SizePx(96, 96)))
            compared += 1
    assert compared >= 5


def test_the_list_tells_all_cells_in_order(result: CountResult, illustrations: Illustrations) -> None:
    """For each class from the most to the least certain, with boxes as they were found; no patient data."""
    text = encode_gallery(illustrations, "gallery")
    entries = json.loads(text)
    boxes = {(round(d.box.left, 2), round(d.box.top, 2), d.cell_type.label) for d in result.detections}
    for cell_type in CellType:
        of_class = [entry for entry in entries if entry["class"] == cell_type.label]
        assert len(of_class) == min(6, result.histogram[cell_type])
        assert [entry["probability"] for entry in of_class] == sorted(
            (e["probability"] for e in of_class), reverse=True
        )
        assert [entry["x"] for entry in of_class] == [100 * place for place in range(len(of_class))]
        assert [e["certain"] for e in of_class] == sorted((e["certain"] for e in of_class), reverse=True)
        assert {(e["left"], e["top"], e["class"]) for e in of_class} <= boxes
    assert result.context.patient_id not in text


def test_strips_are_named_after_their_class(illustrations: Illustrations) -> None:
    """In words with dashes, all of one height, as wide as the list says."""
    strips = draw_strips(illustrations)
    assert set(strips) == {f"{cell_type.label.replace(' ', '-')}.png" for cell_type in CellType}
    assert {pixels(file).shape[0] for file in strips.values()} == {96}
    listed = json.loads(encode_gallery(illustrations, "gallery"))
    assert {entry["strip"] for entry in listed} == {f"gallery/{name}" for name in strips}
    for name, file in strips.items():
        assert pixels(file).shape[1] == max(e["x"] + e["width"] for e in listed if e["strip"].endswith(f"/{name}"))


def test_no_cell_makes_no_strip() -> None:
    """An empty list, and no file."""
    nothing = Illustrations((), None)
    assert draw_strips(nothing) == {}
    assert json.loads(encode_gallery(nothing, "gallery")) == []


@pytest.mark.parametrize(("accepted", "colour"), [(True, COUNTED_TILE_COLOUR), (False, REJECTED_TILE_COLOUR)])
def test_the_map_shows_each_tile_where_it_lies(result: CountResult, colour: str, *, accepted: bool) -> None:
    """In the colour of its verdict, to two pixels; what was not looked at has no outline."""
    looked_at = [tile for tile in result.tiles if tile.tile.row % 2 and tile.tile.column % 3]
    alike = replace(result, tiles=tuple(replace(tile, accepted=accepted) for tile in looked_at))
    picture = pixels(draw_roi_map(alike, None))
    scale, outlined = picture.shape[1] / result.size.width, {tile.tile for tile in looked_at}
    for tile in (tile.tile for tile in result.tiles if tile.tile.row % 2):
        x, y = round((tile.left + 256) * scale), round(tile.top * scale)
        assert near(picture[y - 2 : y + 3, x - 1 : x + 2], colour).any() == (tile in outlined)


def test_counted_ground_is_tinted(result: CountResult) -> None:
    """A glance tells where the count comes from; rejected ground keeps its colour."""
    picture = pixels(draw_roi_map(result, None))
    scale = picture.shape[1] / result.size.width
    for looked_at in result.tiles:
        x, y = (round((edge + 256) * scale) for edge in (looked_at.tile.left, looked_at.tile.top))
        red, green, _ = picture[y, x]
        assert (green - red > 20) == looked_at.accepted


def test_the_map_shows_the_slide(result: CountResult, illustrations: Illustrations) -> None:
    """Below the tiles, at its place, in few colours: the made-up slide grows red to the right and green downwards."""
    picture = pixels(draw_roi_map(replace(result, tiles=()), illustrations.thumbnail))
    height = round(picture.shape[1] * result.size.height / result.size.width)
    third, last = picture.shape[1] // 3, picture.shape[1] * 9 // 10
    assert picture[height // 2, last, 0] - picture[height // 2, third, 0] == pytest.approx(0.57 * 255, abs=32)
    assert picture[height * 9 // 10, third, 1] - picture[height // 3, third, 1] == pytest.approx(0.57 * 255, abs=32)


@pytest.mark.parametrize("size", [SizePx(600, 90_000), SizePx(200_000, 3000), SizePx(100_000, 80_000)])
def test_slides_of_any_shape_have_a_map(size: SizePx, result_of: Callable[..., CountResult]) -> None:
    """A narrow strip and a whole glass."""
    picture = pixels(draw_roi_map(result_of(size=size), None))
    assert 480 <= max(picture.shape) <= 1200
    assert (picture < 60).all(axis=2).any()  # the scale bar


def test_the_same_result_gives_the_same_pictures(result: CountResult, illustrations: Illustrations) -> None:
    """Bit by bit."""
    thumbnail = illustrations.thumbnail
    assert draw_roi_map(result, thumbnail) == draw_roi_map(result, thumbnail)
    assert draw_strips(illustrations) == draw_strips(illustrations)


def test_the_thumbnail_is_a_jpeg(illustrations: Illustrations) -> None:
    """Of the thumbnail's size and about its colours."""
    assert illustrations.thumbnail is not None
    shown = pixels(encode_thumbnail(illustrations.thumbnail), "JPEG")
    assert np.abs(shown - illustrations.thumbnail.picture).mean() < 8
