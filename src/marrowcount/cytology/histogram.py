"""Histograms of cell types: HCT of a tile, IHCT of a slide (Tayebi 2022, Methods)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from marrowcount.cytology.cell_types import CellType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["Histogram"]


class Histogram:
    """Counts of the 19 classes; the sum of the histograms of all tiles read is the integrated one.

    Immutable; adding two gives a third.
    """

    __slots__ = ("_counts",)

    def __init__(self, cell_types: Iterable[CellType] = ()) -> None:
        """Count the given objects, one by one."""
        self._counts = np.bincount(
            np.fromiter((int(cell_type) for cell_type in cell_types), dtype=np.int64), minlength=len(CellType)
        )
        self._counts.flags.writeable = False

    @classmethod
    def from_counts(cls, counts: Mapping[CellType, int]) -> Histogram:
        """A histogram of known counts; classes left out count 0.

        Raises:
            ValueError: a count is negative.
        """
        if any(count < 0 for count in counts.values()):
            msg = f"counts cannot be negative: {dict(counts)}"
            raise ValueError(msg)
        return cls._of(np.array([counts.get(cell_type, 0) for cell_type in CellType], dtype=np.int64))

    @classmethod
    def _of(cls, counts: NDArray[np.int64]) -> Histogram:
        histogram = cls.__new__(cls)
        counts.flags.writeable = False
        histogram._counts = counts  # noqa: SLF001 - its own class
        return histogram

    @property
    def counts(self) -> NDArray[np.int64]:
        """Counts in the order of :class:`CellType`, shape (19,), read-only."""
        return self._counts

    def __getitem__(self, cell_type: CellType) -> int:
        return int(self._counts[cell_type])

    def __iter__(self) -> Iterator[tuple[CellType, int]]:
        return ((cell_type, int(self._counts[cell_type])) for cell_type in CellType)

    def __add__(self, other: Histogram) -> Histogram:
        return self._of(self._counts + other._counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and bool(np.array_equal(self._counts, other._counts))

    def __hash__(self) -> int:
        return hash(self._counts.tobytes())

    def __repr__(self) -> str:
        found = ", ".join(f"{cell_type.label}: {count}" for cell_type, count in self if count)
        return f"Histogram({found})"

    @property
    def total(self) -> int:
        """All objects."""
        return int(self._counts.sum())

    def sum_of(self, cell_types: Iterable[CellType]) -> int:
        """Objects of the given classes."""
        return int(self._counts[[int(cell_type) for cell_type in cell_types]].sum())

    def shares_of(self, cell_types: Iterable[CellType]) -> NDArray[np.float64]:
        """Relative frequencies among the given classes, summing to 1; all 0 where none was found."""
        chosen = self._counts[[int(cell_type) for cell_type in cell_types]].astype(np.float64)
        total = chosen.sum()
        return chosen / total if total else chosen
