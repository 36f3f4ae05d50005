"""Who and what a slide belongs to, as its header says."""

from __future__ import annotations

import re
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pydicom.valuerep import DT

from marrowcount.result import NameScript, Patient, PersonName, SlideContext, Specimen
from marrowcount.zones import zone_of_offset
from marrowcount_adapters.wsi.values import PARSER_ERRORS, first, text, uid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timezone

    from pydicom.dataset import Dataset

    from marrowcount.slides.instances import InstanceFacts

__all__ = ["context_of"]

DATE_FORM: Final = re.compile(r"[0-9]{8}")

SEXES: Final = frozenset({"M", "F", "O"})
"""Patient's Sex (0010,0040)."""

URI_PREFIXES: Final[Mapping[str, str]] = MappingProxyType({"ISO": "urn:oid:", "UUID": "urn:uuid:", "URI": ""})
"""Universal Entity ID Type (0040,0033) to the URI that such an id makes."""


def context_of(dataset: Dataset, facts: InstanceFacts) -> SlideContext:
    """Of an instance of the base level, whose facts were read.

    Raises:
        InstanceError: ``invalid-attribute``.
        Exception: of :data:`PARSER_ERRORS`; see :func:`~marrowcount_adapters.wsi.values.sound_values`.
    """
    return SlideContext(
        study_uid=facts.study_uid,
        series_uid=facts.series_uid,
        base_instance_uid=facts.image_uid,
        base_sop_class_uid=facts.sop_class_uid,
        frame_of_reference_uid=facts.frame_of_reference_uid or "",
        patient_id=text(dataset, "PatientID"),
        patient_id_issuer=text(dataset, "IssuerOfPatientID"),
        patient_id_system=_system(first(dataset, "IssuerOfPatientIDQualifiersSequence")),
        accession_number=text(dataset, "AccessionNumber"),
        accession_issuer=_issuer(dataset, "IssuerOfAccessionNumberSequence"),
        acquired=_acquired(dataset),
        specimen=_specimen(dataset),
        patient=_patient(dataset),
    )


def _patient(dataset: Dataset) -> Patient:
    """Who the header names; what is unreadable stays open, which is no reason not to count a slide."""
    sex = _lenient(dataset, "PatientSex")
    return Patient(_names(dataset), _birth_date(dataset), sex if sex in SEXES else "")


def _names(dataset: Dataset) -> tuple[PersonName, ...]:
    """Up to three component groups of up to five components each (PS3.5 6.2.1.2)."""
    groups = zip(NameScript, _lenient(dataset, "PatientName").split("="), strict=False)
    return tuple(_name(group, script) for script, group in groups if group.strip(" ^"))


def _name(group: str, script: NameScript) -> PersonName:
    family, given, middle, prefix, suffix = ([part.strip() for part in group.split("^")] + [""] * 5)[:5]
    return PersonName(family, given, middle, prefix, suffix, script)


def _birth_date(dataset: Dataset) -> date | None:
    """Whole dates only (PS3.5, VR DA): a day is not to be made up for a year."""
    said = _lenient(dataset, "PatientBirthDate")
    try:
        return date.fromisoformat(said) if DATE_FORM.fullmatch(said) else None
    except ValueError:
        return None


def _lenient(dataset: Dataset, keyword: str) -> str:
    try:
        return text(dataset, keyword)
    except PARSER_ERRORS:
        return ""


def _specimen(dataset: Dataset) -> Specimen:
    described = first(dataset, "SpecimenDescriptionSequence")
    return Specimen(
        container_identifier=text(dataset, "ContainerIdentifier"),
        container_issuer=_issuer(dataset, "IssuerOfTheContainerIdentifierSequence"),
        specimen_identifier=text(described, "SpecimenIdentifier") if described is not None else "",
        specimen_uid=(uid(described, "SpecimenUID") or "") if described is not None else "",
    )


def _issuer(dataset: Dataset, keyword: str) -> str:
    """The issuer's local name, else its universal one (HL7v2 Hierarchic Designator macro, PS3.3 10.17)."""
    designator = first(dataset, keyword)
    if designator is None:
        return ""
    return text(designator, "LocalNamespaceEntityID") or text(designator, "UniversalEntityID")


def _system(designator: Dataset | None) -> str:
    """The universal entity id as a URI; empty where its type makes none."""
    if designator is None:
        return ""
    entity = text(designator, "UniversalEntityID")
    prefix = URI_PREFIXES.get(text(designator, "UniversalEntityIDType"))
    return f"{prefix}{entity}" if entity and prefix is not None else ""


def _acquired(dataset: Dataset) -> datetime | None:
    zone = zone_of_offset(text(dataset, "TimezoneOffsetFromUTC"))
    study_date = text(dataset, "StudyDate")
    study = study_date + text(dataset, "StudyTime") if study_date else ""
    return _moment(text(dataset, "AcquisitionDateTime"), zone) or _moment(study, zone)


def _moment(said: str, zone: timezone | None) -> datetime | None:
    """A DT value, in its own zone or else the header's; None where it is no sound date."""
    try:
        moment = DT(said)
    except PARSER_ERRORS:
        return None
    if moment is None:
        return None
    return datetime.combine(moment.date(), moment.time(), moment.tzinfo or zone)
