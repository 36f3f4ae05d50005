"""What came back: the number of the data set's version, and every object of every correction."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from marrowcount.active_learning import Action, Correction  # noqa: TC001 - pydantic reads the annotations
from marrowcount_adapters.labelling_rounds.files import Stored, parsed, read_bytes, read_file, written
from marrowcount_adapters.labelling_rounds.lines import BoxedLine, Digest, ModelLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = [
    "CORRECTIONS_FILE",
    "VERSION_FILE",
    "CorrectionLine",
    "ParentLine",
    "VersionFile",
    "read_corrections",
    "read_version",
    "write_corrections",
    "wrong_places",
]

VERSION_FILE: Final = "version.json"
CORRECTIONS_FILE: Final = "corrections.jsonl"
ADVICE: Final = "take it out to count versions anew, or put back what `marrowcount active import` wrote"


class ParentLine(Stored):
    """The data set that a version was made of; version 0 for one that was not made by an import of corrections."""

    name: str
    version: int = Field(ge=0)
    examples_sha256: Digest


class VersionFile(Stored):
    """What ``version.json`` holds.

    Attributes:
        version: 1 for the first.
        parent: None where there is none.
        manifest_sha256: of the export that came back.
        author: of the corrections.
        made_at: ISO 8601.
        pictures: how many came back; ``unsaved`` of them with a label file as it was exported, byte for byte.
        objects: how many there are of each action.
    """

    form: Literal[1] = 1
    version: int = Field(ge=1)
    parent: ParentLine | None
    manifest_sha256: Digest
    author: str
    made_at: str
    pictures: int
    unsaved: int
    objects: dict[Action, int]


class CorrectionLine(Stored):
    """One object.

    Attributes:
        picture: digest of its pixels.
        name: of its example.
        at: when it was read back, ISO 8601.
        saved_at: when its label file was last written, as the file system has it.
        wrongly_classified: whether the model missed it or took it for another class.
    """

    picture: Digest
    name: str
    action: Action
    before: BoxedLine | None
    after: BoxedLine | None
    wrongly_classified: bool
    author: str
    at: str
    saved_at: str
    model: ModelLine

    @classmethod
    def of(cls, one: Correction, **about: object) -> CorrectionLine:
        """A correction and the rest of the fields."""
        return cls.model_validate(
            {
                "action": one.action,
                "before": None if one.before is None else BoxedLine.of(one.before),
                "after": None if one.after is None else BoxedLine.of(one.after),
                "wrongly_classified": one.wrongly_classified,
                **about,
            }
        )


def read_version(folder: Path) -> VersionFile | None:
    """A data set's version; None where no corrections were ever imported into it.

    Raises:
        DatasetError: ``version-malformed``.
    """
    path = folder / VERSION_FILE
    return read_file(path, VersionFile, "version", ADVICE) if path.is_file() else None


def read_corrections(folder: Path) -> tuple[CorrectionLine, ...]:
    """All corrections that led to a data set, oldest first; none where it was made otherwise.

    Raises:
        DatasetError: ``corrections-missing``, ``corrections-malformed``.
    """
    path = folder / CORRECTIONS_FILE
    lines = read_bytes(path, "corrections", ADVICE).splitlines() if path.is_file() else []
    return tuple(
        parsed(line, CorrectionLine, f"{path}, line {number}", "corrections", ADVICE)
        for number, line in enumerate(lines, 1)
    )


def write_corrections(folder: Path, lines: Iterable[CorrectionLine]) -> None:
    """Write them.

    Raises:
        DatasetError: ``dataset-unwritable``.
    """
    text = "".join(f"{line.model_dump_json(by_alias=True)}\n" for line in lines)
    written(folder / CORRECTIONS_FILE, text)


def wrong_places(lines: Iterable[CorrectionLine]) -> Mapping[str, tuple[int, ...]]:
    """By digest of the picture: which of its objects a model missed or took for another class.

    Where a picture was corrected more than once, the last time counts.
    """
    by_picture: defaultdict[str, dict[str, list[CorrectionLine]]] = defaultdict(dict)
    for line in lines:
        by_picture[line.picture].setdefault(line.at, []).append(line)
    return {digest: _wrong(list(times.values())[-1]) for digest, times in by_picture.items()}


def _wrong(lines: Iterable[CorrectionLine]) -> tuple[int, ...]:
    """Places among the objects that are labelled."""
    labelled = [line for line in lines if line.after is not None]
    return tuple(place for place, line in enumerate(labelled) if line.wrongly_classified)
