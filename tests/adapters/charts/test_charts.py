"""Charts are sound PNG pictures, the same on every run, and show what was found."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.convergence import StoppingReason
from marrowcount.cytology.palette import PALETTE
from marrowcount.review import counted
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.charts import draw_ihct, draw_tile

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from marrowcount.result import CountResult


def pixels(png: bytes) -> NDArray[np.uint8]:
    with Image.open(BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def shown(picture: NDArray[np.uint8], colour: str) -> int:
    """Pixels of exactly this colour."""
    return int((picture == np.array(rgb(colour))).all(axis=2).sum())


def test_bars_are_as_long_as_the_counts(result: CountResult) -> None:
    """The area of a class's colour is proportional to its count among the classes of the differential."""
    picture = pixels(draw_ihct(counted(result)))
    neutrophils, lymphocytes = (shown(picture, PALETTE[c]) for c in (CellType.NEUTROPHIL, CellType.LYMPHOCYTE))
    expected = result.histogram[CellType.NEUTROPHIL] / result.histogram[CellType.LYMPHOCYTE]
    assert neutrophils / lymphocytes == pytest.approx(expected, rel=0.05)


def test_same_result_same_picture(result: CountResult) -> None:
    """No time, no version of a library, no chance in the file."""
    assert draw_ihct(counted(result)) == draw_ihct(counted(result))


@pytest.mark.parametrize("reason", StoppingReason)
def test_draws_every_ending(reason: StoppingReason, result: CountResult) -> None:
    """Each reason of stopping is written, and each picture differs from that of another reason."""
    other = replace(result, stopping=replace(result.stopping, reason=reason))
    assert (draw_ihct(counted(other)) == draw_ihct(counted(result))) == (reason is result.stopping.reason)


@pytest.mark.parametrize("counts", [{CellType.BLAST: 1}, {CellType.DEBRIS: 3}, {}], ids=["blast", "debris", "nothing"])
def test_draws_lopsided_slides(counts: dict[CellType, int], result_of: Callable[..., CountResult]) -> None:
    """One class alone, none of the differential, or nothing at all can be drawn."""
    picture = pixels(draw_ihct(counted(result_of(counts))))
    for cell_type in CellType:
        assert (shown(picture, PALETTE[cell_type]) > 0) == (cell_type in counts)


def test_boxes_lie_where_the_objects_are() -> None:
    """A box is drawn in its class's colour at its place, at one and a half times the tile's size."""
    tile = np.full((512, 512, 3), 230, dtype=np.uint8)
    box = PixelBox(100, 200, 160, 280)
    picture = pixels(draw_tile(tile, [Detection(CellType.BLAST, box, 0.9)]))
    rows, columns = np.nonzero((picture[:, :780] == np.array(rgb(PALETTE[CellType.BLAST]))).all(axis=2))
    margin, scale = 12, 1.5
    edges = [columns.min(), rows.min(), columns.max(), rows.max()]
    expected = [margin + scale * edge for edge in (box.left, box.top, box.right, box.bottom)]
    assert edges == pytest.approx(expected, abs=3)


def test_legend_names_the_classes_found() -> None:
    """The legend, right of the tile, holds a patch for each class found and for no other."""
    tile = np.full((512, 512, 3), 230, dtype=np.uint8)
    found = [Detection(c, PixelBox(10, 10, 40, 40), 0.9) for c in (CellType.BLAST, CellType.MAST_CELL)]
    legend = pixels(draw_tile(tile, found))[:, 785:]
    assert {c for c in CellType if shown(legend, PALETTE[c])} == {CellType.BLAST, CellType.MAST_CELL}


def test_a_tile_without_objects_is_drawn() -> None:
    """An empty tile is a picture too."""
    assert pixels(draw_tile(np.zeros((512, 512, 3), dtype=np.uint8), [])).shape[2] == 3
