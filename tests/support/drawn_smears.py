"""Single cells and smear photographs drawn for tests, whose truth is known to the pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from marrowcount_adapters.dataset_files.pictures import write_picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from marrowcount.ports import Picture

GLASS = (236, 226, 222)
RED = (196, 158, 166)
CYTOPLASM = (176, 168, 214)
NUCLEUS = (92, 36, 140)
PLATELET = (120, 60, 150)

RED_CELL_PX = 37.5
"""Radius of a red cell of 7.5 um at 0.1 um/px."""

TXL = """mapping = "wbc-rbc-platelet"
source = "drawn for a test"
licence = "none needed"
"""


def glass(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """Empty ground with a little grain."""
    return np.array(GLASS, np.float32) + rng.normal(0, 1.0, (rows, columns, 3)).astype(np.float32)


def draw_red_cell(picture: np.ndarray, x: float, y: float, radius: float) -> None:
    """A ring that is paler in the middle."""
    cv2.circle(picture, (round(x), round(y)), round(radius), RED, -1, cv2.LINE_AA)
    cv2.circle(picture, (round(x), round(y)), round(radius * 0.4), tuple(c + 12 for c in RED), -1, cv2.LINE_AA)


def draw_cell(  # noqa: PLR0917 - a circle in a circle
    picture: np.ndarray, x: float, y: float, radius: float, nucleus: float, colour: Sequence[int] = CYTOPLASM
) -> None:
    """Cytoplasm and nucleus, the latter with lumps that tell cells apart."""
    cv2.circle(picture, (round(x), round(y)), round(radius), tuple(colour), -1, cv2.LINE_AA)
    cv2.circle(picture, (round(x), round(y)), round(nucleus), NUCLEUS, -1, cv2.LINE_AA)


def lumps(picture: np.ndarray, x: float, y: float, nucleus: float, rng: np.random.Generator) -> None:
    """Chromatin, different in every cell."""
    for angle, far in zip(rng.uniform(0, 6.28, 9), rng.uniform(0, 0.8, 9), strict=True):
        place = round(x + np.cos(angle) * far * nucleus), round(y + np.sin(angle) * far * nucleus)
        cv2.circle(picture, place, max(1, round(nucleus * 0.16)), (150, 100, 190), -1, cv2.LINE_AA)


def finished(picture: np.ndarray) -> Picture:
    """Slightly blurred, as everything through a lens is."""
    return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.8), 0, 255).astype(np.uint8)


def single_cell(rng: np.random.Generator, um_per_px: float = 0.1, radius_um: float = 6.5, side: int = 240) -> Picture:
    """A round cell in the middle, red cells around."""
    picture = _field(rng, um_per_px, side)
    nucleus = 0.68 * radius_um / um_per_px
    draw_cell(picture, side / 2, side / 2, radius_um / um_per_px, nucleus)
    lumps(picture, side / 2, side / 2, nucleus, rng)
    return finished(picture)


def irregular_cell(rng: np.random.Generator, radius_um: float = 6.0, side: int = 240) -> Picture:
    """As no other is, 0.1 um/px: oval, its nucleus indented and off the middle."""
    picture = _field(rng, 0.1, side)
    draw_irregular(picture, side // 2, radius_um * 10, rng)
    return finished(picture)


def draw_irregular(picture: np.ndarray, middle: int, radius: float, rng: np.random.Generator) -> None:
    """An oval of about that radius."""
    axes = round(radius * rng.uniform(0.8, 1.0)), round(radius * rng.uniform(0.8, 1.0))
    cv2.ellipse(picture, (middle, middle), axes, rng.uniform(0, 180), 0, 360, CYTOPLASM, -1, cv2.LINE_AA)
    shift = rng.uniform(-0.2, 0.2, 2) * radius
    place = round(middle + shift[0]), round(middle + shift[1])
    inner = round(radius * rng.uniform(0.4, 0.6)), round(radius * rng.uniform(0.4, 0.6))
    cv2.ellipse(picture, place, inner, rng.uniform(0, 180), 0, 360, NUCLEUS, -1, cv2.LINE_AA)
    notch = round(place[0] + inner[0] * rng.uniform(-1, 1)), round(place[1] + inner[1])
    cv2.circle(picture, notch, round(radius * 0.2), CYTOPLASM, -1, cv2.LINE_AA)
    lumps(picture, *place, min(inner), rng)


def _field(rng: np.random.Generator, um_per_px: float, side: int) -> np.ndarray:
    picture = glass(side, side, rng)
    for x, y in ((30, 30), (side - 34, 40), (34, side - 36), (side - 32, side - 30)):
        draw_red_cell(picture, x, y, 3.7 / um_per_px * 0.7)
    return picture


def platelet(rng: np.random.Generator, um_per_px: float = 0.1, side: int = 240) -> Picture:
    """A platelet in the middle of a field of its own."""
    picture = glass(side, side, rng)
    cv2.circle(picture, (side // 2, side // 2), round(1.3 / um_per_px), PLATELET, -1, cv2.LINE_AA)
    return finished(picture)


class DrawnPhotograph:
    """A smear photograph of 0.1 um/px and its YOLO labels: a white cell, five red ones, a platelet."""

    side = 360
    middle, reach = 180, 62

    def __init__(self, rng: np.random.Generator, red_cells: int = 5) -> None:
        self.labels = list[str]()
        self.picture = glass(self.side, self.side, rng)
        *red, last = self._places(rng, red_cells + 1)
        for place in red:
            draw_red_cell(self.picture, *place, RED_CELL_PX)
            self._label(1, *place, RED_CELL_PX)
        draw_irregular(self.picture, self.middle, self.reach, rng)
        self._label(0, self.middle, self.middle, self.reach)
        cv2.circle(self.picture, last, 12, PLATELET, -1, cv2.LINE_AA)
        self._label(2, *last, 12)

    def _places(self, rng: np.random.Generator, number: int) -> list[tuple[int, int]]:
        """Apart from each other, from the edge and from the white cell's box."""
        found: list[tuple[int, int]] = []
        while len(found) < number:
            x, y = (int(place) for place in rng.integers(44, self.side - 44, 2))
            apart = all(np.hypot(x - cx, y - cy) > 2 * RED_CELL_PX + 8 for cx, cy in found)
            if apart and max(abs(x - self.middle), abs(y - self.middle)) > self.reach + RED_CELL_PX + 8:
                found.append((x, y))
            elif rng.random() < 0.002:
                found = []
        return found

    def _label(self, number: int, x: float, y: float, radius: float) -> None:
        self.labels.append(" ".join(f"{v:.6f}" for v in (x / self.side, y / self.side, *[2 * radius / self.side] * 2)))
        self.labels[-1] = f"{number} {self.labels[-1]}"

    def write(self, folder: Path, split: str, name: str) -> None:
        """As TXL-PBC has them."""
        write_picture(folder / "images" / split / f"{name}.png", finished(self.picture))
        labels = folder / "labels" / split
        labels.mkdir(parents=True, exist_ok=True)
        (labels / f"{name}.txt").write_text("\n".join(self.labels), encoding="utf-8")
        (labels / "classes.txt").write_text("WBC\nRBC\nPC\n", encoding="utf-8")


def write_photographs(folder: Path, numbers: dict[str, int], seed: int = 0) -> Path:
    """So many photographs in each split, and what is said of them."""
    rng = np.random.default_rng(seed)
    for split, number in numbers.items():
        for place in range(number):
            DrawnPhotograph(rng).write(folder, split, f"{split}{place}")
    (folder / "photographs.toml").write_text(TXL, encoding="utf-8")
    return folder


def write_cells(folder: Path, classes: Sequence[str] = ("MYO", "LYT"), originals: int = 6, seed: int = 5) -> Path:
    """Single cells named as AML-Cytomorphology_LMU names them, and what is said of them."""
    rng = np.random.default_rng(seed)
    for number, name in enumerate(classes):
        for original in range(originals):
            picture = irregular_cell(rng, radius_um=5.0 + 1.5 * number)
            write_picture(folder / f"{name}_{original:04}.png", picture)
    pattern = r"(?P<class>[A-Z]{3})_(?P<original>\d+)"
    text = f"mapping = 'aml-lmu'\npattern = '{pattern}'\num_per_px = 0.1\n"
    (folder / "cells.toml").write_text(text, encoding="utf-8")
    return folder
