"""What file names tell (patient, group, split), and names for the files that we write."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.datasets import Split
from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marrowcount.datasets import Example

__all__ = ["UNSPLIT", "NamePatterns", "pattern", "split_in", "split_name", "split_of", "stems_of"]

SPLIT_WORDS: Final[Mapping[str, Split]] = MappingProxyType(
    {
        "train": Split.TRAIN,
        "training": Split.TRAIN,
        "val": Split.VALIDATION,
        "valid": Split.VALIDATION,
        "validation": Split.VALIDATION,
        "test": Split.TEST,
        "testing": Split.TEST,
    }
)
"""Folder names that stand for a split."""

UNSPLIT: Final = "unsplit"
"""Folder, in what we write, of examples without a split."""

UNSAFE: Final = re.compile(r"[^A-Za-z0-9._\-]+")
LONGEST_STEM: Final = 100
DIGEST_LENGTH: Final = 8


@dataclass(frozen=True, slots=True)
class NamePatterns:
    """Where a picture's name, with its folders, tells whose it is.

    Attributes:
        patient: what it finds is the patient; None: names tell nothing of patients. A pattern's first group is what
            is taken, the whole match where it has none.
        group: what else stays together, such as the number of the original of rotated copies.
    """

    patient: re.Pattern[str] | None = None
    group: re.Pattern[str] | None = None

    def patient_of(self, name: str) -> str:
        """The patient.

        Raises:
            DatasetError: ``name-unmatched``: the pattern finds nothing; a picture must not end up without its patient.
        """
        return _found(self.patient, name, "patient")

    def group_of(self, name: str) -> str:
        """The group.

        Raises:
            DatasetError: ``name-unmatched``.
        """
        return _found(self.group, name, "group")


def pattern(text: str) -> re.Pattern[str]:
    """A regular expression as a user gave it.

    Raises:
        DatasetError: ``wrong-pattern``.
    """
    try:
        return re.compile(text)
    except re.error as error:
        raise DatasetError("wrong-pattern", f"{text!r} is no regular expression: {error}") from error


def _found(sought: re.Pattern[str] | None, name: str, what: str) -> str:
    if sought is None:
        return ""
    match = sought.search(name)
    found = None if match is None else next((part for part in match.groups() if part), match.group())
    if not found:
        raise DatasetError("name-unmatched", f"{name}: the {what} pattern {sought.pattern!r} finds nothing in its name")
    return found


def split_of(name: PurePath) -> Split | None:
    """The split that a folder on the way says; None where none does."""
    words = (SPLIT_WORDS.get(part.lower()) for part in reversed(name.parts[:-1]))
    return next((split for split in words if split is not None), None)


def split_in(text: str) -> Split | None:
    """The split that a file's own name says: ``instances_train``, ``val2017``."""
    words = re.findall("[a-z]+", text.lower())
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), None)


def split_name(split: Split | None) -> str:
    """The folder of a split, as YOLO programs have it."""
    return {Split.VALIDATION: "val", None: UNSPLIT}.get(split, str(split))


def stems_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """A file name without suffix for each example: readable, safe on any disk, all different whatever their case."""
    stems: list[str] = []
    taken: set[str] = set()
    for example in examples:
        stem = _stem(example)
        number = 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{_stem(example)}-{example.digest[:DIGEST_LENGTH]}-{number}"
        taken.add(stem.casefold())
        stems.append(stem)
    return tuple(stems)


def _stem(example: Example) -> str:
    path = PurePosixPath(example.name)
    bare = path.with_suffix("") if path.suffix.lower() in {".png", ".jpg", ".jpeg", ".tif", ".tiff"} else path
    return UNSAFE.sub("_", "__".join(bare.parts)).strip("._")[-LONGEST_STEM:] or "picture"
