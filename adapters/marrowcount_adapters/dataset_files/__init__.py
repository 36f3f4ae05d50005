"""Data sets as other programs keep them: YOLO, COCO, Pascal VOC (LabelImg) and folders of single cells.

Readers give the source's own class names (:class:`~marrowcount.ports.labelled_files.LabelledSource`); writers take any
:class:`~marrowcount.ports.PictureSource`.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.errors import DatasetError
from marrowcount_adapters.dataset_files.coco import find_coco
from marrowcount_adapters.dataset_files.export import export_folder, pictures_of
from marrowcount_adapters.dataset_files.facts import write_facts
from marrowcount_adapters.dataset_files.file_names import NamePatterns, pattern
from marrowcount_adapters.dataset_files.files import PictureFiles, ReadingOptions
from marrowcount_adapters.dataset_files.single_cells import FROM_FOLDER, FROM_PREFIX, find_cells
from marrowcount_adapters.dataset_files.voc import find_voc
from marrowcount_adapters.dataset_files.writers import write_cells, write_coco, write_voc, write_yolo
from marrowcount_adapters.dataset_files.yolo import find_yolo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from marrowcount.ports import PictureSource

__all__ = [
    "FROM_FOLDER",
    "FROM_PREFIX",
    "FileFormat",
    "NamePatterns",
    "PictureFiles",
    "ReadingOptions",
    "open_files",
    "pattern",
    "write_files",
]


class FileFormat(StrEnum):
    """A layout of files."""

    YOLO = "yolo"
    COCO = "coco"
    VOC = "voc"
    CELLS = "cells"
    """Pictures of single cells, in folders or with prefixes that name their class."""


READERS: Final = MappingProxyType(
    {
        FileFormat.YOLO: find_yolo,
        FileFormat.COCO: find_coco,
        FileFormat.VOC: find_voc,
        FileFormat.CELLS: find_cells,
    }
)
WRITERS: Final = MappingProxyType(
    {
        FileFormat.YOLO: write_yolo,
        FileFormat.COCO: write_coco,
        FileFormat.VOC: write_voc,
        FileFormat.CELLS: write_cells,
    }
)


def open_files(file_format: FileFormat, root: Path, options: ReadingOptions | None = None) -> PictureFiles:
    """A data set of files, ready to be imported.

    Raises:
        DatasetError: ``files-missing``: there is nothing at that path.
    """
    if not root.exists():
        raise DatasetError("files-missing", f"{root} is not there")
    return PictureFiles(root, READERS[file_format], options or ReadingOptions())


def write_files(
    file_format: FileFormat, source: PictureSource, folder: Path, progress: Callable[[float], None] | None = None
) -> None:
    """Write a data set for other programs, with ``examples.csv`` for what their format has no place for.

    Args:
        file_format: which layout.
        source: what to write.
        folder: must not be there yet; it appears when it is whole.
        progress: hears the share done, 0 to 1.

    Raises:
        DatasetError: ``export-exists``, ``export-unwritable``, or a picture cannot be read.
    """
    with export_folder(folder) as partial:
        written = list(WRITERS[file_format](pictures_of(source, progress or _unheard), partial))
        write_facts(partial, [one.file for one in written], [one.example for one in written])


def _unheard(_: float) -> None:
    """Nobody listens."""
