"""Result to a Comprehensive SR that holds a measurement report (PS3.16 TID 1500).

Comprehensive SR and not Comprehensive 3D SR: the report holds no regions, those are in the annotations, and more
archives and viewers take the former.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from highdicom.sr import (
    CodedConcept,
    ComprehensiveSR,
    DeviceObserverIdentifyingAttributes,
    MeasurementReport,
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
    REPORT_SERIES,
    device_uid,
    device_uuid,
    result_uid,
    slide_uuid,
    software_versions,
    uid_of,
)
from marrowcount_adapters.structured_report.groups import measurement_groups
from marrowcount_adapters.structured_report.items import coded, empty_undefined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.result import CountResult, SlideContext

__all__ = ["encode_differential"]

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


def encode_differential(result: CountResult, source: Dataset, evidence: Sequence[Dataset]) -> Dataset:
    """The differential as a document: unverified, preliminary, for research use.

    Args:
        result: the count.
        source: header of an instance of the base level; pixels are not needed.
        evidence: the annotations of the cells, then of the tiles, as encoded from the same result and source; patient
            and study are taken over from them.
    """
    image = _image(source, result.context.base_instance_uid)
    report = MeasurementReport(
        observation_context=_observation_context(result),
        procedure_reported=CodedConcept(*IMAGING_PROCEDURE),
        imaging_measurements=measurement_groups(result, evidence),
        referenced_images=[image],
    )
    dataset = _document(result, report, [*evidence, image])
    _take_over(dataset, evidence[0])
    empty_undefined(dataset)
    return dataset


def _image(source: Dataset, base_instance_uid: str) -> Dataset:
    """The slide as the report refers to it: of a concatenation the source, never a member (PS3.3 C.37.1.2)."""
    image = Dataset()
    for keyword in IMAGE_ATTRIBUTES:
        if keyword in source:
            setattr(image, keyword, source[keyword].value)
    image.SOPInstanceUID = base_instance_uid
    return image


def _observation_context(result: CountResult) -> ObservationContext:
    device = DeviceObserverIdentifyingAttributes(
        uid=device_uid(result),
        name=PRODUCT,
        manufacturer_name=MANUFACTURER,
        model_name=", ".join(software_versions(result)),
        serial_number=str(device_uuid(result)),
    )
    return ObservationContext(
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


def _document(result: CountResult, report: MeasurementReport, evidence: Sequence[Dataset]) -> ComprehensiveSR:
    return ComprehensiveSR(
        evidence=evidence,
        content=report,
        series_instance_uid=result_uid(result, REPORT_SERIES.part),
        series_number=REPORT_SERIES.number,
        series_description=REPORT_SERIES.description,
        sop_instance_uid=result_uid(result, "differential"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=PRODUCT,
        device_serial_number=str(device_uuid(result)),
        is_complete=True,
        is_final=False,
        is_verified=False,
        specific_character_set="ISO_IR 192",
        performed_procedure_codes=[coded(DIFFERENTIAL_PANEL)],
    )


def _take_over(dataset: ComprehensiveSR, annotation: Dataset) -> None:
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
