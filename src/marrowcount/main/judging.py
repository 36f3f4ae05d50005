"""What a model says of the pictures of a data set, at the models' resolution and tile by tile as on a slide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from marrowcount.cytology.cell_types import NUCLEATED_CLASSES
from marrowcount.evaluation import FramedPicture, JudgedTile, TrueObject
from marrowcount.slides.geometry import PixelBox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.datasets import Example, LabelledBox
    from marrowcount.ports import CellModel, Picture, PictureSource, RoiModel

__all__ = [
    "MODEL_UM_PER_PX",
    "DrawnKinds",
    "JudgedRegions",
    "drawn_kinds",
    "is_rescaled",
    "judge_cells",
    "judge_regions",
    "rescaled",
    "unit_of",
]

MODEL_UM_PER_PX: Final = 0.25
"""Resolution that the models are made for, micrometres per pixel."""

ALIKE: Final = 0.01
"""A resolution this near to it, as a share, is left as it is."""


@dataclass(frozen=True, slots=True)
class JudgedRegions:
    """Pictures that somebody judged, and what the ROI model says of them.

    Attributes:
        fit: the truth, shape (n,).
        probabilities: of being fit, shape (n,).
        units: patient or group of each.
    """

    fit: NDArray[np.bool_]
    probabilities: NDArray[np.float64]
    units: Sequence[str]


@dataclass(frozen=True, slots=True)
class DrawnKinds:
    """What pictures that are not complete show nevertheless.

    Attributes:
        kinds: of which every object was drawn, with its class.
        nucleated: whether every nucleated cell was drawn, with its class or without.
    """

    kinds: frozenset[CellType]
    nucleated: bool


def judge_cells(
    model: CellModel,
    source: PictureSource,
    examples: Iterable[Example],
    threshold: float,
    *,
    drawn: DrawnKinds | None = None,
    done: Callable[[], None] = lambda: None,
) -> list[JudgedTile]:
    """Truth and finds on each picture, boxes in its pixels at the models' resolution.

    Args:
        model: with a very low threshold.
        source: reads the pictures.
        examples: those with boxes.
        threshold: probability from which an object counts; finds below it are kept for the curves, but cannot take the
            place of one that counts where tiles meet.
        drawn: what pictures that are not complete show nevertheless; without it what :func:`drawn_kinds` says.
        done: hears of each picture.

    Raises:
        DatasetError: a picture is missing, damaged or altered.
    """
    chosen = list(examples)
    shown = drawn_kinds(chosen) if drawn is None else drawn
    judged: list[JudgedTile] = []
    for example in chosen:
        judged.append(_judged(model, source.read(example), example, threshold, shown))
        done()
    return judged


def judge_regions(
    model: RoiModel, source: PictureSource, examples: Iterable[Example], *, done: Callable[[], None] = lambda: None
) -> JudgedRegions:
    """The verdict on each picture that somebody judged; of several tiles, the mean of their probabilities.

    A picture larger than a tile is cut about its middle to whole tiles: ground of its own beside the tiles is left out,
    and none is made up.

    Args:
        model: the model.
        source: reads the pictures.
        examples: those with a verdict.
        done: hears of each picture.

    Raises:
        DatasetError: a picture is missing, damaged or altered.
    """
    chosen = [example for example in examples if example.fit is not None]
    probabilities: list[float] = []
    for example in chosen:
        picture, _ = rescaled(source.read(example), example.um_per_px)
        tiles = [tile for _, tile in FramedPicture.inside(picture).tiles()]
        probabilities.append(float(np.mean(model.probabilities(tiles))))
        done()
    fit = np.array([bool(example.fit) for example in chosen], np.bool_)
    return JudgedRegions(fit, np.array(probabilities, np.float64), [unit_of(example) for example in chosen])


def rescaled(picture: Picture, um_per_px: float | None) -> tuple[Picture, float]:
    """The picture at 0.25 um/px, and by how much it was enlarged; as it is where its resolution is not known.

    Made smaller, each pixel is the mean of the area that it covers; made larger, by cubic interpolation.
    """
    if um_per_px is None or not is_rescaled(um_per_px):
        return picture, 1.0
    factor = um_per_px / MODEL_UM_PER_PX
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    rows, columns = (max(1, round(side * factor)) for side in picture.shape[:2])
    return np.asarray(cv2.resize(picture, (columns, rows), interpolation=how), np.uint8), factor


def is_rescaled(um_per_px: float | None) -> bool:
    """Whether a picture of this resolution is brought to another."""
    return um_per_px is not None and abs(um_per_px / MODEL_UM_PER_PX - 1) > ALIKE


def drawn_kinds(examples: Iterable[Example]) -> DrawnKinds:
    """What somebody drew on pictures that are not complete: whichever kind occurs on one was drawn on all of them.

    Where nucleated cells of unstated class occur, all nucleated cells were drawn, but not all with their class. Where
    each picture shows one object and no more, they are pictures of single cells, whose neighbours nobody drew.
    """
    shown = [example.objects for example in examples if not example.complete and example.objects is not None]
    objects = [one for of_one_picture in shown for one in of_one_picture]
    if all(len(of_one_picture) == 1 for of_one_picture in shown):
        return DrawnKinds(frozenset(), nucleated=False)
    classed = frozenset(one.cell_type for one in objects if one.cell_type is not None)
    if any(one.cell_type is None for one in objects):
        return DrawnKinds(classed - frozenset(NUCLEATED_CLASSES), nucleated=True)
    return DrawnKinds(classed, nucleated=classed.issuperset(NUCLEATED_CLASSES))


def unit_of(example: Example) -> str:
    """What an example is drawn together with for intervals: its patient, else its group, else nothing."""
    return f"patient {example.patient}" if example.patient else f"group {example.group}" if example.group else ""


def _judged(model: CellModel, picture: Picture, example: Example, threshold: float, shown: DrawnKinds) -> JudgedTile:
    scaled, factor = rescaled(picture, example.um_per_px)
    framed = FramedPicture.of(scaled)
    found = framed.merged({tile: model.detect(pixels) for tile, pixels in framed.tiles()}, threshold)
    objects = example.objects or ()
    return JudgedTile(
        tuple(TrueObject(one.cell_type, _scaled(one, factor)) for one in objects if one.cell_type is not None),
        found,
        tuple(_scaled(one, factor) for one in objects if one.cell_type is None),
        None if example.complete else shown.kinds,
        example.complete or shown.nucleated,
        unit_of(example),
    )


def _scaled(labelled: LabelledBox, factor: float) -> PixelBox:
    box = labelled.box
    return PixelBox(box.left * factor, box.top * factor, box.right * factor, box.bottom * factor)
