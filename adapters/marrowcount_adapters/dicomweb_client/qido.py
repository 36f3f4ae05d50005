"""QIDO-RS (PS3.18 section 10.6): what to ask, and what the DICOM JSON answers say (PS3.18 Annex F)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from marrowcount.ports import FoundStudy, ListedInstance, ListedSeries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marrowcount.ports import WantedStudy

__all__ = [
    "JsonDataset",
    "decode_study",
    "instance_uid",
    "listed_slide",
    "series_keys",
    "slide_series",
    "study_keys",
]

JsonDataset: TypeAlias = "Mapping[str, Any]"

UID_FORM: Final = re.compile(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)+")
"""PS3.5 section 9.1."""

WSM: Final = "1.2.840.10008.5.1.4.1.1.77.1.6"
SLIDE_MODALITY: Final = "SM"

SOP_CLASS_UID: Final = "00080016"
SOP_INSTANCE_UID: Final = "00080018"
STUDY_DATE: Final = "00080020"
ACCESSION_NUMBER: Final = "00080050"
MODALITY: Final = "00080060"
MODALITIES_IN_STUDY: Final = "00080061"
STUDY_DESCRIPTION: Final = "00081030"
PATIENT_NAME: Final = "00100010"
PATIENT_ID: Final = "00100020"
ISSUER: Final = "00100021"
STUDY_UID: Final = "0020000D"
SERIES_UID: Final = "0020000E"
SERIES_INSTANCES: Final = "00201209"


def study_keys(wanted: WantedStudy) -> dict[str, str]:
    """Query parameters for studies that match."""
    asked = {
        "PatientID": wanted.patient_id,
        "IssuerOfPatientID": wanted.issuer,
        "AccessionNumber": wanted.accession_number,
        "StudyInstanceUID": wanted.study_uid,
    }
    included = f"{ISSUER},{STUDY_DESCRIPTION}"
    return {key: value for key, value in asked.items() if value} | {"includefield": included}


def series_keys(series_uid: str) -> dict[str, str]:
    """Query parameters for the slide series of a study."""
    named = {"SeriesInstanceUID": series_uid} if series_uid else {}
    return {"Modality": SLIDE_MODALITY, "includefield": SERIES_INSTANCES, **named}


def decode_study(answer: JsonDataset) -> FoundStudy:
    """A study as the archive describes it."""
    return FoundStudy(
        study_uid=_uid(answer, STUDY_UID),
        patient_id=_text(answer, PATIENT_ID),
        issuer=_text(answer, ISSUER),
        patient_name=_text(answer, PATIENT_NAME),
        accession_number=_text(answer, ACCESSION_NUMBER),
        study_date=_text(answer, STUDY_DATE),
        description=_text(answer, STUDY_DESCRIPTION),
        modalities=tuple(str(value) for value in _values(answer, MODALITIES_IN_STUDY)),
    )


def slide_series(answers: Sequence[JsonDataset], series_uid: str) -> dict[str, int | None]:
    """Series that may hold a slide, with their number of instances; None where the archive does not count."""
    return {
        _uid(answer, SERIES_UID): _count(answer)
        for answer in answers
        if _text(answer, MODALITY) in {"", SLIDE_MODALITY}
        and _uid(answer, SERIES_UID)
        and series_uid in {"", _uid(answer, SERIES_UID)}
    }


def listed_slide(study_uid: str, series_uid: str, counted: int | None, answers: Sequence[JsonDataset]) -> ListedSeries:
    """The slide images among the instances of a series; one whose class is not said is taken for one."""
    named = {instance_uid(answer): _text(answer, SOP_CLASS_UID) for answer in answers}
    named.pop("", None)
    images = tuple(ListedInstance(WSM, uid) for uid, sop_class in named.items() if sop_class in {"", WSM})
    return ListedSeries(study_uid, series_uid, images, max(0, (counted or 0) - len(named)), counted)


def instance_uid(answer: JsonDataset) -> str:
    """SOP Instance UID; empty where the answer lacks it."""
    return _uid(answer, SOP_INSTANCE_UID)


def _uid(answer: JsonDataset, tag: str) -> str:
    """Identifiers become parts of URLs, so what is no UID is left out."""
    value = _text(answer, tag)
    return value if UID_FORM.fullmatch(value) else ""


def _values(answer: JsonDataset, tag: str) -> list[Any]:
    element = answer.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _text(answer: JsonDataset, tag: str) -> str:
    """The first value; of a person's name the alphabetic form (PS3.18 F.2.2)."""
    value = next(iter(_values(answer, tag)), None)
    if isinstance(value, dict):
        value = value.get("Alphabetic")
    return "" if value is None else str(value).strip(" \0")


def _count(answer: JsonDataset) -> int | None:
    text = _text(answer, SERIES_INSTANCES)
    return int(text) if text.isdecimal() else None
