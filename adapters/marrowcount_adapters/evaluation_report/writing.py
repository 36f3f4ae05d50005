"""Writing a report: each file beside and then in its place, ``report.md`` last, so that where it stands, all stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from marrowcount.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["JSON_FILE", "TEXT_FILE", "write_report"]

TEXT_FILE: Final = "report.md"
JSON_FILE: Final = "report.json"


def write_report(
    folder: Path, lines: Iterable[str], content: Mapping[str, object], pictures: Mapping[str, bytes]
) -> Path:
    """Write a report into a folder, which is made where it is missing; the path of its text.

    Raises:
        StorageError: ``cannot-write``.
    """
    text = "\n".join(lines) + "\n"
    data = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    files = {**pictures, JSON_FILE: data.encode(), TEXT_FILE: text.encode()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, written in files.items():
            partial = folder / f".{name}.partial"
            partial.write_bytes(written)
            partial.replace(folder / name)
    except OSError as error:
        raise StorageError("cannot-write", f"the report could not be written into {folder}: {error}") from error
    return folder / TEXT_FILE
