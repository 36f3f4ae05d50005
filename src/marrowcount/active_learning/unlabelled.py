"""A data set whose pictures nobody labelled yet, as a pool to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.active_learning.candidates import PoolTile, TilePool
from marrowcount.datasets import Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.datasets import Example
    from marrowcount.ports import Picture, PictureSource

__all__ = ["UnlabelledPictures"]


class UnlabelledPictures(TilePool):
    """The pictures of a data set that nobody boxed, that are not known to be unfit, and not for validation or test."""

    def __init__(self, source: PictureSource) -> None:
        self._source = source
        self._examples = {one.name: one for one in source.dataset.examples if _to_be_labelled(one)}

    @property
    def tiles(self) -> Sequence[PoolTile]:
        """In the data set's order."""
        return [
            PoolTile(one.name, one.size, one.patient, one.group, um_per_px=one.um_per_px, digest=one.digest)
            for one in self._examples.values()
        ]

    def read(self, tile: PoolTile) -> Picture:
        """A picture's pixels.

        Raises:
            DatasetError: as the data set's ``read``.
        """
        return self._source.read(self._examples[tile.name])


def _to_be_labelled(example: Example) -> bool:
    return example.objects is None and example.fit is not False and example.split in {None, Split.TRAIN}
