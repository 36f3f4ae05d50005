"""Pictures of a data set before a model: at its resolution, tile by tile, with the truth in the same pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.cytology.cell_types import NUCLEATED_CLASSES, CellType
from marrowcount.datasets import Dataset, Example, LabelledBox
from marrowcount.evaluation import matches_of_nucleated, score_cells
from marrowcount.main.judging import (
    DrawnKinds,
    drawn_kinds,
    is_rescaled,
    judge_cells,
    judge_regions,
    rescaled,
    unit_of,
)
from marrowcount.ports import CellModel, PictureSource, RoiModel
from marrowcount.result import ModelIdentity, ModelTask
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox, SizePx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.ports import Picture

BLAST, PLATELET = CellType.BLAST, CellType.PLATELET
DARK = (60, 40, 110)
IDENTITY = ModelIdentity(ModelTask.CELLS, "dark", "1", "0" * 64, 0.5, "nothing")


def dark(picture: Picture) -> np.ndarray:
    """Nearer to the spots' colour than to the ground's."""
    return picture[..., 1] < 130


class DarkSpots(CellModel, RoiModel):
    """Finds one blast on each tile that has dark pixels; a tile is the fitter, the more dark pixels it has."""

    identity = IDENTITY

    def __init__(self) -> None:
        self.seen: list[Picture] = []

    def detect(self, picture: Picture) -> Sequence[Detection]:
        self.seen.append(picture)
        rows, columns = np.nonzero(dark(picture))
        if not rows.size:
            return ()
        edges = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        return (Detection(BLAST, PixelBox(*(float(edge) for edge in edges)), 0.9),)

    def probabilities(self, pictures: Sequence[Picture]) -> Sequence[float]:
        self.seen.extend(pictures)
        return [float(dark(picture).mean()) for picture in pictures]


class Pictures(PictureSource):
    """Pictures by name."""

    def __init__(self, pictures: dict[str, Picture]) -> None:
        self.pictures = pictures

    @property
    def dataset(self) -> Dataset:
        return Dataset("made up", ())

    def read(self, example: Example) -> Picture:
        return self.pictures[example.name]


def spotted(rows: int, columns: int, box: PixelBox) -> Picture:
    picture = np.full((rows, columns, 3), (230, 220, 225), np.uint8)
    picture[int(box.top) : int(box.bottom), int(box.left) : int(box.right)] = DARK
    return picture


def example(name: str, *objects: LabelledBox, **known: object) -> Example:
    return Example(name, "", SizePx(1, 1), objects, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize("um_per_px", [None, 0.25, 0.125, 0.5])
@pytest.mark.parametrize("size", [(300, 260), (512, 512), (700, 530)])
def test_boxes_and_finds_lie_in_the_same_pixels(size: tuple[int, int], um_per_px: float | None) -> None:
    """Whatever the picture's size and resolution, a spot is found where it was drawn."""
    box = PixelBox(60, 80, 120, 140)
    source = Pictures({"a": spotted(*size, box)})
    (tile,) = judge_cells(DarkSpots(), source, [example("a", LabelledBox(box, BLAST), um_per_px=um_per_px)], 0.5)
    scores = score_cells([tile], 0.5).by_class[BLAST]
    assert (scores.recall, scores.precision) == (1, 1)
    assert scores.mean_overlap > 0.95
    factor = (um_per_px or 0.25) / 0.25
    assert tile.truth[0].box == PixelBox(60 * factor, 80 * factor, 120 * factor, 140 * factor)


def test_every_tile_is_512_px() -> None:
    """The models take no other."""
    model, box = DarkSpots(), PixelBox(0, 0, 40, 40)
    judge_cells(model, Pictures({"a": spotted(600, 1100, box)}), [example("a")], 0.5)
    assert [picture.shape for picture in model.seen] == [(512, 512, 3)] * 6


def test_known_resolutions_are_brought_to_a_quarter_micrometre() -> None:
    """By the mean of the covered area down, so that fine grain does not turn to noise; unknown ones stay."""
    grain = np.indices((400, 600)).sum(axis=0) % 2 * 255
    fine = np.repeat(grain[..., None], 3, axis=2).astype(np.uint8)
    half, factor = rescaled(fine, 0.125)
    assert (half.shape, factor) == ((200, 300, 3), 0.5)
    assert set(np.unique(half)) <= {127, 128}
    assert rescaled(fine, 0.5)[0].shape == (800, 1200, 3)
    for um_per_px in (None, 0.25, 0.2511):
        same, factor = rescaled(fine, um_per_px)
        assert (same is fine, factor) == (True, 1.0)
    assert [is_rescaled(um_per_px) for um_per_px in (None, 0.25, 0.12)] == [False, False, True]


def test_verdicts_are_on_the_pictures_own_ground() -> None:
    """Of a larger picture its middle is judged, of several tiles the mean counts; none without a verdict is judged."""
    model = DarkSpots()
    pictures = {
        "large": spotted(600, 1100, PixelBox(0, 0, 550, 600)),
        "small": spotted(256, 512, PixelBox(0, 0, 256, 256)),
        "unknown": spotted(512, 512, PixelBox(0, 0, 9, 9)),
    }
    examples = [
        example("large", fit=True, patient="p"),
        example("small", fit=False, group="g"),
        example("unknown"),
    ]
    judged = judge_regions(model, Pictures(pictures), examples)
    assert judged.fit.tolist() == [True, False]
    np.testing.assert_allclose(judged.probabilities, [0.5, 0.25], atol=0.01)
    assert judged.units == ["patient p", "group g"]


def test_what_was_drawn_follows_from_what_occurs() -> None:
    """On pictures that are not complete; cells without a class mean that all nucleated cells were drawn, somehow."""
    box = PixelBox(0, 0, 9, 9)
    complete = example("a", LabelledBox(box, CellType.DEBRIS))
    platelets = example("b", LabelledBox(box, PLATELET), LabelledBox(box, PLATELET), complete=False)
    unclassed = example("c", LabelledBox(box, None), LabelledBox(box, BLAST), complete=False)
    assert drawn_kinds([complete]) == DrawnKinds(frozenset(), nucleated=False)
    assert drawn_kinds([complete, platelets]) == DrawnKinds(frozenset({PLATELET}), nucleated=False)
    assert drawn_kinds([platelets, unclassed]) == DrawnKinds(frozenset({PLATELET}), nucleated=True)
    all_kinds = example("d", *(LabelledBox(box, kind) for kind in NUCLEATED_CLASSES), complete=False)
    assert drawn_kinds([all_kinds]) == DrawnKinds(frozenset(NUCLEATED_CLASSES), nucleated=True)


def test_pictures_of_single_cells_show_one_cell_each() -> None:
    """Nobody drew the neighbours, of whatever kind: finding them is not wrong."""
    box = PixelBox(0, 0, 9, 9)
    cells = [example(kind.label, LabelledBox(box, kind), complete=False) for kind in (BLAST, PLATELET)]
    assert drawn_kinds(cells) == DrawnKinds(frozenset(), nucleated=False)


def test_undrawn_kinds_are_not_punished() -> None:
    """A blast found on a picture of which only platelets were drawn is not wrong; on a complete picture it is."""
    box = PixelBox(60, 80, 120, 140)
    source = Pictures({name: spotted(512, 512, box) for name in ("whole", "part", "cells")})
    examples = [
        example("whole"),
        example("part", LabelledBox(PixelBox(300, 300, 310, 310), PLATELET), complete=False),
        example("cells", LabelledBox(box, None), complete=False),
    ]
    whole, part, cells = (judge_cells(DarkSpots(), source, [one], 0.5)[0] for one in examples)
    found = [score_cells([tile], 0.5).by_class[BLAST].found_objects for tile in (whole, part, cells)]
    assert found == [1, 0, 0]
    assert matches_of_nucleated([whole, part, cells]).right.tolist() == [False, True]


def test_a_patient_binds_before_a_group() -> None:
    """Intervals draw patients where they are known; a patient and a group of one name are not one."""
    units = [unit_of(example("a", patient=p, group=g)) for p, g in (("1", "2"), ("", "1"), ("", ""))]
    assert units == ["patient 1", "group 1", ""]
