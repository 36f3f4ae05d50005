from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from marrowcount.datasets import Faults
from marrowcount.errors import DatasetError
from marrowcount_adapters.dataset_files import FileFormat, ReadingOptions, open_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from marrowcount.datasets import NamedExample


@pytest.fixture
def read() -> Callable[..., list[NamedExample]]:
    """All examples of a folder."""

    def read_all(file_format: FileFormat, root: Path, options: ReadingOptions | None = None) -> list[NamedExample]:
        return list(open_files(file_format, root, options).examples(Faults()))

    return read_all


@pytest.fixture
def fault(read: Callable[..., list[NamedExample]]) -> Callable[..., DatasetError]:
    """The fault that a folder ends in."""

    def fault_of(file_format: FileFormat, root: Path, options: ReadingOptions | None = None) -> DatasetError:
        with pytest.raises(DatasetError) as failure:
            read(file_format, root, options)
        return failure.value

    return fault_of
