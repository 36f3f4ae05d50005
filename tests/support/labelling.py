"""Pictures whose objects show in their colour, a model that reads it, and an expert who edits label files."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, parse

import numpy as np
from scipy import ndimage

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["drawn", "edit_voc", "is_upright", "read_colours", "rewrite_voc"]

LEVELS = 12
"""Grey levels between two classes."""
UPRIGHT = 255
"""Blue level of the first pixel."""


def drawn(objects: Iterable[tuple[CellType, PixelBox]], seed: int) -> np.ndarray:
    """A tile of noisy light ground with one filled box for each object, red saying its class; (512, 512, 3)."""
    ground = np.random.default_rng(seed).integers(0, 60, (32, 32), dtype=np.uint8)
    picture = np.full((512, 512, 3), 255, np.uint8)
    picture[..., 2] = np.kron(ground, np.ones((16, 16), np.uint8))
    picture[0, 0, 2] = UPRIGHT
    for kind, box in objects:
        picture[int(box.top) : int(box.bottom), int(box.left) : int(box.right), 0] = LEVELS * kind
    return picture


def is_upright(picture: np.ndarray) -> bool:
    """Whether a drawn tile is as it was drawn, and not turned or mirrored."""
    return bool(picture[0, 0, 2] == UPRIGHT)


def read_colours(picture: np.ndarray) -> list[Detection]:
    """Every box with its class, as a perfect model would find it."""
    found = []
    for kind in CellType:
        marks, _ = ndimage.label(picture[..., 0] == LEVELS * kind)
        for rows, columns in ndimage.find_objects(marks):
            box = PixelBox(columns.start, rows.start, columns.stop, rows.stop)
            found.append(Detection(kind, box, 0.9))
    return found


def edit_voc(path: Path, edit: Callable[[Element], None]) -> None:
    """Open a VOC file, change it, save it."""
    document = parse(path)  # noqa: S314 - our own file
    edit(document.getroot())
    document.write(path, encoding="utf-8")


def rewrite_voc(path: Path, boxes: Iterable[tuple[PixelBox, str]]) -> None:
    """Save other objects, in whole pixels as LabelImg does."""

    def edit(root: Element) -> None:
        for old in root.findall("object"):
            root.remove(old)
        for box, name in boxes:
            one = SubElement(root, "object")
            SubElement(one, "name").text = name
            SubElement(one, "difficult").text = "0"
            sides = SubElement(one, "bndbox")
            for side, value in zip(
                ("xmin", "ymin", "xmax", "ymax"), (box.left, box.top, box.right, box.bottom), strict=True
            ):
                SubElement(sides, side).text = str(round(value))

    edit_voc(path, edit)
