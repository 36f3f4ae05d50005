"""Opening a data set: everything is checked before anything is used."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import cv2
import numpy as np
from pydantic import ValidationError

from marrowcount.datasets import Dataset
from marrowcount.errors import DatasetError
from marrowcount.ports import PictureSource
from marrowcount_adapters.dataset_store.layout import (
    HEADER_FILE,
    VERSION,
    Header,
    Line,
    digest_of,
    examples_path,
    picture_path,
)

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.datasets import Example
    from marrowcount.ports import Picture

__all__ = ["StoredDataset", "open_dataset"]


class StoredDataset(PictureSource):
    """A data set in a folder.

    Attributes:
        folder: where it lies.
        examples_sha256: of the list of its examples, which names each picture by its digest: two data sets with the
            same one are the same.
    """

    def __init__(self, folder: Path, dataset: Dataset, examples_sha256: str) -> None:
        self.folder = folder
        self.examples_sha256 = examples_sha256
        self._dataset = dataset

    @property
    def dataset(self) -> Dataset:
        """What is in it."""
        return self._dataset

    def read(self, example: Example) -> Picture:
        """An example's pixels, (rows, columns, 3).

        Raises:
            DatasetError: ``picture-missing``, ``picture-damaged`` or ``picture-altered``.
        """
        path = picture_path(self.folder, example.digest)
        try:
            encoded = path.read_bytes()
        except OSError as error:
            raise DatasetError("picture-missing", f"{path} of {example.name} cannot be read: {error}") from error
        picture = _decoded(encoded)
        if picture is None:
            raise DatasetError("picture-damaged", f"{path} of {example.name} is no readable PNG; import it again")
        if digest_of(picture) != example.digest:
            raise DatasetError("picture-altered", f"{path} of {example.name} has other pixels than were imported")
        return picture


def open_dataset(folder: Path) -> StoredDataset:
    """Open a data set; pictures are checked as they are read.

    Raises:
        DatasetError: ``dataset-missing``, ``dataset-malformed``, ``dataset-version``, ``dataset-altered``.
    """
    header = _header(folder / HEADER_FILE)
    path = examples_path(folder, header.examples_sha256)
    lines = _bytes(path)
    if hashlib.sha256(lines).hexdigest() != header.examples_sha256:
        raise DatasetError("dataset-altered", f"{path} is not what {HEADER_FILE} vouches for; import it again")
    examples = tuple(_example(path, number, line) for number, line in enumerate(lines.splitlines(), 1))
    dataset = Dataset(header.name, examples, header.source, header.licence, header.history)
    return StoredDataset(folder, dataset, header.examples_sha256)


def _header(path: Path) -> Header:
    try:
        header = Header.model_validate_json(_bytes(path))
    except ValidationError as error:
        raise DatasetError("dataset-malformed", f"{path}: {_first(error)}") from error
    if header.version != VERSION:
        raise DatasetError("dataset-version", f"{path} has version {header.version}; this program reads {VERSION}")
    return header


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError("dataset-missing", f"{path} cannot be read: {error}") from error


def _example(path: Path, number: int, line: bytes) -> Example:
    try:
        return Line.model_validate_json(line).example
    except ValidationError as error:
        raise DatasetError("dataset-malformed", f"{path}, line {number}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _decoded(encoded: bytes) -> Picture | None:
    if not encoded:
        return None
    decoded = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
    return None if decoded is None else np.asarray(decoded, np.uint8)
