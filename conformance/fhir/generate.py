"""Write the FHIR conformance resources and the examples, all of them from the code.

python conformance/fhir/generate.py           # writes the files beside this one
python conformance/fhir/generate.py --check   # exit status 1 where they are not current
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

HERE: Final = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests" / "support")]

from fhir_capability import capability_statement  # noqa: E402 - found beside this file
from fhir_examples import examples  # noqa: E402
from fhir_profiles import profiles  # noqa: E402
from fhir_terminology import code_system, concept_map, value_sets  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fhir_metadata import Json

EXAMPLES: Final = "examples"


def resources() -> list[Json]:
    """All conformance resources."""
    return [capability_statement(), *profiles(), code_system(), *value_sets(), concept_map()]


def files() -> Mapping[str, str]:
    """Every file that is made, by its name from here."""
    made = {f"{each['resourceType']}-{each['id']}.json": _text(each) for each in resources()}
    return {**made, **{f"{EXAMPLES}/{name}.json": _text(json.loads(text)) for name, text in examples().items()}}


def _text(resource: Json) -> str:
    return json.dumps(resource, indent=2, ensure_ascii=False) + "\n"


def _present() -> Iterator[Path]:
    yield from HERE.glob("*.json")
    yield from (HERE / EXAMPLES).glob("*.json")


def stale() -> Iterator[str]:
    """Files that are not what the code says, or that it does not make any more."""
    made = files()
    for name, text in made.items():
        path = HERE / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield name
    yield from (str(path.relative_to(HERE)) for path in _present() if str(path.relative_to(HERE)) not in made)


def main(arguments: list[str]) -> int:
    """Write, or check; the exit status."""
    if "--check" in arguments:
        names = list(stale())
        for name in names:
            print(f"{name} is not current: run conformance/fhir/generate.py")
        return 1 if names else 0
    made = files()
    for path in _present():
        path.unlink()
    (HERE / EXAMPLES).mkdir(exist_ok=True)
    for name, text in made.items():
        (HERE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
