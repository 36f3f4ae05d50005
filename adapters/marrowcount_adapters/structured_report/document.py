"""What all documents made of a count have in common: who observed, which specimen, and the instance around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from highdicom.sr import (
    CodedConcept,
    Comprehensive3DSR,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    ObservationContext,
    ObserverContext,
    SubjectContext,
    SubjectContextSpecimen,
)
from pydicom.dataset import Dataset

from marrowcount.cytology.concepts import DIFFERENTIAL_PANEL
from marrowcount.workflow.identity import (
    MANUFACTURER,
    PRODUCT,
    ResultSeries,
    device_uid,
    device_uuid,
    report_uid,
    series_description,
    slide_uuid,
    software_versions,
    uid_of,
)
from marrowcount_adapters.structured_report.items import coded
from marrowcount_adapters.structured_report.signing import date_signed, observers, organisation, person_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from highdicom.sr import MeasurementReport

    from marrowcount.result import SlideContext
    from marrowcount.review import Report

__all__ = ["IMAGING_PROCEDURE", "DocumentKind", "document", "image_of", "observation_context", "take_over"]

DEVICE: Final = ("121007", "DCM", "Device")
SPECIMEN: Final = ("121027", "DCM", "Specimen")
IMAGING_PROCEDURE: Final = ("363679005", "SCT", "Imaging procedure")
"""The one code of CID 100 that fits; the panel's code stands as performed procedure."""

IMAGE_ATTRIBUTES: Final = (
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPClassUID",
    "Modality",
    "FrameOfReferenceUID",
    "Rows",
    "Columns",
)
"""What the image library says of the slide (TID 1602)."""


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """Which document of a count it is.

    Attributes:
        part: of the result, by which its UID is made.
        iod: what encodes it.
    """

    part: str
    series: ResultSeries
    iod: type[ComprehensiveSR | Comprehensive3DSR]


def image_of(source: Dataset, base_instance_uid: str) -> Dataset:
    """The slide as the report refers to it: of a concatenation the source, never a member (PS3.3 C.37.1.2)."""
    image = Dataset()
    for keyword in IMAGE_ATTRIBUTES:
        if keyword in source:
            setattr(image, keyword, source[keyword].value)
    image.SOPInstanceUID = base_instance_uid
    return image


def observation_context(report: Report) -> ObservationContext:
    """This software as observer, who signed the report as another, the specimen as the subject (TID 1001)."""
    result = report.result
    device = DeviceObserverIdentifyingAttributes(
        uid=device_uid(result.models),
        name=PRODUCT,
        manufacturer_name=MANUFACTURER,
        model_name=", ".join(software_versions(result.models)),
        serial_number=str(device_uuid(result.models)),
    )
    return ObservationContext(
        observer_person_context=observers(report),
        observer_device_context=ObserverContext(CodedConcept(*DEVICE), device),
        subject_context=SubjectContext(CodedConcept(*SPECIMEN), _specimen(result.context)),
    )


def _specimen(context: SlideContext) -> SubjectContextSpecimen:
    """The specimen (TID 1009); its UID is mandatory there, so one is made of the slide where the scanner gave none."""
    specimen = context.specimen
    return SubjectContextSpecimen(
        uid=specimen.specimen_uid or uid_of(slide_uuid(context, "specimen")),
        identifier=specimen.specimen_identifier or None,
        container_identifier=specimen.container_identifier or None,
    )


def document(
    report: Report,
    content: MeasurementReport,
    evidence: Sequence[Dataset],
    kind: DocumentKind,
    superseded: Sequence[Dataset] = (),
) -> Dataset:
    """The document around a content tree; it names the earlier ones that it takes the place of.

    Unverified and preliminary, unless a person signed it: then it says who, is final, and has a series of its own.

    Args:
        report: of which it is a document.
        content: the content tree.
        evidence: what it refers to, an annotation instance first, from which patient, study and times are taken over.
        kind: which document it is.
        superseded: headers of earlier documents of the same kind, the same one left out.
    """
    uid, signature = report_uid(report, kind.part), report.verifier
    earlier = [each for each in superseded if each.SOPInstanceUID != uid]
    dataset = kind.iod(
        evidence=evidence,
        content=content,
        series_instance_uid=report_uid(report, kind.series.part),
        series_number=kind.series.number,
        series_description=series_description(kind.series, report),
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=PRODUCT,
        device_serial_number=str(device_uuid(report.result.models)),
        is_complete=True,
        is_final=signature is not None,
        is_verified=signature is not None,
        verifying_observer_name=None if signature is None else person_name(signature.by),
        verifying_organization=None if signature is None else organisation(signature.by),
        specific_character_set="ISO_IR 192",
        performed_procedure_codes=[coded(DIFFERENTIAL_PANEL)],
        previous_versions=earlier or None,
    )
    take_over(dataset, evidence[0])
    if signature is not None:
        date_signed(dataset, signature)
    return dataset


def take_over(dataset: Dataset, annotation: Dataset) -> None:
    """What the annotations say already: software, times and their zone, coding schemes, contributing equipment."""
    for keyword in (
        "SoftwareVersions",
        "InstanceCreationDate",
        "InstanceCreationTime",
        "SeriesDate",
        "SeriesTime",
        "ContentDate",
        "ContentTime",
        "TimezoneOffsetFromUTC",
        "CodingSchemeIdentificationSequence",
        "ContributingEquipmentSequence",
    ):
        if keyword in annotation:
            dataset[keyword] = annotation[keyword]
