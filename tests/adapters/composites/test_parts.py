"""Parting originals: a third of every class is held out, copies stay together, and chance plays no part."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from marrowcount.cytology.cell_types import CellType
from marrowcount_adapters.composites.collections import SingleCell
from marrowcount_adapters.composites.parts import Part, part_of


def cells(originals: dict[str, int], copies: int = 1) -> list[SingleCell]:
    return [
        SingleCell(
            Path(f"{name}_{number}_{copy}.png"), f"{name}{number}{copy}", CellType.BLAST, f"set/{name}/{number}", 0.1
        )
        for name, count in originals.items()
        for number in range(count)
        for copy in range(copies)
    ]


@given(st.dictionaries(st.sampled_from(["MYO", "LYT", "EBO", "NGS"]), st.integers(1, 40), min_size=1))
def test_a_third_of_every_class_is_held_out(originals: dict[str, int]) -> None:
    """Rounded up, so that even a single original is tested on rather than trained on."""
    parts = part_of(cells(originals))
    held_out = Counter(group.split("/")[1] for group, part in parts.items() if part is Part.HELD_OUT)
    assert held_out == {name: -(-count // 3) for name, count in originals.items()}


def test_copies_share_a_part_and_the_part_does_not_change() -> None:
    """The same originals are parted in the same way whatever their order, and however many copies there are."""
    once = part_of(cells({"MYO": 12, "LYT": 9}))
    again = part_of(reversed(cells({"LYT": 9, "MYO": 12}, copies=3)))
    assert once == again


@given(st.sets(st.integers(0, 19)))
def test_what_is_barred_is_held_out(numbers: set[int]) -> None:
    """However many are barred, none of them is trained or validated on."""
    barred = {f"set/MYO/{number}" for number in numbers}
    parts = part_of(cells({"MYO": 20}), barred)
    assert all(parts[group] is Part.HELD_OUT for group in barred)
    assert sum(part is Part.HELD_OUT for part in parts.values()) == max(7, len(barred))
