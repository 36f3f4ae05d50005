"""The report as a DICOM document: the same bytes, the patient's and the study's, unverified, without error."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from marrowcount.review import counted
from marrowcount.workflow.identity import DOCUMENT_SERIES, result_uid
from marrowcount.workflow.illustrate import Illustrations
from marrowcount_adapters.annotations import encode_cells, encode_roi
from marrowcount_adapters.encapsulated_pdf import encode_document
from marrowcount_adapters.report_document import draw_report
from marrowcount_adapters.structured_report import encode_differential

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult

PDF = b"%PDF-1.4 of an odd length"


def evidence_of(result: CountResult, source: Dataset) -> Sequence[Dataset]:
    cells, roi = encode_cells(result, source), encode_roi(result, source)
    return cells, roi, encode_differential(counted(result), source, [cells, roi])


def document_of(result: CountResult, source: Dataset, pdf: bytes = PDF) -> pydicom.Dataset:
    """Encoded, written, read."""
    file = BytesIO()
    encode_document(counted(result), pdf, evidence_of(result, source)).save_as(file, enforce_file_format=True)
    file.seek(0)
    return pydicom.dcmread(file)


@pytest.fixture
def document(result: CountResult, source: Dataset) -> pydicom.Dataset:
    return document_of(result, source)


def bare(source: Dataset) -> Dataset:
    """As converters write it: without specimen, zone and accession."""
    for keyword in ("ContainerIdentifier", "SpecimenDescriptionSequence", "TimezoneOffsetFromUTC", "AccessionNumber"):
        delattr(source, keyword)
    return source


@pytest.mark.parametrize("pdf", [PDF, PDF + b"!"], ids=["odd", "even"])
def test_the_pdf_comes_out_as_it_went_in(result: CountResult, source: Dataset, pdf: bytes) -> None:
    """Whatever its length: the length is told, and the padding is one zero at most."""
    document = document_of(result, source, pdf)
    assert document.EncapsulatedDocument[: document.EncapsulatedDocumentLength] == pdf
    assert document.EncapsulatedDocument[len(pdf) :] in {b"", b"\0"}
    assert document.MIMETypeOfEncapsulatedDocument == "application/pdf"


def test_validator_finds_no_error(
    result: CountResult, source_of: Callable[..., Dataset], tmp_path: Path, dicom_errors: Callable[..., list[str]]
) -> None:
    """dciodvfy finds no error, whether the source says much or little."""
    pdf = draw_report(counted(result), Illustrations((), None))
    for number, source in enumerate((source_of(), bare(source_of()))):
        path = tmp_path / f"{number}.dcm"
        document_of(result, source, pdf).save_as(path, enforce_file_format=True)
        assert dicom_errors("dciodvfy", "-new", "-filename", str(path)) == []


def test_it_agrees_with_slide_annotations_and_report(
    result: CountResult, source_of: Callable[..., Dataset], tmp_path: Path, dicom_errors: Callable[..., list[str]]
) -> None:
    """dcentvfy finds patient, study and equipment consistent over all instances."""
    source = source_of("ISO_IR 192")
    evidence = evidence_of(result, source)
    paths = [str(tmp_path / f"{number}.dcm") for number in range(5)]
    for path, dataset in zip(paths, (source, *evidence, encode_document(counted(result), PDF, evidence)), strict=True):
        dataset.save_as(path, enforce_file_format=True)
    assert dicom_errors("dcentvfy", *paths) == []


def test_it_says_what_it_is(document: Dataset) -> None:
    """A bone marrow report by software that nobody verified, in a series of its own that a work list can show."""
    assert document.SOPClassUID == EncapsulatedPDFStorage
    assert document.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (document.Modality, document.SeriesNumber) == ("DOC", 9903)
    assert document.SeriesDescription == DOCUMENT_SERIES.description
    assert {"preliminary", "research use only"} <= set(DOCUMENT_SERIES.description.split(", "))
    assert document.ConceptNameCodeSequence[0].CodeValue == "48807-2"
    assert (document.VerificationFlag, document.BurnedInAnnotation) == ("UNVERIFIED", "YES")
    assert document.ConversionType == "WSD"
    assert "preliminary" in document.DocumentTitle


def test_it_belongs_to_the_slides_patient_and_study(document: Dataset, source: Dataset) -> None:
    """Patient, study, accession and specimen as the slide has them, in any script; times as the annotations have."""
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "AccessionNumber", "ContainerIdentifier"):
        assert document[keyword].value == source[keyword].value
    assert document.SpecimenDescriptionSequence[0].SpecimenUID == source.SpecimenDescriptionSequence[0].SpecimenUID
    assert document.SpecificCharacterSet == "ISO_IR 192"
    assert (document.ContentDate, document.ContentTime) == ("20261001", "115930.250000")
    assert document.TimezoneOffsetFromUTC == "+0200"
    assert document.AcquisitionDateTime == "20260930090000.000000+0200"


def test_it_names_what_it_was_made_of(document: Dataset, result: CountResult, source: Dataset) -> None:
    """The slide first, then the instances of the same count."""
    named = [item.ReferencedSOPInstanceUID for item in document.SourceInstanceSequence]
    assert named == [result.context.base_instance_uid, *(one.SOPInstanceUID for one in evidence_of(result, source))]


def test_the_same_count_gives_the_same_instance(document: Dataset, result: CountResult, source: Dataset) -> None:
    """A repeated delivery is recognised as such, and no other part of the result has its UIDs."""
    assert document == document_of(result, source)
    assert document.SOPInstanceUID == result_uid(result, "document")
    others = evidence_of(result, source)
    assert document.SOPInstanceUID not in {one.SOPInstanceUID for one in others}
    assert document.SeriesInstanceUID not in {one.SeriesInstanceUID for one in others}
