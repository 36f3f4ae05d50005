"""Inputs number by number: a seed of the corpus, broken in a way that depends on nothing but the number."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Mutations"]

INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
WIDTHS = (">H", "<H", ">I", "<I")
MOST_CHANGES = 6
LONGEST = 64 << 10
"""Bytes of an input: what breaks parsers is what is announced, not what is sent."""
UNCHANGED = 0.02


@dataclass(frozen=True)
class Mutations:
    """Mutated seeds.

    Attributes:
        seeds: sound and unsound inputs by name.
        seed: of everything drawn.
    """

    seeds: Mapping[str, bytes]
    seed: int

    def input(self, number: int) -> bytes:
        """Input number so-and-so, the same in every run."""
        random = Random(f"{self.seed}/{number}")  # noqa: S311 - nobody is to be kept from guessing it
        contents = list(self.seeds.values())
        content = bytearray(random.choice(contents))
        if random.random() > UNCHANGED:
            for _ in range(random.randint(1, MOST_CHANGES)):
                random.choice(CHANGES)(content, random, contents)
        return bytes(content[:LONGEST])


def _flip(content: bytearray, random: Random, _others: Sequence[bytes]) -> None:
    if content:
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def _set(content: bytearray, random: Random, _others: Sequence[bytes]) -> None:
    if content:
        content[random.randrange(len(content))] = random.randrange(256)


def _number(content: bytearray, random: Random, _others: Sequence[bytes]) -> None:
    """A length, a tag or a count, made one of those at the edges."""
    form = random.choice(WIDTHS)
    width = struct.calcsize(form)
    if len(content) >= width:
        place = random.randrange(len(content) - width + 1)
        limit = (1 << 8 * width) - 1
        content[place : place + width] = struct.pack(form, random.choice(INTERESTING) & limit)


def _cut(content: bytearray, random: Random, _others: Sequence[bytes]) -> None:
    del content[random.randrange(len(content) + 1) :]


def _remove(content: bytearray, random: Random, _others: Sequence[bytes]) -> None:
    start = random.randrange(len(content) + 1)
    del content[start : start + random.randint(1, 64)]


def _repeat(content: bytearray, random: Random, _others: Sequence[bytes]) -> None:
    start = random.randrange(len(content) + 1)
    part = content[start : start + random.randint(1, 64)]
    content[start:start] = part * random.choice((1, 2, 10, 100))


def _insert(content: bytearray, random: Random, _others: Sequence[bytes]) -> None:
    content[(start := random.randrange(len(content) + 1)) : start] = random.randbytes(random.randint(1, 32))


def _splice(content: bytearray, random: Random, others: Sequence[bytes]) -> None:
    """Go on as another seed does."""
    other = random.choice(others)
    content[random.randrange(len(content) + 1) :] = other[random.randrange(len(other) + 1) :]


CHANGES: tuple[Callable[[bytearray, Random, Sequence[bytes]], None], ...] = (
    _flip,
    _set,
    _set,
    _number,
    _number,
    _cut,
    _remove,
    _repeat,
    _insert,
    _splice,
)
