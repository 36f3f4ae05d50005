"""What composites are made of: cells and photographs, parted so that nothing held out is trained on in any form."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount_adapters.composites.collections import read_collection
from marrowcount_adapters.composites.composing import ReadyCell
from marrowcount_adapters.composites.cutting import CUT_UM_PER_PX, BadCut, cut_out
from marrowcount_adapters.composites.likeness import fingerprint, lookalikes, patch_at
from marrowcount_adapters.composites.parts import Part, part_of
from marrowcount_adapters.composites.photographs import read_photographs
from marrowcount_adapters.composites.pictures import read_picture, scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from marrowcount_adapters.composites.collections import CellCollection, SingleCell
    from marrowcount_adapters.composites.likeness import Fingerprint
    from marrowcount_adapters.composites.photographs import Photograph

__all__ = ["Material", "gather", "ready_cells"]

log = structlog.get_logger()

TRAIN, VALIDATION, TEST = "train", "val", "test"
SPLITS: Final = (TRAIN, VALIDATION, TEST)


@dataclass(frozen=True)
class Material:
    """All pictures at hand and what each may be used for.

    Attributes:
        collections: of single cells.
        photographs: that may be used, each in its split; copies of what is tested on are left out.
        parts: of the groups of single cells.
        dropped: photographs left out, by the split that they stood in.
    """

    collections: tuple[CellCollection, ...]
    photographs: tuple[Photograph, ...]
    parts: Mapping[str, Part]
    dropped: Mapping[str, int]

    def cells(self, part: Part) -> tuple[SingleCell, ...]:
        """The single cells of a part."""
        return tuple(c for some in self.collections for c in some.cells if self.parts[c.group] is part)

    def photographs_of(self, split: str) -> tuple[Photograph, ...]:
        """The photographs of a split."""
        return tuple(photograph for photograph in self.photographs if photograph.split == split)


def gather(collections: Sequence[tuple[Path, str]], photographs: Path) -> Material:
    """List all pictures, find copies, and part them.

    A single cell that is also on a validation or test photograph is held out. A photograph that shows what is held
    out, tested on or, of those to train on, validated on, is left out.

    Args:
        collections: folder and description of each.
        photographs: folder with images and labels of the splits train, val and test.

    Raises:
        DatasetError: those of reading the two.
    """
    read = tuple(read_collection(folder, description) for folder, description in collections)
    cells = [cell for some in read for cell in some.cells]
    shown = read_photographs(photographs, SPLITS)
    prints = {split: [p for one in shown if one.split == split for p in _of_photograph(one)] for split in SPLITS}
    single = [_of_cell(cell) for cell in cells]
    barred = {group for group, _ in lookalikes(single, prints[VALIDATION] + prints[TEST])}
    parts = part_of(cells, barred)
    held_out = [one for one in single if parts[one.owner] is Part.HELD_OUT]
    set_aside = [one for one in single if parts[one.owner] is Part.VALIDATION]
    tested = [*held_out, *prints[TEST]]
    bad = _owners(lookalikes(prints[VALIDATION], tested))
    bad |= _owners(lookalikes(prints[TRAIN], [*tested, *set_aside, *prints[VALIDATION]]))
    kept = tuple(one for one in shown if one.name not in bad)
    dropped = Counter(one.split for one in shown if one.name in bad)
    log.info("composites.copies", barred_cells=len(barred), dropped_photographs=dict(dropped))
    return Material(read, kept, parts, dropped)


def ready_cells(
    cells: Iterable[SingleCell], tell: Callable[[], None] = lambda: None
) -> tuple[tuple[ReadyCell, ...], Mapping[BadCut, int]]:
    """Cut cells out; with them how many cuts were bad, and why."""
    ready: list[ReadyCell] = []
    bad: Counter[BadCut] = Counter()
    for cell in cells:
        cut = cut_out(scaled(read_picture(cell.path), cell.um_per_px / CUT_UM_PER_PX))
        if isinstance(cut, BadCut):
            bad[cut] += 1
        else:
            ready.append(ReadyCell(cut, cell.cell_type, cell.group.rpartition("/")[0], cell.group))
        tell()
    return tuple(ready), bad


def _of_cell(cell: SingleCell) -> Fingerprint:
    picture = read_picture(cell.path)
    rows, columns = picture.shape[:2]
    return fingerprint(cell.group, patch_at(picture, columns / 2, rows / 2, cell.um_per_px))


def _of_photograph(photograph: Photograph) -> Iterator[Fingerprint]:
    """Of the whole picture and of each nucleated cell on it."""
    picture = read_picture(photograph.path)
    yield fingerprint(photograph.name, picture)
    for box in photograph.nucleated:
        yield fingerprint(photograph.name, patch_at(picture, *box.centre, photograph.um_per_px))


def _owners(pairs: Iterable[tuple[str, str]]) -> set[str]:
    return {owner for owner, _ in pairs}
