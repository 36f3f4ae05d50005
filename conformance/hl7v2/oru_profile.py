"""Write the HL7 v2 message profile and its example messages: prose from the template, all else from the code.

python conformance/hl7v2/oru_profile.py           # writes profile.md and examples/ beside this file
python conformance/hl7v2/oru_profile.py --check   # exit status 1 where they are not current
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

HERE: Final = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "dicom"), str(HERE.parents[1] / "tests" / "support")]

from tabulating import documented, named, table  # noqa: E402 - found beside this folder

from made_up_reports import reports  # noqa: E402 - found in the tests' support
from marrowcount.cytology.loinc import CodePolicy  # noqa: E402
from marrowcount.review import ReportStatus  # noqa: E402
from marrowcount_adapters.hl7v2 import Authority, Hl7Settings, encode_oru  # noqa: E402
from marrowcount_adapters.hl7v2.observations import observations_of  # noqa: E402
from marrowcount_adapters.hl7v2.profile import SEGMENTS, FieldRule, Usage  # noqa: E402
from marrowcount_adapters.hl7v2.statuses import STATUSES  # noqa: E402
from marrowcount_adapters.mllp.acknowledging import AcknowledgementCode  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DOCUMENT: Final = b"%PDF-1.7 made up"

SITE: Final = Hl7Settings(
    sending_application=Authority("MARROWCOUNT", "1.2.3.9", "ISO"),
    sending_facility=Authority("HEMLAB"),
    receiving_application=Authority("EHR"),
    receiving_facility=Authority("HOSP"),
    authorities={"HOSP": Authority("HOSP", "1.2.3.4", "ISO"), "HEMLAB": Authority("HEMLAB", "1.2.3.5", "ISO")},
    organisation="Haematology laboratory",
    with_details=False,
)
FULL: Final = replace(SITE, with_details=True, with_document=True)
WITH_MANUAL_TERMS: Final = replace(SITE, code_policy=CodePolicy.NEAREST)
PLACE: Final = re.compile(r"^\{\{(?P<table>[a-z-]+)\}\}$", re.MULTILINE)

SETTINGS: Final[Mapping[str, Hl7Settings]] = {"preliminary": FULL, "final": WITH_MANUAL_TERMS}
"""Of examples that do not show :data:`SITE`."""


def examples() -> Iterator[tuple[str, str]]:
    """The messages by their names, a segment on each line."""
    for name, report in reports().items():
        message = encode_oru(report, SETTINGS.get(name, SITE), DOCUMENT)
        yield name, message.decode().replace("\r", "\n")


def segments() -> Iterator[str]:
    """Which segments stand in a message."""
    rows = ((each.name, each.usage, each.cardinality, each.about) for each in SEGMENTS)
    return table(("segment", "usage", "cardinality", "what"), rows)


def fields() -> Iterator[str]:
    """The fields of each segment."""
    for each in SEGMENTS:
        yield f"### {each.name}: {each.about}"
        yield ""
        yield from table(
            ("field", "name", "type", "usage", "cardinality", "length", "table", "holds"), map(_row, each.fields)
        )
        yield ""


def _row(rule: FieldRule) -> tuple[str, ...]:
    least = "1" if rule.usage is Usage.REQUIRED else "0"
    most = str(rule.most) if rule.most else "*"
    length = str(rule.length) if rule.length else "no limit"
    return (str(rule.number), rule.name, rule.datatype, rule.usage, f"{least}..{most}", length, rule.table, rule.holds)


def usages() -> Iterator[str]:
    """What the letters stand for."""
    said = documented(Usage)
    return table(("usage", "meaning"), ((each.value, said[each.name]) for each in Usage))


def statuses() -> Iterator[str]:
    """How each status of a report is told."""
    said = documented(ReportStatus)
    rows = (
        (
            f"`{status}`",
            re.sub(r" \([A-Z]\)", "", said[status.name]),
            codes.report,
            codes.figure if codes.figure != codes.without else "",
            codes.without,
        )
        for status, codes in STATUSES.items()
    )
    return table(("report", "meaning", "OBR-25", "OBX-11 with a value", "OBX-11 without"), rows)


def figures() -> Iterator[str]:
    """What each OBX means."""
    report = reports()["final"]
    rows = (
        (
            each.sub_id,
            each.kind.value,
            " + ".join(f"`{code.value}` ({code.scheme})" for code in each.codes),
            each.codes[-1].meaning,
            each.unit,
        )
        for each in observations_of(report, FULL, DOCUMENT)
    )
    return table(("OBX-4", "OBX-2", "OBX-3", "meaning", "OBX-6"), rows)


def acknowledgements() -> Iterator[str]:
    """What follows from each acknowledgement."""
    said = documented(AcknowledgementCode)
    return table(
        ("MSA-1", "name", "what follows"), ((each.value, named(each), said[each.name]) for each in AcknowledgementCode)
    )


TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "segments": segments,
    "fields": fields,
    "usages": usages,
    "statuses": statuses,
    "figures": figures,
    "acknowledgements": acknowledgements,
}


def rendered() -> str:
    """The profile with its tables.

    Raises:
        KeyError: the template names a table that there is not.
    """
    template = (HERE / "profile.template.md").read_text(encoding="utf-8")
    return PLACE.sub(lambda place: "\n".join(TABLES[place["table"]]()).rstrip(), template)


def written() -> Iterator[tuple[Path, str]]:
    """Every file and what it should hold."""
    yield HERE / "profile.md", rendered()
    for name, text in examples():
        yield HERE / "examples" / f"{name}.hl7", text


def stale() -> Iterator[str]:
    """Files that are not what the code says, or that nothing writes any more."""
    files = dict(written())
    for path, text in files.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield path.name
    yield from (path.name for path in (HERE / "examples").iterdir() if path not in files)


def main(arguments: list[str]) -> int:
    """Write, or check; the exit status."""
    if "--check" in arguments:
        names = list(stale())
        for name in names:
            print(f"{name} is not current: run conformance/hl7v2/oru_profile.py")
        return 1 if names else 0
    for path, text in written():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
