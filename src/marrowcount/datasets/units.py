"""What may not be parted: the pictures of one patient, of one group, and copies of one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from marrowcount.datasets.examples import Example

__all__ = ["units_of"]


def units_of(examples: Sequence[Example]) -> tuple[tuple[int, ...], ...]:
    """The examples' places, bundled so that everything bound to one another is in one bundle.

    Two examples are bound by the same patient, the same group or the same pixels, and by what binds both to a third.
    """
    parents = list(range(len(examples)))
    first: dict[tuple[str, str], int] = {}
    for place, example in enumerate(examples):
        for bond in _bonds(example):
            _join(parents, first.setdefault(bond, place), place)
    units: dict[int, list[int]] = {}
    for place in range(len(examples)):
        units.setdefault(_root(parents, place), []).append(place)
    return tuple(tuple(unit) for unit in units.values())


def _bonds(example: Example) -> Iterator[tuple[str, str]]:
    bonds = (("patient", example.patient), ("group", example.group), ("picture", example.digest))
    return (bond for bond in bonds if bond[1])


def _join(parents: list[int], one: int, other: int) -> None:
    parents[_root(parents, other)] = _root(parents, one)


def _root(parents: list[int], place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = parents[place]
    return place
