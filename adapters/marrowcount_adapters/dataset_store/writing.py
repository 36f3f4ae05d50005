"""Writing a data set: into a folder beside, renamed when it is whole."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import cv2

from marrowcount.datasets import Dataset
from marrowcount.errors import DatasetError
from marrowcount_adapters.dataset_store.layout import (
    HEADER_FILE,
    Header,
    digest_of,
    examples_path,
    line_of,
    picture_path,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from marrowcount.datasets import Example
    from marrowcount.ports import Picture

__all__ = ["DatasetWriter", "write_dataset"]


class DatasetWriter:
    """Writes a new data set; used as a context, which leaves nothing behind when it fails.

    Raises:
        DatasetError: ``dataset-exists`` where the folder is there already, ``dataset-unwritable``.
    """

    def __init__(self, folder: Path, name: str, source: str = "", licence: str = "") -> None:
        if folder.exists():
            raise DatasetError("dataset-exists", f"{folder} exists already; name another folder or remove it")
        self._folder = folder
        self._partial = folder.with_name(f".{folder.name}.partial")
        self._about = Dataset(name, (), source, licence)
        self._examples: list[Example] = []

    def __enter__(self) -> Self:
        try:
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir(parents=True)
        except OSError as error:
            raise DatasetError("dataset-unwritable", f"{self._partial} cannot be made: {error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            shutil.rmtree(self._partial, ignore_errors=True)

    def add(self, picture: Picture, example: Example) -> Example:
        """Keep a picture, (rows, columns, 3) RGB, with what is known of it; its digest is filled in."""
        kept = replace(example, digest=digest_of(picture))
        path = picture_path(self._partial, kept.digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
        self._examples.append(kept)
        return kept

    def finish(self, history: Iterable[str] = ()) -> Dataset:
        """Write what the pictures hold and give the folder its name."""
        dataset = replace(self._about, examples=tuple(self._examples), history=tuple(history))
        write_dataset(self._partial, dataset)
        self._partial.rename(self._folder)
        return dataset


def write_dataset(folder: Path, dataset: Dataset) -> None:
    """Replace what a stored data set says of its pictures, which stay: new splits, corrected boxes.

    The header names the file of examples by its digest and is replaced last, so that the old or the new state stands.

    Raises:
        DatasetError: ``dataset-unwritable``.
    """
    lines = "".join(f"{line_of(example)}\n" for example in dataset.examples).encode()
    header = Header(
        name=dataset.name,
        source=dataset.source,
        licence=dataset.licence,
        history=dataset.history,
        examples=len(dataset.examples),
        examples_sha256=hashlib.sha256(lines).hexdigest(),
    )
    examples = examples_path(folder, header.examples_sha256)
    _write(examples, lines)
    _write(folder / HEADER_FILE, header.model_dump_json(indent=1).encode())
    for old in folder.glob("examples-*.jsonl"):
        if old != examples:
            old.unlink()


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        raise DatasetError("dataset-unwritable", f"{path} cannot be written: {error}") from error
