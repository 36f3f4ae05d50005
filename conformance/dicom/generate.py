"""Write the DICOM conformance statement: prose from the template, every table from the code.

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


def rendered(name: str) -> str:
    """A document with its tables.

    Raises:
        KeyError: the template names a table that there is not.
    """
    template = (HERE / f"{name}.template.md").read_text(encoding="utf-8")
    return PLACE.sub(lambda place: "\n".join(TABLES[place["table"]]()), template)


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
