"""JSON whose decimals come out as they went in: 12.50 stays 12.50, which Python's floats would write as 12.5."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["copied", "read_exact", "write_exact"]

_MARK: Final = "\x00"
"""Before a decimal while it is handled as text; no string of FHIR holds this character (R4 2.24.0.1)."""

_MARKED: Final = re.compile(rb'"\\u0000(-?[0-9][-+.0-9eE]*)"')


def read_exact(content: bytes) -> Any:  # noqa: ANN401 - any JSON
    """A value of JSON, its decimals as marked text.

    Raises:
        ValueError: it is no JSON.
    """
    return json.loads(content, parse_float=lambda text: f"{_MARK}{text}")


def write_exact(value: object) -> bytes:
    """The same as JSON again, to the last digit."""
    return _MARKED.sub(rb"\1", json.dumps(value).encode())


def copied(value: Any, change: Callable[[dict[str, Any]], object] | None = None) -> Any:  # noqa: ANN401 - any JSON
    """A copy that shares no object and no list; texts, of which a document may be a long one, it does share.

    Args:
        value: of JSON.
        change: is given each object of the copy, the inner ones first, to change it; None for nothing.
    """
    if isinstance(value, dict):
        copy = {key: copied(each, change) if isinstance(each, (dict, list)) else each for key, each in value.items()}
        if change is not None:
            change(copy)
        return copy
    if isinstance(value, list):
        return [copied(each, change) if isinstance(each, (dict, list)) else each for each in value]
    return value
