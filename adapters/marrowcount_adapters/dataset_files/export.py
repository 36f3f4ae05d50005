"""What the writers share: a folder that appears whole or not at all, and the pictures in it."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marrowcount.errors import DatasetError
from marrowcount_adapters.dataset_files.file_names import split_name, stems_of
from marrowcount_adapters.dataset_files.pictures import write_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from marrowcount.datasets import Example
    from marrowcount.ports import Picture, PictureSource

__all__ = ["Exported", "Written", "export_folder", "pictures_of"]


@dataclass(frozen=True, slots=True)
class Exported:
    """An example on its way out.

    Attributes:
        example: what is known of it.
        picture: its pixels.
        split: the name of its split's folder.
        stem: its file name without suffix.
    """

    example: Example
    picture: Picture
    split: str
    stem: str

    def write(self, folder: Path) -> None:
        """Write the picture as a PNG into a folder."""
        write_picture(folder / f"{self.stem}.png", self.picture)


@dataclass(frozen=True, slots=True)
class Written:
    """A picture written: its path within the export, and what the table beside the pictures says of it."""

    file: str
    example: Example


@contextmanager
def export_folder(folder: Path) -> Generator[Path]:
    """A folder to write into, which gets its name at the end and is gone after a failure.

    Raises:
        DatasetError: ``export-exists``, ``export-unwritable``.
    """
    if folder.exists():
        raise DatasetError("export-exists", f"{folder} exists already; name another folder or remove it")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.rename(folder)
    except OSError as error:
        raise DatasetError("export-unwritable", f"{folder} cannot be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def pictures_of(source: PictureSource, progress: Callable[[float], None]) -> Iterator[Exported]:
    """All examples with their pixels, one at a time.

    Raises:
        DatasetError: as the source's ``read``.
    """
    examples = source.dataset.examples
    for number, (example, stem) in enumerate(zip(examples, stems_of(examples), strict=True), 1):
        yield Exported(example, source.read(example), split_name(example.split), stem)
        progress(number / len(examples))
