"""Which cells a gallery shows: of each class those of which the model was most and least certain."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.geometry import PixelBox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from marrowcount.slides.detections import Detection
    from marrowcount.slides.geometry import SpacingMm

__all__ = ["CELLS_EACH", "Certain", "GalleryCell", "choose_cells", "field_um"]

CELLS_EACH: Final = 3
"""Cells shown of each class at either end."""

FIELD_UM: Final = 24.0
"""Side of the ground shown: a promyelocyte of 25 um nearly fills it, a lymphocyte a third."""

LARGE_FIELD_UM: Final = 72.0
"""The same for the classes that are several times larger."""

LARGE_CLASSES: Final = frozenset({CellType.MEGAKARYOCYTE, CellType.MEGAKARYOCYTE_NUCLEUS, CellType.PLATELET_CLUMP})


class Certain(StrEnum):
    """At which end of the class's probabilities a cell stands."""

    MOST = "most"
    LEAST = "least"


@dataclass(frozen=True, slots=True)
class GalleryCell:
    """A cell of the gallery.

    Attributes:
        field: the ground shown: a square about the cell's middle on whole pixels of the base level; it may reach
            beyond the slide's edge.
    """

    detection: Detection
    certain: Certain
    field: PixelBox


def field_um(cell_type: CellType) -> float:
    """Side of the ground shown of that class, in micrometres."""
    return LARGE_FIELD_UM if cell_type in LARGE_CLASSES else FIELD_UM


def choose_cells(
    detections: Iterable[Detection], spacing: SpacingMm, each: int = CELLS_EACH
) -> tuple[GalleryCell, ...]:
    """The cells to show, class by class in the order of the classes, from the most to the least certain.

    No cell is shown twice: of a class with few cells, half are shown as most certain, and the odd one with them.
    Of equal probabilities the cell further up, then further left, comes first.

    Args:
        detections: with boxes in pixels of the total pixel matrix, in any order.
        spacing: of the base level.
        each: cells at either end.
    """
    by_class: dict[CellType, list[Detection]] = {cell_type: [] for cell_type in CellType}
    for detection in detections:
        by_class[detection.cell_type].append(detection)
    return tuple(cell for found in by_class.values() for cell in _both_ends(found, spacing, each))


def _both_ends(found: Sequence[Detection], spacing: SpacingMm, each: int) -> Iterator[GalleryCell]:
    ordered = sorted(found, key=_from_most_certain)
    most = min(each, (len(ordered) + 1) // 2)
    least = min(each, len(ordered) - most)
    for detection in ordered[:most]:
        yield GalleryCell(detection, Certain.MOST, _field(detection, spacing))
    for detection in ordered[len(ordered) - least :]:
        yield GalleryCell(detection, Certain.LEAST, _field(detection, spacing))


def _from_most_certain(detection: Detection) -> tuple[float, ...]:
    box = detection.box
    return -detection.probability, box.top, box.left, box.bottom, box.right


def _field(detection: Detection, spacing: SpacingMm) -> PixelBox:
    side = max(1, round(field_um(detection.cell_type) / spacing.um_per_px))
    x, y = detection.box.centre
    left, top = round(x - side / 2), round(y - side / 2)
    return PixelBox(left, top, left + side, top + side)
