"""A phantom slide: tiles drawn on demand and the truth about every object on them."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.phantom.atlas import Atlas, Picture, paste
from marrowcount.phantom.ground import Ground
from marrowcount.phantom.look import Look
from marrowcount.phantom.placement import Placed, place
from marrowcount.phantom.profiles import PROFILES
from marrowcount.phantom.scenery import RedCells, Scenery
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.slides.tiles import TILE_PX, Tile, grid_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marrowcount.phantom.primitives import Floats

__all__ = ["PhantomObject", "PhantomSlide", "PhantomTile"]

LEAST_PX: Final = 2048
DEFAULT_SIZE: Final = SizePx(16384, 16384)
NEAR_PX: Final = 64
"""Objects this near a tile may keep a red cell off it."""


@dataclass(frozen=True, slots=True)
class PhantomObject:
    """One object of the truth; box in level-0 pixels of the total pixel matrix."""

    cell_type: CellType
    box: PixelBox


@dataclass(frozen=True, slots=True)
class PhantomTile:
    """One tile of the grid and whether it is fit for cytology."""

    tile: Tile
    roi: bool


class PhantomSlide:
    """A marrow smear of known truth at 0.25 um per pixel; the same profile, seed and size give the same bytes.

    Objects are what a person could box: all on monolayer, and also those out of focus, among agglutinated red cells
    and on overstained ground. In thick ground, where cells clot, single cells are part of the ground and no objects;
    empty glass has none. On ROI tiles the truth is complete.

    Raises:
        ValueError: an unknown profile, a negative seed or a side under 2048 px.
    """

    def __init__(self, profile: str, seed: int, size: SizePx = DEFAULT_SIZE) -> None:
        _check(profile, seed, size)
        self.profile: Final = profile
        self.seed: Final = seed
        self.size: Final = size
        entropy = int.from_bytes(hashlib.sha256(f"{profile}/{seed}/{size.width}x{size.height}".encode()).digest()[:8])
        self._look = Look.drawn(np.random.default_rng([entropy, 10]))
        self._atlas = Atlas(self._look, entropy)
        self._ground = Ground.drawn(size, np.random.default_rng([entropy, 11]))
        rng = np.random.default_rng([entropy, 12])
        self._placed = place(PROFILES[profile], size, self._ground, self._atlas, rng)
        self._scenery = Scenery.drawn(self._look, self._atlas, np.random.default_rng([entropy, 13]))
        self._red = RedCells.drawn(np.random.default_rng([entropy, 14]))
        self.objects: Final = _objects(self._placed)
        self._of_tile, self._near_tile = _by_tile(self._placed)
        self.tiles: Final = tuple(PhantomTile(tile, self._is_roi(tile)) for tile in grid_of(size))

    def _is_roi(self, tile: Tile) -> bool:
        return bool(self._ground.fit[tile.row, tile.column]) and bool(self._of_tile.get((tile.row, tile.column)))

    @property
    def ndc(self) -> Mapping[CellType, float]:
        """Percent of each NDC class over the objects whose centre lies in ROI tiles; all 0 where there is none."""
        found: Counter[CellType] = Counter(
            thing.cell_type for place in self.tiles if place.roi for thing in self.objects_in(place.tile)
        )
        total = sum(found[cell_type] for cell_type in NDC_CLASSES)
        return {cell_type: 100 * found[cell_type] / total if total else 0.0 for cell_type in NDC_CLASSES}

    def objects_in(self, tile: Tile) -> tuple[PhantomObject, ...]:
        """Objects whose centre lies in the tile, boxes in slide pixels; the rule for counting and labelling."""
        return tuple(self.objects[number] for number in self._of_tile.get((tile.row, tile.column), ()))

    def severity_on(self, tile: Tile) -> Floats:
        """How badly the worst fault spoils each of the tile's 8 x 8 places, 0 to 1; fit ground ends at 0.35."""
        return self._ground.worst_in(tile)

    def read(self, tile: Tile) -> Picture:
        """The tile's pixels, (512, 512, 3) RGB uint8; tiles join without seams."""
        canvas = self._scenery.canvas(tile)
        near = self._placed.chosen(np.array(self._near_tile.get((tile.row, tile.column), ()), np.int64))
        self._red.strew(canvas, tile, self._ground, self._atlas, near)
        self._scenery.thicken(canvas, self._ground, tile)
        for kind, number, turn, degree, (x, y) in zip(
            near.kind.tolist(),
            near.number.tolist(),
            near.orientation.tolist(),
            near.degree.tolist(),
            near.spot.tolist(),
            strict=True,
        ):
            paste(canvas, self._atlas.cell(kind, number, turn, degree), x - tile.left, y - tile.top)
        self._scenery.stain(canvas, self._ground, tile)
        return canvas


def _check(profile: str, seed: int, size: SizePx) -> None:
    if profile not in PROFILES:
        raise ValueError(f"no phantom profile is called {profile!r}; there are: {', '.join(PROFILES)}")
    if seed < 0:
        raise ValueError(f"a phantom's seed cannot be negative: {seed}")
    if min(size.width, size.height) < LEAST_PX:
        raise ValueError(f"a phantom slide has at least {LEAST_PX} px a side, not {size.width} x {size.height}")


def _objects(placed: Placed) -> tuple[PhantomObject, ...]:
    kinds: list[int] = placed.kind.tolist()
    boxes: list[list[float]] = placed.boxes.astype(float).tolist()
    return tuple(PhantomObject(CellType(kind), PixelBox(*box)) for kind, box in zip(kinds, boxes, strict=True))


def _by_tile(placed: Placed) -> tuple[dict[tuple[int, int], list[int]], dict[tuple[int, int], list[int]]]:
    """Rows of the table by the tile of their centre, and by every tile that they touch or nearly touch."""
    boxes = placed.boxes
    home: dict[tuple[int, int], list[int]] = {}
    near: dict[tuple[int, int], list[int]] = {}
    first = (boxes[:, :2] - NEAR_PX) // TILE_PX
    last = (boxes[:, 2:] + NEAR_PX) // TILE_PX
    middle = (boxes[:, :2] + boxes[:, 2:]) // (2 * TILE_PX)
    columns = (first.tolist(), last.tolist(), middle.tolist())
    for number, ((left, top), (right, bottom), (column, row)) in enumerate(zip(*columns, strict=True)):
        home.setdefault((row, column), []).append(number)
        for touched in ((r, c) for r in range(top, bottom + 1) for c in range(left, right + 1)):
            near.setdefault(touched, []).append(number)
    return home, near
