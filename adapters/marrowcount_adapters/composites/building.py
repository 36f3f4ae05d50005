"""The data sets: tiles to train on, to validate on, and the two kinds of real pictures to test on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Example, LabelledBox, Split
from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.composites.boxed import ORIENTATIONS, enlarged, turned
from marrowcount_adapters.composites.clumps import clumps_on
from marrowcount_adapters.composites.composing import Composer, ReadyCell
from marrowcount_adapters.composites.cutting import CUT_UM_PER_PX, BadCut, CutOut, cut_out
from marrowcount_adapters.composites.layout import alone, side_by_side
from marrowcount_adapters.composites.material import TEST, TRAIN, VALIDATION
from marrowcount_adapters.composites.overlooked import overlooks_nuclei
from marrowcount_adapters.composites.parts import Part
from marrowcount_adapters.composites.photographs import at_scale
from marrowcount_adapters.composites.pictures import read_picture, scaled
from marrowcount_adapters.composites.scanner import scanned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from marrowcount.ports import Picture
    from marrowcount_adapters.composites.boxed import Boxed
    from marrowcount_adapters.composites.clumps import SmearGround
    from marrowcount_adapters.composites.collections import SingleCell
    from marrowcount_adapters.composites.material import Material
    from marrowcount_adapters.composites.photographs import Photograph

__all__ = ["Ingredients", "composed", "held_out_cells", "photograph_tiles", "prepared"]

UM_PER_PX: Final = 0.25
GROUP: Final = "composites"
"""Composed tiles share cells and ground: they never part."""
ON_PHANTOM: Final = 0.35
"""Share of the composed tiles whose ground is a phantom's."""
TILES_A_ROUND: Final = 800
"""Whole pictures are laid out once more, turned and joined otherwise, for every so many composed tiles."""
MIDDLE_UM: Final = 12.0
"""A cell whose outline is not certain is boxed by a square of that side in the middle of its picture."""
UNCERTAIN: Final = "middle of the picture"

Made = tuple["Picture", Example]


@dataclass(frozen=True)
class Ingredients:
    """What the tiles of a part are made of.

    Attributes:
        split: of the tiles.
        cut: single cells and their cut-outs.
        bad: how many cells could not be cut out, and why.
        photographs: for ground and to be laid out whole.
        overlooking: how many photographs were left out since they show stained cells that nobody boxed.
    """

    split: Split
    cut: tuple[tuple[SingleCell, CutOut], ...]
    bad: Mapping[BadCut, int]
    photographs: tuple[Photograph, ...]
    overlooking: int


def prepared(material: Material, part: Part, tell: Callable[[], None] = lambda: None) -> Ingredients:
    """Cut the cells of a part out and choose its photographs; ``tell`` hears of each picture."""
    cut: list[tuple[SingleCell, CutOut]] = []
    bad: Counter[BadCut] = Counter()
    for cell in material.cells(part):
        found = _cut(cell)
        if isinstance(found, BadCut):
            bad[found] += 1
        else:
            cut.append((cell, found))
        tell()
    shown = material.photographs_of(TRAIN if part is Part.TRAIN else VALIDATION)
    whole = tuple(photograph for photograph in shown if not overlooks_nuclei(photograph))
    split = Split.TRAIN if part is Part.TRAIN else Split.VALIDATION
    return Ingredients(split, tuple(cut), bad, whole, len(shown) - len(whole))


def composed(ingredients: Ingredients, tiles: int, phantom: Sequence[Boxed], seed: int) -> Iterator[Made]:
    """Composed tiles, then whole pictures beside each other.

    Args:
        ingredients: of a part.
        tiles: composed ones.
        phantom: tiles to paste on; without them all are of real ground.
        seed: the same seed, ingredients and number give the same tiles.

    Raises:
        DatasetError: ``nothing-to-compose``: no cell, or no photograph with whole red cells, is left for this part.
    """
    grounds = _grounds(ingredients)
    if not ingredients.cut or not grounds:
        raise DatasetError(
            "nothing-to-compose",
            f"{len(ingredients.cut)} cells and {len(grounds)} photographs with whole red cells are left for "
            f"{ingredients.split}, after copies and what is held out; both are needed: add pictures",
        )
    rng = np.random.default_rng([seed, list(Split).index(ingredients.split)])
    composer = Composer(_ready(ingredients), grounds, phantom)
    for number in range(tiles):
        on_phantom = bool(phantom) and rng.random() < ON_PHANTOM
        boxed = composer.on_phantom(rng) if on_phantom else composer.on_smear(rng)
        name = f"{'phantom' if on_phantom else 'smear'}/{number:06}"
        yield _made(boxed, name, ingredients.split, complete=True)
    for turn in range(max(1, tiles // TILES_A_ROUND)):
        yield from _whole_pictures(ingredients, turn, rng)


def photograph_tiles(material: Material) -> Iterator[Made]:
    """The test photographs beside each other, untouched but for their scale."""
    pictures = (at_scale(photograph, UM_PER_PX) for photograph in material.photographs_of(TEST))
    for number, boxed in enumerate(side_by_side(pictures)):
        yield _made(boxed, f"photographs/{number:06}", Split.TEST, complete=True)


def held_out_cells(material: Material) -> Iterator[Made]:
    """Each cell that is held out, alone; where its outline is not certain its box is a square in the middle."""
    for cell in material.cells(Part.HELD_OUT):
        picture = _at_tile_scale(cell)
        rows, columns = picture.shape[:2]
        found = _cut(cell)
        box = _middle(columns, rows) if isinstance(found, BadCut) else enlarged(found.box, CUT_UM_PER_PX / UM_PER_PX)
        margin = int(min(box.left, box.top, columns - box.right, rows - box.bottom)) - 1
        author = UNCERTAIN if isinstance(found, BadCut) else ""
        boxed = alone((picture, (LabelledBox(box, cell.cell_type, author),)), margin)
        yield _made(boxed, cell.name, Split.TEST, complete=False, group=cell.group)


def _whole_pictures(ingredients: Ingredients, turn: int, rng: np.random.Generator) -> Iterator[Made]:
    photographs = (at_scale(photograph, UM_PER_PX) for photograph in ingredients.photographs)
    cells = (_whole(cell, cut) for cell, cut in ingredients.cut)
    for name, pictures, complete in (("photographs", photographs, True), ("cells", cells, False)):
        for number, boxed in enumerate(_laid_out(pictures, rng)):
            yield _made(boxed, f"{name}/{turn}/{number:06}", ingredients.split, complete=complete)


def _laid_out(pictures: Iterable[Boxed], rng: np.random.Generator) -> Iterator[Boxed]:
    """Tiles of whole pictures, each mirrored or turned by quarters, as a scanner would see them."""
    sides = [turned(boxed, int(rng.integers(ORIENTATIONS))) for boxed in pictures]
    shuffled = [sides[int(place)] for place in rng.permutation(len(sides))]
    for tile, objects in side_by_side(shuffled):
        yield scanned(tile.astype(np.float32), rng), objects


def _ready(ingredients: Ingredients) -> list[ReadyCell]:
    return [ReadyCell(cut, c.cell_type, c.group.rpartition("/")[0], c.group) for c, cut in ingredients.cut]


def _grounds(ingredients: Ingredients) -> list[SmearGround]:
    grounds = (clumps_on(photograph) for photograph in ingredients.photographs)
    return [ground for ground in grounds if ground.clumps]


def _cut(cell: SingleCell) -> CutOut | BadCut:
    picture = scaled(read_picture(cell.path), cell.um_per_px / CUT_UM_PER_PX)
    return cut_out(picture, platelet=cell.cell_type is CellType.PLATELET)


def _at_tile_scale(cell: SingleCell) -> Picture:
    return scaled(read_picture(cell.path), cell.um_per_px / UM_PER_PX)[:TILE_PX, :TILE_PX]


def _whole(cell: SingleCell, cut: CutOut) -> Boxed:
    return _at_tile_scale(cell), (LabelledBox(enlarged(cut.box, CUT_UM_PER_PX / UM_PER_PX), cell.cell_type),)


def _middle(width: int, height: int) -> PixelBox:
    half = MIDDLE_UM / UM_PER_PX / 2
    box = PixelBox(width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half)
    return box.clipped(SizePx(width, height))


def _made(boxed: Boxed, name: str, split: Split, *, complete: bool, group: str = GROUP) -> Made:
    picture, objects = boxed
    size = SizePx(picture.shape[1], picture.shape[0])
    inside = tuple(LabelledBox(one.box.clipped(size), one.cell_type, one.author) for one in objects)
    return picture, Example(
        name, "", size, inside, complete=complete, fit=True, um_per_px=UM_PER_PX, group=group, split=split
    )
