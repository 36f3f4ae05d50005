"""Plant faults into a bundle that has none, and write down which checker catches which.

    make node-peers && python conformance/fhir/faults.py           # writes faults.md beside this file
    python conformance/fhir/faults.py --check                      # exit status 1 where it is not current

Exit status 1 too where a fault is caught by nobody.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

HERE: Final = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests" / "support")]

from fhir.resources.R4B.bundle import Bundle  # noqa: E402 - after the path is set
from fhir_profiles import profile_of  # noqa: E402 - found beside this file
from pydantic import ValidationError  # noqa: E402

from fhir_faults import FAULTS, R5_FAULTS  # noqa: E402 - found in tests/support
from fhir_profile_faults import PROFILE_FAULTS  # noqa: E402
from fhir_sites import bundle_of, release_of  # noqa: E402
from fhir_validators import ALLOWED, CHECKERS, missing, validators  # noqa: E402
from made_up_result import make_result  # noqa: E402
from marrowcount.review import counted  # noqa: E402
from marrowcount_adapters.fhir import Projection  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from fhir_metadata import Json

    from fhir_validators import Validators

TABLE: Final = HERE / "faults.md"
R5_CHECKERS: Final = (
    "typescript", "invariants", "references", "structure", "primitives", "terminology", "ucum", "check digits",
)  # fmt: skip
R5_LIMITS: Final = (
    "Fewer know R5: TypeScript's compiler judges by the types of npm @types/fhir (elements, cardinality, required",
    "codes); names, arrays and targets of references are those of npm fhirpath's model of R5; constraints are those of",
    "R4 where an element stands at the same path. R5's own constraints and value sets are in no package that was",
    "found.",
)
LIBRARY: Final = "fhir.resources"
"""What the encoders build with; no independent checker, shown beside them."""


def sound(asked: Validators, projection: Projection = Projection.R4_GRAPH) -> str:
    """A bundle in which nobody finds anything.

    Raises:
        RuntimeError: somebody does.
    """
    bundle = bundle_of(counted(make_result()), b"%PDF-1.4", projection=projection)
    if faults := asked.faults(bundle, release_of(projection)):
        msg = f"the bundle is faulty before anything was planted: {faults[0]}"
        raise RuntimeError(msg)
    return bundle


def caught(asked: Validators) -> Mapping[str, Collection[str]]:
    """Names of the checkers that caught each fault of R4, the encoders' own library among them."""
    whole = sound(asked)
    texts = {name: _planted(whole, fault) for name, fault in FAULTS.items()}
    return {name: _by_whom(asked, text) | ({LIBRARY} if _refused(text) else set()) for name, text in texts.items()}


def caught_in_r5(asked: Validators) -> Mapping[str, Collection[str]]:
    """The same of R5."""
    whole = sound(asked, Projection.R5_GRAPH)
    return {name: _by_whom(asked, _planted(whole, fault), "R5") for name, fault in R5_FAULTS.items()}


def _planted(whole: str, fault: Callable[[Json], None]) -> str:
    bundle = json.loads(whole)
    fault(bundle)
    return json.dumps(bundle)


def _by_whom(asked: Validators, text: str, release: str = "R4") -> set[str]:
    return {each.checker for each in asked.faults(text, release)}


def _refused(text: str) -> bool:
    try:
        Bundle.model_validate_json(text)
    except (ValidationError, KeyError):  # the latter for a type of resource that there is not
        return True
    return False


def caught_by_profiles(asked: Validators) -> Mapping[str, str]:
    """What the profile says of each resource that is not what it promises; empty where it says nothing."""
    whole = sound(asked)
    return {name: _said_by_profile(asked, whole, fault) for name, fault in PROFILE_FAULTS.items()}


def _said_by_profile(asked: Validators, whole: str, fault: Callable[[Json], Json]) -> str:
    bundle = json.loads(whole)
    broken = fault(bundle)
    place = next(at for at, entry in enumerate(bundle["entry"]) if entry["resource"] is broken)
    profile = profile_of(json.loads(whole)["entry"][place]["resource"])
    said = asked.faults(json.dumps(broken), profile=profile)
    return next((each.message for each in said if each.checker == "profile"), "")


def document(
    found: Mapping[str, Collection[str]], found_in_r5: Mapping[str, Collection[str]], broken: Mapping[str, str]
) -> str:
    """The tables, with what stands around them."""
    return "\n".join(_lines(found, found_in_r5, broken)) + "\n"


def _lines(
    found: Mapping[str, Collection[str]], found_in_r5: Mapping[str, Collection[str]], broken: Mapping[str, str]
) -> Iterator[str]:
    alone = sum(LIBRARY in each for each in found.values())
    yield "# Which checker catches which fault"
    yield ""
    yield "Made by `python conformance/fhir/faults.py`: a fault is planted into a bundle in which nobody finds any, and"
    yield "each must be found by one checker at least. The last column is no checker of ours but the library that the"
    yield f"encoders build with; alone it would catch {alone} of {len(found)}."
    yield ""
    yield from _table(found, (*CHECKERS, LIBRARY))
    yield from _explained()
    yield from ("## In R5", "", *R5_LIMITS, "")
    yield from _table(found_in_r5, R5_CHECKERS)
    yield from (
        "## What is FHIR, and not what the profiles promise",
        "",
        "| broken | what the profile says |",
        "|---|---|",
    )
    for name, said in broken.items():
        yield f"| {name} | {said} |"


def _table(found: Mapping[str, Collection[str]], columns: Sequence[str]) -> Iterator[str]:
    yield f"| fault | {' | '.join(columns)} |"
    yield f"|---|{'---|' * len(columns)}"
    for name, by in found.items():
        yield f"| {name} | {' | '.join('x' if column in by else '' for column in columns)} |"
    yield f"| **caught** | {' | '.join(str(sum(column in by for by in found.values())) for column in columns)} |"
    yield ""


def _explained() -> Iterator[str]:
    for name, words in CHECKERS.items():
        yield f"- **{name}**: {words}"
    yield ""
    yield "## Warnings that may stand"
    yield ""
    for (checker, reads), why in ALLOWED.items():
        yield f"- {checker}, `{reads}`: {why}"
    yield ""


def main(arguments: list[str]) -> int:
    """Write, or check; the exit status."""
    if absent := missing():
        print(absent)
        return 1
    with validators() as asked:
        found, found_in_r5, broken = caught(asked), caught_in_r5(asked), caught_by_profiles(asked)
    everywhere = {**found, **{f"{name} (R5)": by for name, by in found_in_r5.items()}}
    escaped = [name for name, by in everywhere.items() if not set(by) - {LIBRARY}] + [
        n for n, said in broken.items() if not said
    ]
    for name in escaped:
        print(f"nobody caught: {name}")
    text = document(found, found_in_r5, broken)
    if "--check" not in arguments:
        TABLE.write_text(text, encoding="utf-8")
    return 1 if escaped or TABLE.read_text(encoding="utf-8") != text else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
