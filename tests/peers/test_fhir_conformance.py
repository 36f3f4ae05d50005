"""The FHIR conformance resources and examples are valid themselves, and the examples keep what the profiles promise."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fhir_validators import Finding, Validators

CONFORMANCE = Path(__file__).parents[2] / "conformance" / "fhir"
RESOURCES = sorted(CONFORMANCE.glob("*.json"))
EXAMPLES = sorted((CONFORMANCE / "examples").glob("*.json"))

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("file", RESOURCES, ids=lambda file: file.stem)
def test_a_conformance_resource_is_valid(file: Path, fhir_validators: Validators) -> None:
    """No checker finds a fault in it."""
    assert fhir_validators.faults(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_an_example_is_valid(file: Path, fhir_validators: Validators) -> None:
    """No checker of its release of FHIR finds a fault in it."""
    release = "R5" if file.name.startswith("r5-") else "R4"
    assert fhir_validators.faults(file.read_text(encoding="utf-8"), release) == []


@pytest.mark.parametrize("file", [each for each in EXAMPLES if each.name.startswith("r4-graph-")], ids=lambda f: f.stem)
def test_an_example_keeps_the_profiles(file: Path, fhir_validators: Validators) -> None:
    """Each resource of the projection that the profiles are of; only images, orders and cards have none."""
    sys.path.insert(0, str(CONFORMANCE))
    from fhir_profiles import profile_of

    judged: dict[str, list[Finding]] = {}
    for entry in json.loads(file.read_text(encoding="utf-8"))["entry"]:
        resource = entry["resource"]
        if profile := profile_of(resource):
            said = fhir_validators.faults(json.dumps(resource), profile=profile)
            judged.setdefault(resource["resourceType"], []).extend(each for each in said if each.checker == "profile")
    assert judged.keys() == {"Specimen", "Device", "Observation", "DiagnosticReport", "Provenance"}
    assert [fault for faults in judged.values() for fault in faults] == []
