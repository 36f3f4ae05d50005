"""Data sets in memory: one that was imported, and one that is still to be."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from marrowcount.datasets import Dataset
from marrowcount.errors import DatasetError
from marrowcount.ports import PictureSource
from marrowcount.ports.labelled_files import LabelledSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from marrowcount.datasets import Example, Faults, NamedExample
    from marrowcount.ports import Picture

__all__ = ["HeldPictures", "ScriptedLabels"]


class HeldPictures(PictureSource):
    """A data set whose pictures are held; digests are filled in."""

    def __init__(self, held: Iterable[tuple[Picture, Example]], name: str = "held", licence: str = "CC0") -> None:
        pairs = [(picture, replace(example, digest=_digest(picture))) for picture, example in held]
        self._pictures = {example.digest: picture for picture, example in pairs}
        self._dataset = Dataset(name, tuple(example for _, example in pairs), "memory", licence)

    @property
    def dataset(self) -> Dataset:
        """What is in it."""
        return self._dataset

    def read(self, example: Example) -> Picture:
        """An example's pixels.

        Raises:
            DatasetError: ``picture-missing``.
        """
        try:
            return self._pictures[example.digest]
        except KeyError:
            raise DatasetError("picture-missing", f"no picture of {example.name} is held") from None


class ScriptedLabels(LabelledSource):
    """Named examples and their pictures; a picture may be the fault that its reading ends in.

    Attributes:
        closed: whether it was closed.
    """

    def __init__(
        self, pictures: Mapping[str, Picture | DatasetError], examples: Sequence[NamedExample], *remarks: str
    ) -> None:
        self._pictures, self._examples = dict(pictures), tuple(examples)
        self._remarks = remarks
        self.closed = False

    def examples(self, faults: Faults) -> Sequence[NamedExample]:
        """All examples; none is faulty before its picture is read."""
        del faults
        return self._examples

    @property
    def remarks(self) -> Sequence[str]:
        """What it was told to remark."""
        return self._remarks

    def read(self, example: NamedExample) -> Picture:
        """The picture under the example's name.

        Raises:
            DatasetError: the one given in its place.
        """
        found = self._pictures[example.name]
        if isinstance(found, DatasetError):
            raise found
        return found

    def close(self) -> None:
        """Be closed."""
        self.closed = True


def _digest(picture: Picture) -> str:
    return hashlib.sha256(np.ascontiguousarray(picture).data).hexdigest()
