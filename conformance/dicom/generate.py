"""Write the DICOM conformance statement: prose from the template, every table from the code.

A template names a table by its name in double braces on a line of its own; ``contents`` stands for the headings.

python conformance/dicom/generate.py           # writes statement.md and integration.md beside this file
python conformance/dicom/generate.py --check   # exit status 1 where they are not current
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

HERE: Final = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests" / "support")]

from tables import TABLES  # noqa: E402 - found beside this file

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTS: Final = ("statement", "integration")
PLACE: Final = re.compile(r"^\{\{(?P<table>[a-z-]+)\}\}$", re.MULTILINE)
CONTENTS: Final = "contents"
HEADING: Final = re.compile(r"^(?P<depth>#{2,3}) (?P<title>.+)$", re.MULTILINE)
LEFT_OUT: Final = re.compile(r"[^\w\- ]")
"""Of a heading, in its anchor."""


def rendered(name: str) -> str:
    """A document with its tables.

    Raises:
        KeyError: the template names a table that there is not.
    """
    template = (HERE / f"{name}.template.md").read_text(encoding="utf-8")
    made = {CONTENTS: lambda: contents(template), **TABLES}
    return PLACE.sub(lambda place: "\n".join(made[place["table"]]()), template)


def contents(text: str) -> Iterator[str]:
    """The headings of a document as a list of links, two levels deep."""
    for found in HEADING.finditer(text):
        yield f"{'  ' * (len(found['depth']) - 2)}- [{found['title']}](#{anchor(found['title'])})"


def anchor(title: str) -> str:
    """What a heading is called by in a link."""
    return LEFT_OUT.sub("", title.lower()).replace(" ", "-")


def stale() -> Iterator[str]:
    """Documents that are not what the code says."""
    for name in DOCUMENTS:
        path = HERE / f"{name}.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != rendered(name):
            yield path.name


def main(arguments: list[str]) -> int:
    """Write, or check; the exit status."""
    if "--check" in arguments:
        names = list(stale())
        for name in names:
            print(f"{name} is not current: run conformance/dicom/generate.py")
        return 1 if names else 0
    for name in DOCUMENTS:
        (HERE / f"{name}.md").write_text(rendered(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
