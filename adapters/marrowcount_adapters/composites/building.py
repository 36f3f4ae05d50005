"""The data sets: tiles to train on, to validate on, and the two kinds of real pictures to test on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.datasets import Example, LabelledBox, Split
from marrowcount.phantom import PROFILES, PhantomSlide
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.composites.composing import Composer
from marrowcount_adapters.composites.cutting import CUT_UM_PER_PX, BadCut, cut_out
from marrowcount_adapters.composites.ground import clumps_on
from marrowcount_adapters.composites.layout import alone, side_by_side
from marrowcount_adapters.composites.material import TEST, TRAIN, VALIDATION, ready_cells
from marrowcount_adapters.composites.parts import Part
from marrowcount_adapters.composites.photographs import at_scale
from marrowcount_adapters.composites.pictures import read_picture, scaled
from marrowcount_adapters.composites.scanner import scanned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from marrowcount.datasets import LabelledBox
    from marrowcount.ports import Picture
    from marrowcount_adapters.composites.collections import SingleCell
    from marrowcount_adapters.composites.layout import Piece
    from marrowcount_adapters.composites.material import Material

__all__ = ["NAME", "Made", "composed", "held_out_cells", "phantom_tiles", "photograph_tiles"]

NAME: Final = "composites"
UM_PER_PX: Final = 0.25
GROUP: Final = "composites"
"""Composed tiles share cells and ground: they never part."""
PHANTOM_PX: Final = 4096
ON_PHANTOM: Final = 0.35
"""Share of the composed tiles whose ground is a phantom's."""
TILES_A_ROUND: Final = 800
"""Whole pictures are laid out once more, turned and joined otherwise, for every so many composed tiles."""
MIDDLE_UM: Final = 12.0
"""A cell whose outline is not certain is boxed by a square of that side in the middle of its picture."""
UNCERTAIN: Final = "middle of the picture"

Made = tuple["Picture", Example]


@dataclass(frozen=True)
class Telling:
    """Where progress goes: how many steps there are, and each as it is done."""

    total: Callable[[int], None] = lambda _: None
    step: Callable[[], None] = lambda: None


def composed(
    material: Material, part: Part, tiles: int, phantom: Sequence[Piece], seed: int, tell: Callable[[], None]
) -> Iterator[Made]:
    """Composed tiles of a part, then its whole pictures beside each other.

    Args:
        material: pictures at hand.
        part: to train or to validate on.
        tiles: composed ones.
        phantom: tiles to paste on; without them all are of real ground.
        seed: the same seed, material and number give the same tiles.
        tell: hears of each tile.
    """
    rng = np.random.default_rng([seed, list(Part).index(part)])
    split = Split.TRAIN if part is Part.TRAIN else Split.VALIDATION
    cells, _ = ready_cells(material.cells(part))
    photographs = material.photographs_of(TRAIN if part is Part.TRAIN else VALIDATION)
    composer = Composer(cells, [clumps_on(photograph) for photograph in photographs], phantom)
    for number in range(tiles):
        on_phantom = bool(phantom) and rng.random() < ON_PHANTOM
        piece = composer.on_phantom(rng) if on_phantom else composer.on_smear(rng)
        yield _made(piece, f"{'phantom' if on_phantom else 'smear'}/{number:06}", split, complete=True)
        tell()
    for turn in range(max(1, tiles // TILES_A_ROUND)):
        whole = [at_scale(photograph, UM_PER_PX) for photograph in photographs]
        yield from _laid_out(whole, f"photographs/{turn}", split, rng, complete=True)
        single = [piece for cell in material.cells(part) if (piece := _boxed(cell)) is not None]
        yield from _laid_out(single, f"cells/{turn}", split, rng, complete=False)


def photograph_tiles(material: Material) -> Iterator[Made]:
    """The test photographs beside each other, untouched but for their scale."""
    pieces = [at_scale(photograph, UM_PER_PX) for photograph in material.photographs_of(TEST)]
    for number, (piece, _) in enumerate(side_by_side(pieces)):
        yield _made(piece, f"photographs/{number:06}", Split.TEST, complete=True)


def held_out_cells(material: Material) -> Iterator[Made]:
    """Each cell that is held out, alone; where it cannot be cut out with certainty, its box is a square in the middle."""
    for cell in material.cells(Part.HELD_OUT):
        picture = scaled(read_picture(cell.path), cell.um_per_px / UM_PER_PX)[:TILE_PX, :TILE_PX]
        box, author = _box_of(cell, picture)
        rows, columns = picture.shape[:2]
        margin = int(min(box.left, box.top, columns - box.right, rows - box.bottom)) - 1
        piece = alone((picture, (LabelledBox(box, cell.cell_type, author),)), margin)
        yield _made(piece, cell.name, Split.TEST, complete=False, group=cell.group)


def phantom_tiles(count: int, seed: int, tell: Callable[[], None]) -> Iterator[Piece]:
    """Fit tiles of phantom slides of all profiles, with their objects."""
    found = 0
    profiles = tuple(PROFILES)
    for number in range(count):
        slide = PhantomSlide(profiles[number % len(profiles)], seed + number, SizePx(PHANTOM_PX, PHANTOM_PX))
        for place in (place for place in slide.tiles if place.roi):
            if found == count:
                return
            left, top = -place.tile.left, -place.tile.top
            size = SizePx(TILE_PX, TILE_PX)
            truth = slide.objects_in(place.tile)
            yield (
                slide.read(place.tile),
                tuple(LabelledBox(one.box.moved(left, top).clipped(size), one.cell_type) for one in truth),
            )
            found += 1
            tell()


def _boxed(cell: SingleCell) -> Piece | None:
    """A cell's whole picture; None where its outline is not certain."""
    picture = scaled(read_picture(cell.path), cell.um_per_px / UM_PER_PX)
    box, author = _box_of(cell, picture)
    return None if author else (picture, (LabelledBox(box, cell.cell_type),))


def _box_of(cell: SingleCell, picture: Picture) -> tuple[PixelBox, str]:
    """Box in a picture of 0.25 um/px, and why it is not exact; empty where it is."""
    cut = cut_out(scaled(read_picture(cell.path), cell.um_per_px / CUT_UM_PER_PX))
    rows, columns = picture.shape[:2]
    if isinstance(cut, BadCut):
        x, y, half = columns / 2, rows / 2, MIDDLE_UM / UM_PER_PX / 2
        return PixelBox(x - half, y - half, x + half, y + half).clipped(SizePx(columns, rows)), UNCERTAIN
    factor = CUT_UM_PER_PX / UM_PER_PX
    box = PixelBox(*(edge * factor for edge in (cut.box.left, cut.box.top, cut.box.right, cut.box.bottom)))
    return box.clipped(SizePx(columns, rows)), ""


def _laid_out(
    pieces: Iterable[Piece], name: str, split: Split, rng: np.random.Generator, *, complete: bool
) -> Iterator[Made]:
    """Tiles of whole pictures, each turned by quarters or mirrored, as a scanner would see them."""
    turned = [_turned(piece, int(rng.integers(8))) for piece in pieces]
    shuffled = [turned[int(place)] for place in rng.permutation(len(turned))]
    for number, ((tile, objects), _) in enumerate(side_by_side(shuffled)):
        yield _made((scanned(tile.astype(np.float32), rng), objects), f"{name}/{number:06}", split, complete=complete)


def _turned(piece: Piece, orientation: int) -> Piece:
    picture, objects = piece
    boxes = [one.box for one in objects]
    if orientation >= 4:
        width = picture.shape[1]
        picture = picture[:, ::-1]
        boxes = [PixelBox(width - b.right, b.top, width - b.left, b.bottom) for b in boxes]
    for _ in range(orientation % 4):
        width = picture.shape[1]
        picture = np.rot90(picture)
        boxes = [PixelBox(b.top, width - b.right, b.bottom, width - b.left) for b in boxes]
    return np.ascontiguousarray(picture), tuple(replace(o, box=b) for o, b in zip(objects, boxes, strict=True))


def _made(piece: Piece, name: str, split: Split, *, complete: bool, group: str = GROUP) -> Made:
    picture, objects = piece
    size = SizePx(picture.shape[1], picture.shape[0])
    return picture, Example(
        name, "", size, objects, complete=complete, fit=True, um_per_px=UM_PER_PX, group=group, split=split
    )
