"""No number depends on the locale of the process: a comma where a point is meant is another figure."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
MODULES = sorted(path for part in ("src", "adapters") for path in (REPOSITORY / part).rglob("*.py"))


def ways_of_the_locale(source: str) -> Iterator[int]:
    """Lines that ask the locale: they import it, or format by the type ``n``."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names) if any(name.name == "locale" for name in names):
                yield node.lineno
            case ast.ImportFrom(module="locale"):
                yield node.lineno
            case ast.FormattedValue(format_spec=ast.JoinedStr(values=[*_, ast.Constant(value=str(spec))])):
                if spec.endswith("n"):
                    yield node.lineno
            case ast.Call(func=ast.Name(id="format"), args=[_, ast.Constant(value=str(spec))]) if spec.endswith("n"):
                yield node.lineno
            case ast.Call(func=ast.Attribute(attr="format", value=ast.Constant(value=str(text)))):
                if re.search(r"\{[^{}]*:[^{}]*n\}", text):
                    yield node.lineno
            case _:
                pass


def test_no_module_asks_the_locale() -> None:
    """Neither the core nor an adapter; what they write is the same under every locale."""
    asking = {path.name: lines for path in MODULES if (lines := list(ways_of_the_locale(path.read_text("utf-8"))))}
    assert len(MODULES) > 100
    assert not asking


@pytest.mark.parametrize(
    "source",
    [
        "import locale",
        "from locale import str",
        'f"{value:n}"',
        'f"{value:.3n}"',
        'format(value, "n")',
        '"{:n}".format(1)',
    ],
)
def test_each_way_would_be_found(source: str) -> None:
    """Or the test before holds nothing."""
    assert list(ways_of_the_locale(source)) == [1]
