"""Who may be trained on: originals, not pictures, are parted, and always in the same way."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from enum import StrEnum
from math import ceil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from marrowcount_adapters.composites.collections import SingleCell

__all__ = ["Part", "part_of"]

HELD_OUT: Final = 1 / 3
VALIDATION: Final = 1 / 8
"""Of those that are not held out."""


class Part(StrEnum):
    """What an original is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    HELD_OUT = "held-out"


def part_of(cells: Iterable[SingleCell], barred: Collection[str] = ()) -> Mapping[str, Part]:
    """The part of each group of copies: a third of each collection's every class is held out.

    The order is that of hashed names: it stays when pictures join, and has nothing to do with how they were numbered.

    Args:
        cells: of all collections.
        barred: groups that must not be trained on; they are held out first.
    """
    by_class: dict[str, set[str]] = defaultdict(set)
    for cell in cells:
        by_class[cell.group.rpartition("/")[0]].add(cell.group)
    return {group: part for groups in by_class.values() for group, part in _parted(groups, barred).items()}


def _parted(groups: Collection[str], barred: Collection[str]) -> dict[str, Part]:
    ordered = sorted(groups, key=lambda group: (group not in barred, hashlib.sha256(group.encode()).digest()))
    held_out = max(ceil(len(ordered) * HELD_OUT), sum(group in barred for group in ordered))
    validation = held_out + round((len(ordered) - held_out) * VALIDATION)
    return {group: _part(place, held_out, validation) for place, group in enumerate(ordered)}


def _part(place: int, held_out: int, validation: int) -> Part:
    if place < held_out:
        return Part.HELD_OUT
    return Part.VALIDATION if place < validation else Part.TRAIN
