"""How profiles are put together: elements, constraints, patterns, slices."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fhir_metadata import BASE, FHIR_VERSION, LOCAL_SYSTEM, LOINC, SNOMED, TERMINOLOGY, UCUM, Json, resource

from marrowcount.cytology.cell_types import LOCAL_SCHEME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from marrowcount.cytology.cell_types import Code

SYSTEMS: Final = {"LN": LOINC, "SCT": SNOMED, LOCAL_SCHEME: LOCAL_SYSTEM}
ORDER: Final[Mapping[str, Sequence[str]]] = {
    "Observation": [
        "meta",
        "identifier",
        "basedOn",
        "status",
        "category",
        "code",
        "subject",
        "effective[x]",
        "issued",
        "performer",
        "value[x]",
        "dataAbsentReason",
        "note",
        "method",
        "specimen",
        "device",
        "hasMember",
        "derivedFrom",
        "component",
    ],
    "DiagnosticReport": [
        "meta",
        "text",
        "identifier",
        "basedOn",
        "status",
        "category",
        "code",
        "subject",
        "effective[x]",
        "issued",
        "performer",
        "resultsInterpreter",
        "specimen",
        "result",
        "imagingStudy",
        "conclusion",
        "presentedForm",
    ],
    "Specimen": ["identifier", "accessionIdentifier", "type", "subject", "container"],
    "Device": ["identifier", "status", "manufacturer", "deviceName", "type", "version", "note"],
    "Provenance": ["meta", "target", "recorded", "reason", "agent", "entity"],
}
"""Elements in the order of FHIR's own definitions, in which a differential must name them."""


def element(at: str, **rules: Any) -> Json:  # noqa: ANN401 - any rule of an ElementDefinition
    """What a profile says of an element; slices are named in its id only."""
    return {"id": at, "path": re.sub(r":[^.]+", "", at), **rules}


def rule(key: str, human: str, expression: str, severity: str = "error") -> Json:
    """A constraint as FHIRPath."""
    return {"key": f"mrw-{key}", "severity": severity, "human": human, "expression": expression}


def pattern(*codes: Code) -> Json:
    """A concept that has these codes."""
    return {"coding": [{"system": SYSTEMS[code.scheme], "code": code.value} for code in codes]}


def term(system: str, code: str) -> Json:
    """A concept of HL7's own terminology."""
    return {"coding": [{"system": f"{TERMINOLOGY}{system}", "code": code}]}


def unit_of(code: str) -> Json:
    """A unit of UCUM."""
    return {"system": UCUM, "code": code}


def one_category(kind: str, concept: Json) -> tuple[Json, Json]:
    """Laboratory, and nothing else."""
    by_pattern = {"discriminator": [{"type": "pattern", "path": "$this"}], "rules": "closed"}
    at = f"{kind}.category"
    return (
        element(at, min=1, max="1", slicing=by_pattern, mustSupport=True),
        element(f"{at}:laboratory", sliceName="laboratory", min=1, max="1", patternCodeableConcept=concept),
    )


def one_of(values: Sequence[str]) -> str:
    """The values as a collection of FHIRPath."""
    return "(" + " | ".join(f"'{value}'" for value in values) + ")"


def profile(kind: str, name: str, title: str, description: str, *elements: Json) -> Json:
    """A profile of a type of resource, its elements in the order that FHIR asks for."""
    places = {name: place for place, name in enumerate(ORDER[kind])}
    ordered = sorted(
        elements, key=lambda each: places.get(each["path"].split(".")[1], -1) if "." in each["path"] else -2
    )
    return resource(
        "StructureDefinition",
        name,
        title,
        description,
        fhirVersion=FHIR_VERSION,
        kind="resource",
        abstract=False,
        type=kind,
        baseDefinition=f"{BASE}{kind}",
        derivation="constraint",
        differential={"element": ordered},
    )


@dataclass(frozen=True, slots=True)
class Part:
    """A component: its code, and what its value is; for a quantity its unit."""

    code: Code
    type: str = "Quantity"
    unit: str = ""
    bound_to: str = ""

    @property
    def name(self) -> str:
        """Of the slice; a standard code's number says nothing to people."""
        words = self.code.meaning if self.code.value.isdecimal() else self.code.value
        return words.lower().replace("_", "-").replace(" ", "-")

    @property
    def value(self) -> Json:
        """Rules of its value."""
        unit = {"patternQuantity": unit_of(self.unit)} if self.unit else {}
        bound = {"binding": {"strength": "required", "valueSet": self.bound_to}} if self.bound_to else {}
        return {"type": [{"code": self.type}], **unit, **bound}

    @property
    def holds(self) -> str:
        """The same as an expression, for validators that do not look into the values of slices."""
        unit = f" and value.code = '{self.unit}'" if self.unit else ""
        kind = f"value is {self.type}{unit}"
        absent = "value.empty() and dataAbsentReason.exists()"
        return f"(code.coding.where(code = '{self.code.value}').exists() implies (({kind}) or ({absent})))"


def components(*parts: Part) -> Iterator[Json]:
    """Slices by code."""
    by_code = {"discriminator": [{"type": "pattern", "path": "code"}], "rules": "open"}
    human = "Each value is of its type, and a quantity in its unit."
    expression = " and ".join(part.holds for part in parts)
    yield element("Observation.component", slicing=by_code, constraint=[rule("16", human, expression)])
    for part in parts:
        at = f"Observation.component:{part.name}"
        yield element(at, sliceName=part.name, min=0, max="1")
        yield element(f"{at}.code", patternCodeableConcept=pattern(part.code))
        yield element(f"{at}.value[x]", **part.value)
