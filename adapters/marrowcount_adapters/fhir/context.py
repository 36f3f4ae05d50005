"""What all resources of a bundle share: whose marrow, which order, specimen, images, device, times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from fhir.resources.R4B.annotation import Annotation
from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.device import Device, DeviceDeviceName, DeviceVersion
from fhir.resources.R4B.identifier import Identifier
from fhir.resources.R4B.imagingstudy import ImagingStudy, ImagingStudySeries, ImagingStudySeriesInstance
from fhir.resources.R4B.reference import Reference
from fhir.resources.R4B.specimen import Specimen, SpecimenContainer

from marrowcount import __version__
from marrowcount.cytology.concepts import BONE_MARROW_ASPIRATE
from marrowcount.errors import DeliveryRefusedError
from marrowcount.result import RESEARCH_USE_ONLY
from marrowcount.workflow.identity import MANUFACTURER, NAMESPACE, PRODUCT, device_uuid
from marrowcount_adapters.fhir.elements import concept, reference, term, uid_identifier, uuid_identifier

if TYPE_CHECKING:
    from datetime import datetime

    from marrowcount.result import CountResult, SlideContext
    from marrowcount_adapters.fhir.settings import FhirSettings

__all__ = ["Shared", "device", "imaging_study", "shared", "specimen"]

SLIDE_MICROSCOPY: Final = Coding(
    system="http://dicom.nema.org/resources/ontology/DCM", code="SM", display="Slide Microscopy"
)
AI_DEVICE: Final = Coding(
    system="http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS",
    code="Artificial-Intelligence",
    display="Artificial Intelligence",
)


@dataclass(frozen=True, slots=True)
class Shared:
    """References and times that every observation and the report repeat.

    Attributes:
        order: the request by its accession number; None where the header gives none.
        effective: when the slide was acquired; None where the header does not say.
        issued: when the result was released.
    """

    subject: Reference
    order: Reference | None
    performer: Reference
    specimen: UUID
    study: UUID
    device: UUID
    effective: datetime | None
    issued: datetime


def shared(result: CountResult, settings: FhirSettings) -> Shared:
    """Gather what all resources repeat.

    Raises:
        DeliveryRefusedError: ``missing-patient-id`` or ``unmapped-patient-issuer``: whose result it is cannot be said.
    """
    context, zone = result.context, ZoneInfo(settings.timezone)
    return Shared(
        subject=_patient(context, settings),
        order=_order(context, settings),
        performer=Reference(type="Organization", display=settings.organisation),
        specimen=_specimen_uuid(context),
        study=uuid5(NAMESPACE, f"study|{context.study_uid}"),
        device=device_uuid(result),
        effective=_zoned(context.acquired, zone) if context.acquired else None,
        issued=_zoned(result.counted_at, zone),
    )


def _zoned(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _patient(context: SlideContext, settings: FhirSettings) -> Reference:
    """By logical identifier; the node never creates a patient and never guesses whose number it is."""
    system = context.patient_id_system or settings.patient_id_systems.get(context.patient_id_issuer)
    if not settings.hold_unidentified and not (system and context.patient_id):
        return Reference(type="Patient", display="not identified: see the slide's header")
    if not context.patient_id:
        raise DeliveryRefusedError(
            "missing-patient-id", "The slide's header holds no Patient ID (0010,0020); send the slide anew with one."
        )
    if not system:
        raise DeliveryRefusedError(
            "unmapped-patient-issuer",
            f"Issuer of Patient ID {context.patient_id_issuer!r} stands for no identifier system; "
            "name its URI in the setting patient_id_systems.",
        )
    number = term("v2-0203", "MR", "Medical record number")
    return Reference(type="Patient", identifier=Identifier(type=number, system=system, value=context.patient_id))


def _order(context: SlideContext, settings: FhirSettings) -> Reference | None:
    accession = _accession(context, settings)
    return Reference(type="ServiceRequest", identifier=accession) if accession else None


def _accession(context: SlideContext, settings: FhirSettings) -> Identifier | None:
    if not context.accession_number:
        return None
    return Identifier(
        type=term("v2-0203", "ACSN", "Accession ID"),
        system=settings.accession_systems.get(context.accession_issuer),
        value=context.accession_number,
    )


def _specimen_uuid(context: SlideContext) -> UUID:
    """A slide scanned twice is one specimen; without a container identifier each scan stands for its own."""
    own = context.specimen
    key = (own.container_issuer, own.container_identifier) if own.container_identifier else (context.series_uid,)
    return uuid5(NAMESPACE, "|".join(("specimen", context.study_uid, *key)))


def specimen(result: CountResult, about: Shared, settings: FhirSettings) -> Specimen:
    """The smear on the slide."""
    own = result.context.specimen
    identifiers = [uuid_identifier(about.specimen)]
    if own.specimen_uid:
        identifiers.append(uid_identifier(own.specimen_uid))
    if own.specimen_identifier:
        identifiers.append(Identifier(value=own.specimen_identifier))
    container = SpecimenContainer(
        identifier=[Identifier(value=own.container_identifier)] if own.container_identifier else None,
        description="Microscope slide",
    )
    return Specimen(
        identifier=identifiers,
        accessionIdentifier=_accession(result.context, settings),
        type=concept(BONE_MARROW_ASPIRATE),
        subject=about.subject,
        container=[container],
    )


def imaging_study(result: CountResult, about: Shared) -> ImagingStudy:
    """The study that holds the slide, with the slide's series."""
    context = result.context
    base = ImagingStudySeriesInstance(
        uid=context.base_instance_uid,
        sopClass=Coding(system="urn:ietf:rfc:3986", code=f"urn:oid:{context.base_sop_class_uid}"),
    )
    series = ImagingStudySeries(
        uid=context.series_uid, modality=SLIDE_MICROSCOPY, specimen=[reference(about.specimen)], instance=[base]
    )
    return ImagingStudy(
        identifier=[uid_identifier(context.study_uid)],
        status="available",
        modality=[SLIDE_MICROSCOPY],
        subject=about.subject,
        started=about.effective,
        basedOn=[about.order] if about.order else None,
        series=[series],
    )


def device(result: CountResult, about: Shared) -> Device:
    """The software with its models; another model is another device."""
    weights = [
        DeviceVersion(
            type=CodeableConcept(text=f"{model.task.value} model {model.name} {model.version}, SHA-256 of weights"),
            value=model.sha256,
        )
        for model in result.models
    ]
    return Device(
        identifier=[uuid_identifier(about.device)],
        status="active",
        manufacturer=MANUFACTURER,
        deviceName=[DeviceDeviceName(name=PRODUCT, type="model-name")],
        type=CodeableConcept(coding=[AI_DEVICE]),
        version=[DeviceVersion(type=CodeableConcept(text=PRODUCT), value=__version__), *weights],
        note=[Annotation(text=RESEARCH_USE_ONLY)],
    )
