"""Judge what marrowcount wrote by validators that know nothing of it.

    python conformance/validate.py SLIDE_FOLDER RESULT_FOLDER

Every DICOM file goes through dciodvfy (annotations also with the WG-26 profile), all together through dcentvfy,
reports and notes through PixelMed's validator of templates and dcmtk's dsrdump where those are installed, the bundle
through fhirkit and, after ``make node-peers``, ten more (``conformance/fhir/faults.md``). Exit status 1 where one
finds an error, or warns of what is not in the list of warnings that are allowed. The other tools come with
marrowcount's ``dev`` extra.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from fhir_validators import CHECKERS, by_fhirkit, missing, validators

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WG26_PROFILE = ("-profile", "WG26SP2025")
"""The gate of the DICOM WG-26 Connectathon for annotations; it knows no other objects."""

PIXELMED = "/usr/share/java/pixelmed.jar"
PIXELMED_LIMITS = tuple(f"-Djdk.xml.xpath{limit}Limit=0" for limit in ("ExprGrp", "ExprOp", "TotalOp"))
"""Its stylesheet is larger than what Java takes by default."""

ALLOWED_WARNINGS = {
    "Unrecognized defined term = <99MARROWCOUNT>": "the node's own coding scheme, named in the instance as it must be",
    "Unrecognized defined term = <CL>": "the Cell Ontology, named in the instance as it must be",
    "Unrecognized defined term = <2.25.": "UID of the node's own coding scheme",
    "Different information entities for attribute - Element=<AccessionNumber>": "dcentvfy's own table is of two minds",
    "Different information entities for attribute - Element=<IssuerOfAccessionNumberSequence>": "as above",
    "Content Item not in template": "TID 1501 and 1410 are extensible; the items are algorithm maker and source",
    "template constraints not yet supported": "dsrdump says what it does not check",
    "The VR checker": "dcmtk speaks of its own build",
}
"""What may be warned of, each with the reason why it stands."""

SPECIMEN_BESIDES = re.compile(
    r"</(Container|IssuerOfTheContainer|Specimen)\w+\(.*> - Attribute is not present in standard DICOM IOD"
)
"""Allowed too: the report document has the Specimen module beside those of its IOD (Standard Extended SOP Class)."""

ALLOWED_ERRORS = {
    "NUM (11138-5": "Missing value: a ratio without denominator has a qualifier and no value, as PS3.3 C.18.1 provides",
    "NUM (BMME": "the same; PixelMed's template of measurements knows no such",
}
"""What PixelMed calls an error and the standard allows."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one validator says of one thing; warnings are shown, errors count."""

    tool: str
    subject: str
    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def main(slide: Path, results: Path) -> int:
    """Print each verdict; the number of errors."""
    verdicts = list(_verdicts(slide, results))
    for verdict in verdicts:
        faults = (*verdict.errors, *filter(_is_unexpected, verdict.warnings))
        state = "ok" if not faults else "ERRORS"
        print(f"{state:<7}{verdict.tool:<22}{verdict.subject:<24}{len(verdict.warnings)} warnings")
        for fault in faults:
            print(f"       {fault}")
    return sum(len(verdict.errors) + sum(map(_is_unexpected, verdict.warnings)) for verdict in verdicts)


def _is_unexpected(warning: str) -> bool:
    return not (SPECIMEN_BESIDES.search(warning) or any(allowed in warning for allowed in ALLOWED_WARNINGS))


def _verdicts(slide: Path, results: Path) -> Iterator[Verdict]:
    images, evidence = sorted(slide.glob("*.dcm")), sorted(results.glob("*.dcm"))
    for file in (*images, *evidence):
        yield _dicom("dciodvfy", file.name, ["-new", "-filename", str(file)])
        if ".ann." in file.name:
            yield _dicom("dciodvfy", f"{file.name} WG-26", [*WG26_PROFILE, "-new", "-filename", str(file)])
    for file in evidence:
        if file.name.endswith((".sr.dcm", ".ko.dcm")):
            yield from _document(file)
    yield _dicom("dcentvfy", "the study", [str(file) for file in (*images, *evidence)])
    yield from _fhir(results / "fhir.json")


def _dicom(tool: str, subject: str, arguments: Sequence[str]) -> Verdict:
    program = shutil.which(tool, path=str(Path(sys.executable).parent)) or tool
    return _run(tool, subject, [program, *arguments])


def _run(tool: str, subject: str, command: Sequence[str]) -> Verdict:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    errors = tuple(
        line for line in lines if line.startswith(("Error", "E:", "F:", "Exception")) and not _is_allowed(line)
    )
    return Verdict(tool, subject, errors, tuple(line for line in lines if line.startswith(("Warning", "W:"))))


def _document(file: Path) -> Iterator[Verdict]:
    """By two that know templates and relationships; each is left out where it is not installed."""
    if Path(PIXELMED).is_file() and shutil.which("java"):
        yield _run(
            "PixelMed",
            file.name,
            ["java", *PIXELMED_LIMITS, "-cp", PIXELMED, "com.pixelmed.validate.DicomSRValidator", str(file)],
        )
    if Path("/usr/bin/dsrdump").is_file():
        yield _run("dsrdump", file.name, ["/usr/bin/dsrdump", str(file)])


def _is_allowed(error: str) -> bool:
    return error.endswith("Missing value") and any(allowed in error for allowed in ALLOWED_ERRORS)


def _fhir(bundle: Path) -> Iterator[Verdict]:
    """By all that are installed; warnings that may stand are none of theirs here."""
    text = bundle.read_text(encoding="utf-8")
    if missing():
        found, asked_of = list(by_fhirkit(text)), ["fhirkit"]
    else:
        with validators() as asked:
            found, asked_of = asked.faults(text), list(CHECKERS)
    for checker in asked_of:
        errors = tuple(f"{each.path}: {each.message}" for each in found if each.checker == checker)
        yield Verdict(checker, bundle.name, errors, ())


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1]), Path(sys.argv[2])) else 0)
