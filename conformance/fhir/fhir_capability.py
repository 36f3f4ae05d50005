"""What the node asks of a FHIR server and does there, as a CapabilityStatement of requirements in the client's role."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fhir_metadata import FHIR_VERSION, Json, canonical, resource

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Used:
    """What is done with a type of resource.

    Attributes:
        why: for people.
        interactions: each with what is said of it.
        search: parameters, each with its type.
        conditional_create: whether ``If-None-Exist`` or ``ifNoneExist`` is sent.
        versioned: whether an update says which version it replaces (``If-Match``).
        profiles: names of those that are written.
    """

    type: str
    why: str
    interactions: Sequence[tuple[str, str]]
    search: Sequence[tuple[str, str]] = (("identifier", "token"),)
    conditional_create: bool = False
    versioned: bool = False
    profiles: Sequence[str] = ()


LOOKED_UP: Final = ("search-type", "by identifier, before anything is written")
MADE_ONCE: Final = ("create", "where there is none with the identifier: If-None-Exist, or in a transaction ifNoneExist")
REPLACED: Final = ("update", "in the place of an earlier version, with If-Match where the server gave an ETag")
FIGURES: Final = ("class-share", "total", "ratio", "histogram", "panel")

USED: Final = (
    Used(
        "Patient", "Found by their number, never made and never guessed; none or two: the delivery waits.", [LOOKED_UP]
    ),
    Used("ServiceRequest", "Found by its accession number; the report stands without one.", [LOOKED_UP]),
    Used("Specimen", "The smear.", [MADE_ONCE, LOOKED_UP], conditional_create=True, profiles=("smear",)),
    Used("ImagingStudy", "The slide's study.", [MADE_ONCE, LOOKED_UP], conditional_create=True),
    Used(
        "Device",
        "The software with its models.",
        [MADE_ONCE, LOOKED_UP],
        conditional_create=True,
        profiles=("software",),
    ),
    Used(
        "DocumentReference",
        "The card of each model; in the projection r4-flat the report itself, which is replaced.",
        [LOOKED_UP, MADE_ONCE, REPLACED],
        conditional_create=True,
        versioned=True,
    ),
    Used(
        "Observation",
        "The figures. Nothing preliminary takes the place of what a person signed.",
        [LOOKED_UP, MADE_ONCE, REPLACED],
        conditional_create=True,
        versioned=True,
        profiles=FIGURES,
    ),
    Used(
        "DiagnosticReport",
        "The report. Nothing preliminary takes the place of what a person signed.",
        [LOOKED_UP, MADE_ONCE, REPLACED],
        conditional_create=True,
        versioned=True,
        profiles=("report",),
    ),
    Used(
        "Provenance",
        "Who made a version; one for each.",
        [("create", "unless one of the same time is there"), ("search-type", "by target")],
        search=(("target", "reference"),),
        profiles=("provenance",),
    ),
)
"""In the order of writing: what others refer to comes first."""

DESCRIPTION: Final = (
    "The node is a client: it writes one transaction for each version of a report. Servers without transactions, or "
    "without conditional creates, are written to one resource after the other, each searched for first. Nothing is "
    "ever deleted: what should not have been becomes entered-in-error."
)


def capability_statement() -> Json:
    """What a server must do for the node."""
    return resource(
        "CapabilityStatement",
        "client",
        "What marrowcount asks of a FHIR server",
        DESCRIPTION,
        kind="requirements",
        fhirVersion=FHIR_VERSION,
        format=["application/fhir+json"],
        rest=[
            {
                "mode": "client",
                "documentation": DESCRIPTION,
                "security": {
                    "service": [{"coding": [{"system": RESTFUL_SECURITY, "code": "SMART-on-FHIR"}]}],
                    "description": "SMART Backend Services, a bearer token, or a client's certificate (mutual TLS).",
                },
                "resource": [_used(each) for each in USED],
                "interaction": [{"code": "transaction", "documentation": "One for each version of a report."}],
            }
        ],
    )


RESTFUL_SECURITY: Final = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def _used(used: Used) -> Json:
    profiles = [canonical("StructureDefinition", name) for name in used.profiles]
    return {
        "type": used.type,
        **({"supportedProfile": profiles} if profiles else {}),
        "documentation": used.why,
        "interaction": [{"code": code, "documentation": words} for code, words in used.interactions],
        **({"versioning": "versioned-update"} if used.versioned else {}),
        **({"conditionalCreate": True} if used.conditional_create else {}),
        "searchParam": [{"name": name, "type": kind} for name, kind in used.search],
    }
