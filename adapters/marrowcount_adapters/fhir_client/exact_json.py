"""JSON whose decimals come out as they went in: 12.50 stays 12.50, which Python's floats would write as 12.5."""

from __future__ import annotations

import json
import re
from typing import Any, Final

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


def copied(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """A copy that shares nothing."""
    return json.loads(json.dumps(value))
