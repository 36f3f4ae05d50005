"""What the readers share: options, the pictures found, and the source that they make."""

from __future__ import annotations

from dataclasses import dataclass, field
from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from marrowcount.datasets import NamedExample
from marrowcount.errors import DatasetError
from marrowcount.ports.labelled_files import LabelledSource
from marrowcount_adapters.dataset_files.facts import facts_beside
from marrowcount_adapters.dataset_files.file_names import NamePatterns, split_of
from marrowcount_adapters.dataset_files.pictures import picture_size, read_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from marrowcount.datasets import Faults
    from marrowcount.ports import Picture

__all__ = ["FoundPicture", "PictureFiles", "ReadingOptions", "all_parsed", "beside", "blank_example", "read_text"]

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What the files themselves do not tell.

    Attributes:
        names: patterns of patient and group.
        um_per_px: resolution of all pictures; None: unknown.
        pictures: folder of the pictures where it is not that of the labels.
        class_from: single cells: where the class stands.
        cell_share: single cells: side of the central box as a share of the picture's; 1: the whole picture.
        torn_too: read also pictures that look torn.
    """

    names: NamePatterns = field(default_factory=NamePatterns)
    um_per_px: float | None = None
    pictures: Path | None = None
    class_from: str = "folder"
    cell_share: float = 1.0
    torn_too: bool = False


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A labelled picture and where it lies."""

    example: NamedExample
    path: Path


class PictureFiles(LabelledSource):
    """A data set of picture files."""

    def __init__(
        self,
        root: Path,
        find: Callable[[Path, ReadingOptions, Faults], Iterable[FoundPicture]],
        options: ReadingOptions,
    ) -> None:
        self._root = root
        self._find = find
        self._options = options
        self._paths: dict[str, Path] = {}

    def examples(self, faults: Faults) -> Sequence[NamedExample]:
        """All pictures found, with what a table beside them adds.

        Raises:
            DatasetError: as the format's reader; ``no-pictures``.
        """
        facts = facts_beside(self._root)
        examples: list[NamedExample] = []
        for found in self._find(self._root, self._options, faults):
            example = facts.added(found.example) if facts else found.example
            with faults.noted():
                _require_new(example.name, self._paths, found.path)
                self._paths[example.name] = found.path
                examples.append(example)
        if not examples and not faults.found:
            raise DatasetError("no-pictures", f"{self._root} holds no picture (PNG, JPEG or TIFF) of this format")
        return examples

    @property
    def remarks(self) -> Sequence[str]:
        """Nothing is passed over."""
        return ()

    def read(self, example: NamedExample) -> Picture:
        """The pixels of an example.

        Raises:
            DatasetError: ``picture-missing``, ``picture-damaged``, ``picture-unsupported``, ``picture-too-large``.
        """
        return read_picture(self._paths[example.name], torn_too=self._options.torn_too)

    def close(self) -> None:
        """Nothing is open."""


def _require_new(name: str, taken: dict[str, Path], path: Path) -> None:
    if name in taken:
        raise DatasetError("name-repeated", f"{path} and {taken[name]} would both be called {name!r}; rename one")


def blank_example(root: Path, path: Path, options: ReadingOptions) -> NamedExample:
    """What a picture's header and its name tell; its objects are still unknown.

    Args:
        root: folder of the data set; the example is called by its path from there.
        path: of the picture.
        options: patterns and resolution.

    Raises:
        DatasetError: as :func:`picture_size`; ``name-unmatched``.
    """
    within = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    name = within.as_posix()
    return NamedExample(
        name=name,
        size=picture_size(path),
        um_per_px=options.um_per_px,
        patient=options.names.patient_of(name),
        group=options.names.group_of(name),
        split=split_of(within),
    )


def beside(folder: Path, place: str) -> Path:
    """A path from a folder, without ``..`` where it can do without; links stay as they are."""
    return Path(normpath(folder / place))


def all_parsed(items: Iterable[S], parse: Callable[[S], T], faults: Faults) -> tuple[T, ...] | None:
    """The items parsed; None where any is faulty: half of a picture's labels are worse than none.

    Raises:
        DatasetError: what ``parse`` raises, where ``faults`` does not keep going.
    """
    before = len(faults.found)
    parsed: list[T] = []
    for item in items:
        with faults.noted():
            parsed.append(parse(item))
    return None if len(faults.found) > before else tuple(parsed)


def read_text(path: Path) -> str:
    """The text of a label file.

    Raises:
        DatasetError: ``label-unreadable``.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetError("label-unreadable", f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError("label-unreadable", f"{path} is not UTF-8 text: {error.reason}") from error
