"""A PDF report to an Encapsulated PDF instance (PS3.3 A.45.1), so that archives and viewers keep it with the slide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from marrowcount.cytology.concepts import MARROW_REPORT
from marrowcount.review.words import title
from marrowcount.workflow.identity import DOCUMENT_SERIES, report_uid, series_description

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from marrowcount.cytology.cell_types import Code
    from marrowcount.result import CountResult
    from marrowcount.review import Report

__all__ = ["encode_document"]

TAKEN_OVER: Final = (
    "SpecificCharacterSet",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "IssuerOfAccessionNumberSequence",
    "Manufacturer",
    "ReferringPhysicianName",
    "TimezoneOffsetFromUTC",
    "StudyDescription",
    "ManufacturerModelName",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "PatientBirthDate",
    "PatientSex",
    "DeviceSerialNumber",
    "SoftwareVersions",
    "ContributingEquipmentSequence",
    "StudyInstanceUID",
    "StudyID",
    "ContainerIdentifier",
    "IssuerOfTheContainerIdentifierSequence",
    "ContainerTypeCodeSequence",
    "SpecimenDescriptionSequence",
)
"""What the annotations of the same count say already: patient, study, times and their zone, equipment, specimen.

The Specimen module does not belong to this IOD; with it the instance is of a Standard Extended SOP Class (PS3.2), and a
laboratory can find the document by its slide.
"""


TIMES: Final = (
    "InstanceCreationDate",
    "InstanceCreationTime",
    "SeriesDate",
    "SeriesTime",
    "ContentDate",
    "ContentTime",
)
"""What a person who signs changes."""


def encode_document(report: Report, pdf: bytes, evidence: Sequence[Dataset]) -> Dataset:
    """The report as an instance, verified as far as the report is, in a series of its own.

    Args:
        report: on a count.
        pdf: the page, which shows the patient's identifiers.
        evidence: instances made of the same count, the annotations of the cells first, its document last; patient,
            study, equipment and specimen are taken over from the former, times from the latter.
    """
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword in TAKEN_OVER:
        if keyword in evidence[0]:
            dataset[keyword] = evidence[0][keyword]
    for keyword in TIMES:
        if keyword in evidence[-1]:
            dataset[keyword] = evidence[-1][keyword]
    dataset.SOPClassUID, dataset.SOPInstanceUID = EncapsulatedPDFStorage, report_uid(report, "document")
    _add_series(dataset, report)
    _add_document(dataset, report, pdf)
    dataset.SourceInstanceSequence = list(_sources(report.result, evidence))
    return dataset


def _add_series(dataset: Dataset, report: Report) -> None:
    """Encapsulated Document Series (PS3.3 C.24.1) and SC Equipment (C.8.6.1)."""
    dataset.Modality = "DOC"
    dataset.SeriesInstanceUID = report_uid(report, DOCUMENT_SERIES.part)
    dataset.SeriesNumber = DOCUMENT_SERIES.number
    dataset.SeriesDescription = series_description(DOCUMENT_SERIES, report)
    dataset.ConversionType = "WSD"


def _add_document(dataset: Dataset, report: Report, pdf: bytes) -> None:
    """Encapsulated Document (PS3.3 C.24.2)."""
    dataset.InstanceNumber = 1
    acquired = report.context.acquired
    dataset.AcquisitionDateTime = f"{acquired:%Y%m%d%H%M%S.%f%z}" if acquired else ""
    dataset.BurnedInAnnotation = "YES"
    dataset.RecognizableVisualFeatures = "NO"
    dataset.VerificationFlag = "UNVERIFIED" if report.verifier is None else "VERIFIED"
    dataset.DocumentTitle = title(report)
    dataset.ConceptNameCodeSequence = [_coded(MARROW_REPORT)]
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    dataset.EncapsulatedDocumentLength = len(pdf)


def _sources(result: CountResult, evidence: Sequence[Dataset]) -> Iterator[Dataset]:
    """The slide, and what was made of the count."""
    context = result.context
    yield _reference(context.base_sop_class_uid, context.base_instance_uid)
    for instance in evidence:
        yield _reference(instance.SOPClassUID, instance.SOPInstanceUID)


def _reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class_uid, sop_instance_uid
    return item


def _coded(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme, code.meaning
    return item
