"""A PDF report to an Encapsulated PDF instance (PS3.3 A.45.1), so that archives and viewers keep it with the slide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from marrowcount.cytology.concepts import MARROW_REPORT
from marrowcount.workflow.identity import DOCUMENT_SERIES, DOCUMENT_TITLE, result_uid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from marrowcount.cytology.cell_types import Code
    from marrowcount.result import CountResult

__all__ = ["encode_document"]

TAKEN_OVER: Final = (
    "SpecificCharacterSet",
    "InstanceCreationDate",
    "InstanceCreationTime",
    "StudyDate",
    "SeriesDate",
    "ContentDate",
    "StudyTime",
    "SeriesTime",
    "ContentTime",
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


def encode_document(result: CountResult, pdf: bytes, evidence: Sequence[Dataset]) -> Dataset:
    """The report as an instance, unverified, in a series of its own.

    Args:
        result: the count.
        pdf: the report, which shows the patient's identifiers.
        evidence: instances made of the same count, the annotations of the cells first; patient, study, equipment and
            specimen are taken over from that.
    """
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword in TAKEN_OVER:
        if keyword in evidence[0]:
            dataset[keyword] = evidence[0][keyword]
    dataset.SOPClassUID, dataset.SOPInstanceUID = EncapsulatedPDFStorage, result_uid(result, "document")
    _add_series(dataset, result)
    _add_document(dataset, result, pdf)
    dataset.SourceInstanceSequence = list(_sources(result, evidence))
    return dataset


def _add_series(dataset: Dataset, result: CountResult) -> None:
    """Encapsulated Document Series (PS3.3 C.24.1) and SC Equipment (C.8.6.1)."""
    dataset.Modality = "DOC"
    dataset.SeriesInstanceUID = result_uid(result, DOCUMENT_SERIES.part)
    dataset.SeriesNumber = DOCUMENT_SERIES.number
    dataset.SeriesDescription = DOCUMENT_SERIES.description
    dataset.ConversionType = "WSD"


def _add_document(dataset: Dataset, result: CountResult, pdf: bytes) -> None:
    """Encapsulated Document (PS3.3 C.24.2)."""
    dataset.InstanceNumber = 1
    acquired = result.context.acquired
    dataset.AcquisitionDateTime = f"{acquired:%Y%m%d%H%M%S.%f%z}" if acquired else ""
    dataset.BurnedInAnnotation = "YES"
    dataset.RecognizableVisualFeatures = "NO"
    dataset.VerificationFlag = "UNVERIFIED"
    dataset.DocumentTitle = DOCUMENT_TITLE
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
