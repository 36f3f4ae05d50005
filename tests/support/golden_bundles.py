"""Bundles that people read and found right: ``python tests/support/golden_bundles.py`` writes them anew.

Those of projection ``r4-graph`` are the examples of the conformance statement, which are made and held in the same way
(``python conformance/fhir/generate.py``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fhir_sites import SITE
from made_up_reports import reports
from marrowcount_adapters.fhir import Projection, encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GOLDEN: Final = Path(__file__).parents[1] / "adapters" / "fhir" / "golden"
PROJECTIONS: Final = (Projection.R4_FLAT, Projection.EU_LAB_DOCUMENT, Projection.R5_GRAPH)
TURNS: Final = (
    "preliminary",
    "final",
    "final-changed",
    "corrected",
    "entered-in-error",
    "cancelled",
    "undefined-ratio",
)
DOCUMENT: Final = b"%PDF-1.4 of a report, cut short\n%%EOF\n"
WIDTH: Final = 118


def bundles() -> Mapping[str, str]:
    """As they are made now, by the names of their files."""
    made = reports()
    return {
        f"{projection}.{turn}.json": laid_out(encode(made[turn], SITE, DOCUMENT, projection))
        for projection in PROJECTIONS
        for turn in TURNS
    }


def laid_out(text: str) -> str:
    """The same for people: what fits stands on one line; numbers keep their digits."""
    return "\n".join(_lines(json.loads(text, parse_float=_Digits, parse_int=_Digits), "")) + "\n"


class _Digits(str):
    """A number as it was written."""

    __slots__ = ()


def _lines(value: Any, before: str, indent: str = "") -> Iterator[str]:  # noqa: ANN401 - whatever JSON holds
    whole = f"{indent}{before}{_short(value)}"
    if len(whole) <= WIDTH or not isinstance(value, dict | list):
        yield whole
        return
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    parts = (
        [(f"{json.dumps(k)}: ", v) for k, v in value.items()] if isinstance(value, dict) else [("", v) for v in value]
    )
    yield f"{indent}{before}{opening}"
    for number, (name, part) in enumerate(parts, start=1):
        *lines, last = _lines(part, name, f"{indent} ")
        yield from lines
        yield last + ("," if number < len(parts) else "")
    yield f"{indent}{closing}"


def _short(value: Any) -> str:  # noqa: ANN401 - as above
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)}: {_short(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_short, value)) + "]"
    return str(value) if isinstance(value, _Digits) else json.dumps(value, ensure_ascii=False)


def main() -> None:
    """Write all anew, for a person to read what has changed."""
    GOLDEN.mkdir(exist_ok=True)
    for name, text in bundles().items():
        (GOLDEN / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
