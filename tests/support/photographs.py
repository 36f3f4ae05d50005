"""Real smear photographs laid out as one slide of 0.25 um/px, with the places of their nucleated cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.slides.tiles import TILE_PX, Tile
from marrowcount_adapters.wsm_writer import Patient, SlideHeader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from marrowcount.ports import Picture

WHITE_CELL, RED_CELL = 0, 1
RED_CELL_PX = 30
"""A red cell of 7.5 um at 0.25 um/px: by it each photograph, whose scale nobody noted, is brought to the slide's."""


@dataclass(frozen=True)
class Photograph:
    """A photograph at 0.25 um/px and the boxes of its nucleated cells."""

    picture: Picture
    cells: tuple[PixelBox, ...]


@dataclass
class PhotographSlide:
    """Photographs packed in rows, none across a tile border."""

    photographs: Sequence[Photograph]
    columns: int = 8
    tiles: list[Picture] = field(default_factory=list)
    cells: list[PixelBox] = field(default_factory=list)

    def __post_init__(self) -> None:
        waiting = sorted(self.photographs, key=lambda photograph: photograph.picture.shape[:2])
        while waiting:
            waiting = self._fill_tile(waiting)
        while len(self.tiles) % self.columns:
            self.tiles.append(np.full((TILE_PX, TILE_PX, 3), 240, np.uint8))

    def _fill_tile(self, waiting: list[Photograph]) -> list[Photograph]:
        tile = Tile(len(self.tiles) // self.columns, len(self.tiles) % self.columns)
        picture = np.full((TILE_PX, TILE_PX, 3), _ground(waiting[0].picture), np.uint8)
        left = top = shelf = 0
        for place, photograph in enumerate(waiting):
            rows, columns = photograph.picture.shape[:2]
            if left + columns > TILE_PX:
                left, top, shelf = 0, top + shelf, 0
            if top + rows > TILE_PX:
                self.tiles.append(picture)
                return waiting[place:]
            picture[top : top + rows, left : left + columns] = photograph.picture
            self.cells += [box.moved(tile.left + left, tile.top + top) for box in photograph.cells]
            left, shelf = left + columns, max(shelf, rows)
        self.tiles.append(picture)
        return []

    @property
    def size(self) -> SizePx:
        return SizePx(self.columns * TILE_PX, len(self.tiles) // self.columns * TILE_PX)

    def read(self, tile: Tile) -> Picture:
        return self.tiles[tile.row * self.columns + tile.column]


def _ground(picture: Picture) -> list[int]:
    return np.percentile(picture.reshape(-1, 3), 90, axis=0).astype(int).tolist()


def read_photographs(folder: Path, splits: Sequence[str]) -> Iterator[Photograph]:
    """The photographs of these splits that show whole red cells to scale by."""
    for split in splits:
        for labels in sorted((folder / "labels" / split).glob("*.txt")):
            image = folder / "images" / split / f"{labels.stem}.jpg"
            if labels.name != "classes.txt" and image.is_file() and (found := _photograph(image, labels)):
                yield found


def _photograph(image: Path, labels: Path) -> Photograph | None:
    rows = np.loadtxt(labels, ndmin=2)
    with Image.open(image) as opened:
        picture = opened.convert("RGB")
    boxes = rows[:, 1:] * np.tile([picture.width, picture.height], 2)
    whole = (rows[:, 0] == RED_CELL) & _away_from_edges(boxes, picture.width, picture.height)
    if whole.sum() < 3:
        return None
    factor = RED_CELL_PX / float(np.median(np.sqrt(boxes[whole, 2] * boxes[whole, 3])))
    resized = picture.resize(
        (min(TILE_PX, round(picture.width * factor)), min(TILE_PX, round(picture.height * factor))),
        Image.Resampling.LANCZOS,
    )
    cells = tuple(_box(row * factor) for row in boxes[rows[:, 0] == WHITE_CELL])
    return Photograph(np.asarray(resized), cells)


def _away_from_edges(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    left, right = boxes[:, 0] - boxes[:, 2] / 2, boxes[:, 0] + boxes[:, 2] / 2
    top, bottom = boxes[:, 1] - boxes[:, 3] / 2, boxes[:, 1] + boxes[:, 3] / 2
    return (left > 2) & (top > 2) & (right < width - 2) & (bottom < height - 2)


def _box(row: np.ndarray) -> PixelBox:
    x, y, width, height = row.tolist()
    return PixelBox(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def header() -> SlideHeader:
    return SlideHeader(
        identity="photographs/txl_pbc",
        patient=Patient("Photograph^Real", "TXL-PBC", "", "urn:oid:2.999.1", date(1970, 1, 1), "O"),
        accession_number="TXLPBC1",
        accession_issuer="TEST-LIS",
        study_description="Blood smear photographs",
        acquired=datetime(2026, 1, 5, 9, 0, tzinfo=UTC),
        container_identifier="TXL-PBC-1",
        container_issuer="TEST-LIS",
        specimen_identifier="TXL-PBC",
        label_text=("TXL-PBC",),
    )
