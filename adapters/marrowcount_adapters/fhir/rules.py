"""What FHIR asks of the elements that are used here and the library does not check; by path, in both versions.

Targets of references and codes of required bindings as the definitions of R4 (4.0.1) and R5 (5.0.0) have them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ANY", "R4", "R5", "Rules"]

ANY: Final = frozenset({"*"})
"""A reference that may point at every kind of resource."""

PEOPLE: Final = "Practitioner PractitionerRole Patient RelatedPerson Organization"
REPORTERS: Final = "Practitioner PractitionerRole Organization CareTeam"
SUBJECTS: Final = "Patient Group Device Location"

_TARGETS: Final = {
    "Composition.attester.party": PEOPLE,
    "Composition.author": f"{PEOPLE} Device",
    "Composition.custodian": "Organization",
    "Composition.section.entry": "*",
    "Composition.subject": "*",
    "DiagnosticReport.basedOn": "CarePlan ImmunizationRecommendation MedicationRequest NutritionOrder ServiceRequest",
    "DiagnosticReport.imagingStudy": "ImagingStudy",
    "DiagnosticReport.performer": REPORTERS,
    "DiagnosticReport.result": "Observation",
    "DiagnosticReport.resultsInterpreter": REPORTERS,
    "DiagnosticReport.specimen": "Specimen",
    "DiagnosticReport.subject": SUBJECTS,
    "DocumentReference.authenticator": "Practitioner PractitionerRole Organization",
    "DocumentReference.author": f"{PEOPLE} Device",
    "DocumentReference.subject": "Patient Practitioner Group Device",
    "Extension.valueReference": "*",
    "ImagingStudy.basedOn": "CarePlan ServiceRequest Appointment AppointmentResponse Task",
    "ImagingStudy.series.specimen": "Specimen",
    "ImagingStudy.subject": "Patient Device Group",
    "Observation.basedOn": "CarePlan DeviceRequest ImmunizationRecommendation MedicationRequest NutritionOrder "
    "ServiceRequest",
    "Observation.derivedFrom": "DocumentReference ImagingStudy Media QuestionnaireResponse Observation "
    "MolecularSequence",
    "Observation.device": "Device DeviceMetric",
    "Observation.hasMember": "Observation QuestionnaireResponse MolecularSequence",
    "Observation.performer": f"{PEOPLE} CareTeam",
    "Observation.specimen": "Specimen",
    "Observation.subject": SUBJECTS,
    "Provenance.agent.onBehalfOf": f"{PEOPLE} Device",
    "Provenance.agent.who": f"{PEOPLE} Device",
    "Provenance.entity.what": "*",
    "Provenance.target": "*",
    "Specimen.subject": f"{SUBJECTS} Substance",
}
_TARGETS_OF_R5: Final = {
    "DiagnosticReport.study": "GenomicStudy ImagingStudy",
    "ImagingSelection.derivedFrom": "ImagingStudy DocumentReference",
    "ImagingSelection.subject": "Patient Group Device Location Organization Procedure Practitioner Medication "
    "Substance Specimen",
    "Observation.derivedFrom": "DocumentReference ImagingStudy ImagingSelection QuestionnaireResponse Observation "
    "MolecularSequence GenomicStudy",
    "Observation.device": "Device DeviceMetric",
    "Specimen.container.device": "Device",
}

_CODES: Final = {
    "Bundle.entry.request.method": "GET HEAD POST PUT DELETE PATCH",
    "Bundle.type": "document message transaction transaction-response batch batch-response history searchset "
    "collection",
    "Composition.attester.mode": "personal professional legal official",
    "Composition.relatesTo.code": "replaces transforms signs appends",
    "Composition.status": "preliminary final amended entered-in-error",
    "Device.deviceName.type": "udi-label-name user-friendly-name patient-reported-name manufacturer-name model-name "
    "other",
    "Device.status": "active inactive entered-in-error unknown",
    "DiagnosticReport.status": "registered partial preliminary final amended corrected appended cancelled "
    "entered-in-error unknown",
    "DocumentReference.docStatus": "preliminary final amended entered-in-error",
    "DocumentReference.status": "current superseded entered-in-error",
    "ImagingStudy.status": "registered available cancelled entered-in-error unknown",
    "Narrative.status": "generated extensions additional empty",
    "Observation.status": "registered preliminary final amended corrected cancelled entered-in-error unknown",
    "Provenance.entity.role": "derivation revision quotation source removal",
}
_CODES_OF_R5: Final = {
    "Device.name.type": "registered-name user-friendly-name patient-reported-name",
    "ImagingSelection.status": "available entered-in-error unknown",
    "Provenance.entity.role": "revision quotation source instantiates removal",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """Of one version of FHIR.

    Attributes:
        targets: kinds of resources that a reference at a path may point at.
        codes: that a path may hold.
    """

    targets: Mapping[str, frozenset[str]]
    codes: Mapping[str, frozenset[str]]


def _sets(table: Mapping[str, str]) -> Mapping[str, frozenset[str]]:
    return MappingProxyType({path: frozenset(words.split()) for path, words in table.items()})


R4: Final = Rules(_sets(_TARGETS), _sets(_CODES))
R5: Final = Rules(_sets(_TARGETS | _TARGETS_OF_R5), _sets(_CODES | _CODES_OF_R5))
