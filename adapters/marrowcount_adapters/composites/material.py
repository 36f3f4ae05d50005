"""What composites are made of: cells and photographs, parted so that nothing held out is trained on in any form."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from marrowcount_adapters.composites.likeness import fingerprint, kin, lookalikes, patch_at
from marrowcount_adapters.composites.parts import Part, part_of
from marrowcount_adapters.composites.photographs import at_scale
from marrowcount_adapters.composites.pictures import read_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from marrowcount_adapters.composites.collections import CellCollection, SingleCell
    from marrowcount_adapters.composites.likeness import Fingerprint
    from marrowcount_adapters.composites.photographs import Photograph, PhotographCollection

    Kin = Mapping[str, frozenset[str]]
    Prints = tuple[Fingerprint, list[Fingerprint]]
    """Of a whole picture, and of each nucleated cell on it."""

__all__ = ["SPLITS", "TEST", "TRAIN", "VALIDATION", "Material", "gather"]

TRAIN, VALIDATION, TEST = "train", "val", "test"
"""Folders of the photographs."""
SPLITS: Final = (TRAIN, VALIDATION, TEST)
COMPARED_UM_PER_PX: Final = 0.25
LEAST_OF_CELLS: Final = 0.72
LEAST_OF_PICTURES: Final = 0.65
LEAST_OF_SINGLE: Final = 0.85
"""Correlation from which two cells, two photographs, or a picture of a single cell and another are held to be the same.

Looked at by eye on TXL-PBC: from here on up nearly all are, but for dark round cells; a picture with one in the
middle resembles the next one, hence the third. What is taken for the same in error costs a training picture, no more.
"""


@dataclass(frozen=True)
class Material:
    """All pictures at hand and what each may be used for.

    Attributes:
        collections: of single cells.
        source: of the photographs.
        licence: of the photographs.
        photographs: that may be used, each in its split; copies of what is tested on are left out.
        parts: of the groups of single cells.
        dropped: how many photographs were left out of each split.
    """

    collections: tuple[CellCollection, ...]
    source: str
    licence: str
    photographs: tuple[Photograph, ...]
    parts: Mapping[str, Part]
    dropped: Mapping[str, int]

    def cells(self, part: Part) -> tuple[SingleCell, ...]:
        """The single cells of a part."""
        return tuple(c for some in self.collections for c in some.cells if self.parts[c.group] is part)

    def photographs_of(self, split: str) -> tuple[Photograph, ...]:
        """The photographs of a split."""
        return tuple(photograph for photograph in self.photographs if photograph.split == split)


def gather(
    collections: Sequence[CellCollection], photographs: PhotographCollection, tell: Callable[[], None] = lambda: None
) -> Material:
    """Find copies, and part all pictures.

    A single cell that is also on a validation or test photograph is held out. A photograph that shows what is held
    out, tested on or, of those to train on, validated on, is left out.

    Args:
        collections: of single cells.
        photographs: of the splits train, val and test.
        tell: hears of each picture looked at.

    Raises:
        DatasetError: those of reading pictures.
    """
    cells = [cell for some in collections for cell in some.cells]
    shown = photographs.photographs
    related = _related(cells, shown, tell)
    parts = _parts(cells, shown, related)
    bad = _leaks(shown, parts, related)
    kept = tuple(one for one in shown if one.name not in bad)
    dropped = Counter(one.split for one in shown if one.name in bad)
    return Material(tuple(collections), photographs.source, photographs.licence, kept, parts, dropped)


def _parts(cells: Sequence[SingleCell], shown: Sequence[Photograph], related: Kin) -> Mapping[str, Part]:
    """Parts by originals; whoever is related to a photograph that is measured on, or to one held out, is held out."""
    measured = {one.name for one in shown if one.split != TRAIN}
    parts = part_of(cells, {cell.group for cell in cells if related[cell.group] & measured})
    held_out = {group for group, part in parts.items() if part is Part.HELD_OUT}
    return {group: Part.HELD_OUT if related[group] & held_out else part for group, part in parts.items()}


def _leaks(shown: Sequence[Photograph], parts: Mapping[str, Part], related: Kin) -> set[str]:
    """Photographs that would leak what is tested on or, to those trained on, what is validated on."""
    tested = {one.name for one in shown if one.split == TEST} | {g for g, p in parts.items() if p is Part.HELD_OUT}
    chosen_by = {one.name for one in shown if one.split == VALIDATION}
    chosen_by |= {group for group, part in parts.items() if part is Part.VALIDATION}
    barred = {TRAIN: tested | chosen_by, VALIDATION: tested, TEST: set[str]()}
    return {one.name for one in shown if related[one.name] & barred[one.split]}


def _related(cells: Sequence[SingleCell], shown: Sequence[Photograph], tell: Callable[[], None]) -> Kin:
    """Who shows the same cell or is the same picture, by group of cells and by name of photograph."""
    prints = [_of_cell(cell, tell) for cell in cells] + [_of_photograph(photograph, tell) for photograph in shown]
    photographs = {photograph.name for photograph in shown}
    same_cells = ((a, b) for a, b, _ in lookalikes([cell for _, some in prints for cell in some], LEAST_OF_CELLS))
    same_pictures = (
        (a, b)
        for a, b, correlation in lookalikes([whole for whole, _ in prints], LEAST_OF_PICTURES)
        if correlation >= LEAST_OF_SINGLE or {a, b} <= photographs
    )
    owners = chain((cell.group for cell in cells), (photograph.name for photograph in shown))
    return kin(owners, chain(same_cells, same_pictures))


def _of_cell(cell: SingleCell, tell: Callable[[], None]) -> Prints:
    picture = read_picture(cell.path)
    rows, columns = picture.shape[:2]
    tell()
    middle = patch_at(picture, columns / 2, rows / 2, cell.um_per_px)
    return fingerprint(cell.group, picture), [fingerprint(cell.group, middle)]


def _of_photograph(photograph: Photograph, tell: Callable[[], None]) -> Prints:
    picture, objects = at_scale(photograph, COMPARED_UM_PER_PX)
    middles = (one.box.centre for one in objects if one.cell_type is None)
    cells = [fingerprint(photograph.name, patch_at(picture, *middle, COMPARED_UM_PER_PX)) for middle in middles]
    tell()
    return fingerprint(photograph.name, picture), cells
