"""``examples.csv``: a table beside the pictures for what label formats have no place for.

Our exports leave one, our imports heed one; anybody may write one. Columns: ``file`` (the picture's path within the
data set) and any of ``name``, ``patient``, ``group``, ``um_per_px``, ``fit``, ``complete``, ``boxed``, ``split``.
Empty cells say nothing; ``fit``, ``complete`` and ``boxed`` are yes or no.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marrowcount.datasets import Split  # noqa: TC001 - pydantic reads annotations at run time
from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from marrowcount.datasets import Example, NamedExample

__all__ = ["FACTS_FILE", "Facts", "facts_beside", "write_facts"]

FACTS_FILE: Final = "examples.csv"
COLUMNS: Final = ("file", "name", "patient", "group", "um_per_px", "fit", "complete", "boxed", "split")
YES_NO: Final = {True: "yes", False: "no", None: ""}


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(min_length=1)
    name: str = ""
    patient: str = ""
    group: str = ""
    um_per_px: float | None = Field(default=None, gt=0)
    fit: bool | None = None
    complete: bool | None = None
    boxed: bool | None = None
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The table, by file."""

    rows: Mapping[str, _Row]

    def added(self, example: NamedExample) -> NamedExample:
        """The example with what its row says."""
        row = self.rows.get(example.name)
        if row is None:
            return example
        said = {
            key: value for key, value in row.model_dump(exclude={"file", "boxed"}).items() if value not in {None, ""}
        }
        objects = None if row.boxed is False else example.objects
        return replace(example, objects=() if row.boxed and objects is None else objects, **said)


def facts_beside(root: Path) -> Facts | None:
    """The table of a data set; None where there is none.

    Raises:
        DatasetError: ``table-malformed``.
    """
    path = (root if root.is_dir() else root.parent) / FACTS_FILE
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [_row(path, number, read) for number, read in enumerate(csv.DictReader(file), 2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError("table-malformed", f"{path} cannot be read: {error}") from error
    return Facts({row.file: row for row in rows})


def _row(path: Path, number: int, read: Mapping[str, str]) -> _Row:
    try:
        return _Row.model_validate({key: value for key, value in read.items() if value not in {None, ""}})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DatasetError("table-malformed", f"{path}, line {number}: {place}: {first['msg']}") from error


def write_facts(folder: Path, files: Sequence[str], examples: Sequence[Example]) -> None:
    """Write the table.

    Raises:
        OSError: it cannot be written.
    """
    with (folder / FACTS_FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(_cells(name, example) for name, example in zip(files, examples, strict=True))


def _cells(file: str, example: Example) -> tuple[str, ...]:
    return (
        file,
        example.name,
        example.patient,
        example.group,
        "" if example.um_per_px is None else repr(example.um_per_px),
        YES_NO[example.fit],
        YES_NO[example.complete],
        YES_NO[example.objects is not None],
        "" if example.split is None else str(example.split),
    )
