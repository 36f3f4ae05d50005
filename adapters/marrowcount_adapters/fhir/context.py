"""What all resources of a bundle share: whose marrow, which order, specimen, images, device, times."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.device import Device, DeviceDeviceName, DeviceVersion
from fhir.resources.R4B.documentreference import DocumentReference, DocumentReferenceContent
from fhir.resources.R4B.identifier import Identifier
from fhir.resources.R4B.imagingstudy import ImagingStudy, ImagingStudySeries, ImagingStudySeriesInstance
from fhir.resources.R4B.reference import Reference
from fhir.resources.R4B.specimen import Specimen, SpecimenContainer

from marrowcount import __version__
from marrowcount.cytology.concepts import BONE_MARROW_ASPIRATE
from marrowcount.errors import DeliveryRefusedError
from marrowcount.result import RESEARCH_USE_ONLY
from marrowcount.workflow.identity import MANUFACTURER, NAMESPACE, PRODUCT, device_uuid
from marrowcount_adapters.fhir.ai_transparency import AI_DEVICE, MARKDOWN_CARD, MODEL_CARD, model_card
from marrowcount_adapters.fhir.elements import (
    attachment,
    concept,
    note,
    reference,
    term,
    uid_identifier,
    uuid_identifier,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from marrowcount.result import ModelIdentity, SlideContext
    from marrowcount.review import Practitioner, Report
    from marrowcount_adapters.fhir.settings import FhirSettings

__all__ = ["Card", "Shared", "card_document", "device", "imaging_study", "person", "shared", "specimen"]

SLIDE_MICROSCOPY: Final = Coding(
    system="http://dicom.nema.org/resources/ontology/DCM", code="SM", display="Slide Microscopy"
)


@dataclass(frozen=True, slots=True)
class Card:
    """The card of a model that looked at the slide."""

    uuid: UUID
    model: ModelIdentity
    text: bytes


@dataclass(frozen=True, slots=True)
class Shared:
    """References and times that every observation and the report repeat.

    Attributes:
        order: the request by its accession number; None where the header gives none.
        person: who answers for the figures; None where nobody does.
        cards: the model's card of each model that has one.
        effective: when the slide was acquired; None where the header does not say.
        issued: when this version was released.
    """

    subject: Reference
    order: Reference | None
    performer: Reference
    person: Reference | None
    specimen: UUID
    study: UUID
    device: UUID
    cards: tuple[Card, ...]
    effective: datetime | None
    issued: datetime

    @property
    def performers(self) -> list[Reference]:
        """Who answers for the figures: the laboratory, and the person where there is one."""
        return [self.performer, *([self.person] if self.person else [])]


def shared(report: Report, settings: FhirSettings) -> Shared:
    """Gather what all resources repeat.

    Raises:
        DeliveryRefusedError: ``missing-patient-id`` or ``unmapped-patient-issuer``: whose result it is cannot be said.
    """
    context, zone = report.context, ZoneInfo(settings.timezone)
    return Shared(
        subject=_patient(context, settings),
        order=_order(context, settings),
        performer=Reference(type="Organization", display=settings.organisation),
        person=person(report.verifier.by) if report.verifier else None,
        specimen=_specimen_uuid(context),
        study=uuid5(NAMESPACE, f"study|{context.study_uid}"),
        device=device_uuid(report.models),
        cards=tuple(_cards(report.models, settings.model_cards)),
        effective=_zoned(context.acquired, zone) if context.acquired else None,
        issued=_zoned(report.issued, zone),
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


def person(someone: Practitioner) -> Reference:
    """By logical identifier and name; the node never creates a practitioner."""
    number = Identifier(system=someone.system, value=someone.number)
    return Reference(type="Practitioner", identifier=number, display=someone.name)


def _cards(models: Iterable[ModelIdentity], texts: Mapping[str, bytes]) -> Iterator[Card]:
    """A card that was written anew is another document."""
    for model in models:
        text = texts.get(model.sha256)
        if text:
            digest = hashlib.sha256(text).hexdigest()
            yield Card(uuid5(NAMESPACE, f"model-card|{model.sha256}|{digest}"), model, text)


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


def specimen(report: Report, about: Shared, settings: FhirSettings) -> Specimen:
    """The smear on the slide."""
    own = report.context.specimen
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
        accessionIdentifier=_accession(report.context, settings),
        type=concept(BONE_MARROW_ASPIRATE),
        subject=about.subject,
        container=[container],
    )


def imaging_study(report: Report, about: Shared) -> ImagingStudy:
    """The study that holds the slide, with the slide's series."""
    context = report.context
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


def device(report: Report, about: Shared) -> Device:
    """The software with its models; another model is another device."""
    weights = [
        DeviceVersion(
            type=CodeableConcept(text=f"{model.task.value} model {model.name} {model.version}, SHA-256 of weights"),
            value=model.sha256,
        )
        for model in report.models
    ]
    return Device(
        extension=[model_card(card.uuid) for card in about.cards] or None,
        identifier=[uuid_identifier(about.device)],
        status="active",
        manufacturer=MANUFACTURER,
        deviceName=[DeviceDeviceName(name=PRODUCT, type="model-name")],
        type=AI_DEVICE,
        version=[DeviceVersion(type=CodeableConcept(text=PRODUCT), value=__version__), *weights],
        note=[note(RESEARCH_USE_ONLY)],
    )


def card_document(card: Card) -> DocumentReference:
    """A model's card as a document: what the model is for, what it was trained on, what was measured of it."""
    name = f"Model card of {card.model.name} {card.model.version}"
    return DocumentReference(
        identifier=[uuid_identifier(card.uuid)],
        status="current",
        type=MODEL_CARD,
        category=[MARKDOWN_CARD],
        description=name,
        content=[DocumentReferenceContent(attachment=attachment(card.text, "text/markdown", name))],
    )
