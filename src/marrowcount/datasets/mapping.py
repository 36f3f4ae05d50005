"""From the names that sources use to the 19 classes: every name has a meaning, or the import is refused."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets.examples import Example, LabelledBox
from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from marrowcount.datasets.sources import NamedExample

__all__ = ["IDENTITY", "NUCLEATED_CELL", "ClassMapping", "Meaning", "class_name", "normal_name"]

NUCLEATED_CELL: Final = "nucleated cell"
"""How a nucleated cell of unstated class is called, in mapping files and in exported files."""

SEPARATORS: Final = re.compile(r"[\s_\-]+")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a name stands for.

    Attributes:
        cell_type: None for a nucleated cell of unstated class, and for what is ignored.
        ignored: why it is no object; empty for objects.
    """

    cell_type: CellType | None = None
    ignored: str = ""


@dataclass(frozen=True, slots=True)
class ClassMapping:
    """The meanings of one source's names.

    Attributes:
        name: of the mapping.
        meanings: by normalised name; ask :meth:`meaning_of`.
        complete: whether the source draws every object of the 19 kinds on the pictures that it labels.
        source: where pictures so labelled come from, unless the importer knows better.
        licence: as ``source``.
    """

    name: str
    meanings: Mapping[str, Meaning]
    complete: bool = False
    source: str = ""
    licence: str = ""

    def meaning_of(self, name: str) -> Meaning:
        """What a name stands for, whatever its case, its spaces, hyphens and underscores.

        Raises:
            DatasetError: ``class-unmapped``.
        """
        try:
            return self.meanings[normal_name(name)]
        except KeyError:
            raise _unmapped(self.name, {name: 1}) from None

    def require(self, examples: Iterable[NamedExample]) -> None:
        """Refuse all names without a meaning at once.

        Raises:
            DatasetError: ``class-unmapped``: which names, and how many objects bear each.
        """
        counts = Counter(named.name for example in examples for named in example.objects or ())
        unknown = {name: count for name, count in sorted(counts.items()) if normal_name(name) not in self.meanings}
        if unknown:
            raise _unmapped(self.name, unknown)

    def mapped(self, named: NamedExample, digest: str = "") -> Example:
        """The example in terms of the 19 classes; what is ignored is left out.

        Raises:
            DatasetError: ``class-unmapped``.
        """
        return Example(
            name=named.name,
            digest=digest,
            size=named.size,
            objects=None if named.objects is None else tuple(self._objects(named)),
            complete=self.complete if named.complete is None else named.complete,
            fit=named.fit,
            um_per_px=named.um_per_px,
            patient=named.patient,
            group=named.group,
            split=named.split,
        )

    def ignored(self, examples: Iterable[NamedExample]) -> Mapping[str, tuple[int, str]]:
        """How many objects of each ignored name there are, and why they are ignored."""
        counts = Counter(named.name for example in examples for named in example.objects or ())
        reasons = {name: self.meaning_of(name).ignored for name in counts}
        return {name: (count, reasons[name]) for name, count in sorted(counts.items()) if reasons[name]}

    def _objects(self, named: NamedExample) -> Iterator[LabelledBox]:
        for one in named.objects or ():
            meaning = self.meaning_of(one.name)
            if not meaning.ignored:
                yield LabelledBox(one.box, meaning.cell_type, one.author)


def normal_name(name: str) -> str:
    """A name as it is looked up: lower case, one space where there was a run of spaces, hyphens or underscores."""
    return SEPARATORS.sub(" ", name).strip().casefold()


def class_name(cell_type: CellType | None) -> str:
    """How a class is called in files that we write."""
    return NUCLEATED_CELL if cell_type is None else cell_type.label


def _unmapped(mapping: str, counts: Mapping[str, int]) -> DatasetError:
    names = ", ".join(f"{name!r} ({count})" for name, count in counts.items())
    return DatasetError(
        "class-unmapped",
        f"the mapping {mapping!r} says nothing about {names}; give each a class, or ignore it with a reason, in a "
        "mapping file of your own",
    )


IDENTITY: Final = ClassMapping(
    "marrowcount",
    {normal_name(class_name(kind)): Meaning(kind) for kind in (*CellType, None)},
    complete=True,
)
"""The 19 classes by their own names: what our own exports hold."""
