"""Judge what marrowcount wrote by validators that know nothing of it.

    python conformance/validate.py SLIDE_FOLDER RESULT_FOLDER

Every DICOM file goes through dciodvfy (annotations also with the WG-26 profile), all together through dcentvfy, the
bundle through fhirkit. Exit status 1 where one finds an error. The tools come with marrowcount's ``dev`` extra.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import fhirkit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WG26_PROFILE = ("-profile", "WG26SP2025")
"""The gate of the DICOM WG-26 Connectathon for annotations."""


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
        state = "ok" if not verdict.errors else "ERRORS"
        print(f"{state:<7}{verdict.tool:<22}{verdict.subject:<24}{len(verdict.warnings)} warnings")
        for error in verdict.errors:
            print(f"       {error}")
    return sum(len(verdict.errors) for verdict in verdicts)


def _verdicts(slide: Path, results: Path) -> Iterator[Verdict]:
    images, evidence = sorted(slide.glob("*.dcm")), sorted(results.glob("*.dcm"))
    for file in (*images, *evidence):
        yield _dicom("dciodvfy", file.name, ["-new", "-filename", str(file)])
        if ".ann." in file.name:
            yield _dicom("dciodvfy", f"{file.name} WG-26", [*WG26_PROFILE, "-new", "-filename", str(file)])
    yield _dicom("dcentvfy", "the study", [str(file) for file in (*images, *evidence)])
    yield _fhir(results / "fhir.json")


def _dicom(tool: str, subject: str, arguments: Sequence[str]) -> Verdict:
    program = shutil.which(tool, path=str(Path(sys.executable).parent)) or tool
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    errors = tuple(line for line in lines if line.startswith("Error"))
    return Verdict(tool, subject, errors, tuple(line for line in lines if line.startswith("Warning")))


def _fhir(bundle: Path) -> Verdict:
    issues = fhirkit.validate(bundle.read_text(encoding="utf-8"))
    return Verdict("fhirkit", bundle.name, tuple(str(issue) for issue in issues), ())


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1]), Path(sys.argv[2])) else 0)
