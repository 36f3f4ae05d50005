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

from fhir_faults import FAULTS  # noqa: E402 - found in tests/support
from fhir_profile_faults import PROFILE_FAULTS  # noqa: E402
from fhir_sites import bundle_of  # noqa: E402
from fhir_validators import ALLOWED, CHECKERS, missing, validators  # noqa: E402
from made_up_result import make_result  # noqa: E402
from marrowcount.review import counted  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from fhir_validators import Validators

TABLE: Final = HERE / "faults.md"
LIBRARY: Final = "fhir.resources"
"""What the encoders build with; no independent checker, shown beside them."""


def sound(asked: Validators) -> str:
    """A bundle in which nobody finds anything.

    Raises:
        RuntimeError: somebody does.
    """
    bundle = bundle_of(counted(make_result()), b"%PDF-1.4")
    if faults := asked.faults(bundle):
        msg = f"the bundle is faulty before anything was planted: {faults[0]}"
        raise RuntimeError(msg)
    return bundle


def caught(asked: Validators) -> Mapping[str, Collection[str]]:
    """Names of the checkers that caught each fault of FHIR, the encoders' own library among them."""
    whole = sound(asked)
    found = {}
    for name, fault in FAULTS.items():
        bundle = json.loads(whole)
        fault(bundle)
        text = json.dumps(bundle)
        found[name] = {each.checker for each in asked.faults(text)} | ({LIBRARY} if _refused(text) else set())
    return found


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


def _said_by_profile(asked: Validators, whole: str, fault: Callable[[dict[str, object]], object]) -> str:
    bundle = json.loads(whole)
    broken = fault(bundle)
    place = next(at for at, entry in enumerate(bundle["entry"]) if entry["resource"] is broken)
    profile = profile_of(json.loads(whole)["entry"][place]["resource"])
    said = asked.faults(json.dumps(broken), profile=profile)
    return next((each.message for each in said if each.checker == "profile"), "")


def document(found: Mapping[str, Collection[str]], broken: Mapping[str, str]) -> str:
    """The tables, with what stands around them."""
    return "\n".join(_lines(found, broken)) + "\n"


def _lines(found: Mapping[str, Collection[str]], broken: Mapping[str, str]) -> Iterator[str]:
    yield "# Which checker catches which fault"
    yield ""
    alone = sum(LIBRARY in each for each in found.values())
    yield "Made by `python conformance/fhir/faults.py`: a fault is planted into a bundle in which nobody finds any, and"
    yield "each must be found by one checker at least. The last column is no checker of ours but the library that the"
    yield f"encoders build with; alone it would catch {alone} of {len(found)}."
    yield ""
    columns = (*CHECKERS, LIBRARY)
    yield f"| fault | {' | '.join(columns)} |"
    yield f"|---|{'---|' * len(columns)}"
    for name, by in found.items():
        yield f"| {name} | {' | '.join('x' if column in by else '' for column in columns)} |"
    yield f"| **caught** | {' | '.join(str(sum(column in by for by in found.values())) for column in columns)} |"
    yield ""
    yield from _explained()
    yield "## What is FHIR, and not what the profiles promise"
    yield ""
    yield "| broken | what the profile says |"
    yield "|---|---|"
    for name, said in broken.items():
        yield f"| {name} | {said} |"


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
        found, broken = caught(asked), caught_by_profiles(asked)
    escaped = [name for name, by in found.items() if not set(by) - {LIBRARY}] + [
        n for n, said in broken.items() if not said
    ]
    for name in escaped:
        print(f"nobody caught: {name}")
    text = document(found, broken)
    if "--check" not in arguments:
        TABLE.write_text(text, encoding="utf-8")
    return 1 if escaped or TABLE.read_text(encoding="utf-8") != text else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
