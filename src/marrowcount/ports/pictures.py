"""What training and measuring ask of a data set on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from marrowcount.datasets import Dataset, Example
    from marrowcount.ports.counting import Picture

__all__ = ["PictureSource"]


class PictureSource(Protocol):
    """A data set and its pictures."""

    @property
    def dataset(self) -> Dataset:
        """What is in it."""
        ...

    def read(self, example: Example) -> Picture:
        """An example's pixels, (rows, columns, 3).

        Raises:
            DatasetError: ``picture-missing``, ``picture-damaged`` or ``picture-altered`` (its digest differs).
        """
        ...
