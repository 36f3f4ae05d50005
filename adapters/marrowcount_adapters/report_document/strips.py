"""The gallery as picture files: a strip for each class, and a list of what is on them."""

from __future__ import annotations

import json
from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.ports import Picture
    from marrowcount.slides.detections import Detection
    from marrowcount.workflow.illustrate import CellPicture, Illustrations, Thumbnail

__all__ = ["by_class", "draw_strips", "encode_gallery", "encode_thumbnail", "reduced"]

GAP_PX: Final = 4
JPEG_QUALITY: Final = 85


def by_class(illustrations: Illustrations) -> Mapping[CellType, Sequence[CellPicture]]:
    """The cells shown of each class that has any, from the most to the least certain."""
    kinds = groupby(illustrations.cells, lambda shown: shown.cell.detection.cell_type)
    return {cell_type: tuple(shown) for cell_type, shown in kinds}


def reduced(picture: Picture, side: int) -> Picture:
    """A square picture, made smaller where it is larger."""
    if picture.shape[0] <= side:
        return picture
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.BOX))


def draw_strips(illustrations: Illustrations) -> Mapping[str, bytes]:
    """PNG pictures by file name (``plasma-cell.png``): the class's cells side by side, all of one size.

    Cells of the usual field are shown pixel by pixel; those that stand on more ground are made smaller to that size.
    """
    side = _side(illustrations)
    return {_name(cell_type): _strip(shown, side) for cell_type, shown in by_class(illustrations).items()}


def encode_gallery(illustrations: Illustrations, folder: str) -> str:
    """What is on the strips, as JSON text: a list with an object for each cell.

    Keys: ``class``, ``probability``, ``certain`` (``most`` or ``least``); ``left``, ``top``, ``right``, ``bottom`` of
    its box in pixels of the base level; ``strip``, the file, with ``x`` and ``width`` of its picture there.

    Args:
        illustrations: of a result.
        folder: in which the strips lie.
    """
    side = _side(illustrations)
    entries = [
        {
            **_said_of(shown.cell.detection),
            "certain": shown.cell.certain.value,
            "strip": f"{folder}/{_name(cell_type)}",
            "x": place * (side + GAP_PX),
            "width": side,
        }
        for cell_type, cells in by_class(illustrations).items()
        for place, shown in enumerate(cells)
    ]
    return json.dumps(entries, indent=1, allow_nan=False) + "\n"


def encode_thumbnail(thumbnail: Thumbnail) -> bytes:
    """The slide made small, as JPEG."""
    file = BytesIO()
    Image.fromarray(thumbnail.picture).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def _name(cell_type: CellType) -> str:
    return f"{cell_type.label.replace(' ', '-')}.png"


def _side(illustrations: Illustrations) -> int:
    """Of the smallest field; every class with the usual one has it."""
    return min((shown.picture.shape[0] for shown in illustrations.cells), default=0)


def _strip(cells: Sequence[CellPicture], side: int) -> bytes:
    strip = np.full((side, len(cells) * (side + GAP_PX) - GAP_PX, 3), 255, np.uint8)
    for place, shown in enumerate(cells):
        left = place * (side + GAP_PX)
        strip[:, left : left + side] = reduced(shown.picture, side)
    file = BytesIO()
    Image.fromarray(strip).save(file, "PNG")
    return file.getvalue()


def _said_of(detection: Detection) -> dict[str, object]:
    box = detection.box
    return {
        "class": detection.cell_type.label,
        "probability": round(detection.probability, 4),
        "left": round(box.left, 2),
        "top": round(box.top, 2),
        "right": round(box.right, 2),
        "bottom": round(box.bottom, 2),
    }
