"""Whose instance a file holds, for the audit trail alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_partial

from marrowcount.errors import InstanceError
from marrowcount.ports.audit import Subject
from marrowcount.workflow.auditing import SubjectOf
from marrowcount_adapters.wsi.values import DATA_ERRNOS, PARSER_ERRORS

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

__all__ = ["read_subject"]

SUBJECT_TAGS: Final = (
    0x00080016,  # SOP Class UID
    0x00080050,  # Accession Number
    0x00100010,  # Patient's Name
    0x00100020,  # Patient ID
    0x00100021,  # Issuer of Patient ID
    0x0020000D,  # Study Instance UID
    0x00080005,  # Specific Character Set, in which the name is written
)
LAST_TAG: Final = max(SUBJECT_TAGS)


def read_subject(path: Path) -> SubjectOf:
    """What an audit message says of the instance in a file; reading ends right behind it.

    Raises:
        InstanceError: ``not-dicom``.
        OSError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _subject(read_partial(file, _behind, specific_tags=list(SUBJECT_TAGS)))
    except (InvalidDicomError, *PARSER_ERRORS):
        raise InstanceError("not-dicom", "The file is not DICOM, or its header is damaged.") from None
    except OSError as error:
        if error.errno in DATA_ERRNOS:
            raise InstanceError("not-dicom", "The file is not DICOM, or its header is damaged.") from None
        raise


def _behind(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) > LAST_TAG


def _subject(dataset: Dataset) -> SubjectOf:
    identifier, issuer = _text(dataset, "PatientID"), _text(dataset, "IssuerOfPatientID")
    subject = Subject(
        patient_id=f"{identifier}^^^{issuer}" if issuer else identifier,
        patient_name=_text(dataset, "PatientName"),
        study_uid=_text(dataset, "StudyInstanceUID"),
        accession_number=_text(dataset, "AccessionNumber"),
    )
    return SubjectOf(subject, _text(dataset, "SOPClassUID"))


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip(" \0")
