"""C-FIND of the Study Root Query/Retrieve Information Model (PS3.4 Annex C): identifiers, and what answers say.

Relational queries are not assumed: every level is asked with the unique keys of those above it (PS3.4 C.4.1.2.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydicom.dataset import Dataset
from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from marrowcount.ports import FoundStudy, ListedInstance, ListedSeries

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from marrowcount.ports import WantedStudy

__all__ = [
    "decode_study",
    "instance_query",
    "listed_slide",
    "retrieve_identifier",
    "series_query",
    "slide_series",
    "study_query",
]

SLIDE_MODALITY: Final = "SM"

STUDY_KEYS: Final = (
    "StudyInstanceUID",
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "AccessionNumber",
    "StudyDate",
    "StudyDescription",
    "ModalitiesInStudy",
)


def study_query(wanted: WantedStudy) -> Dataset:
    """Studies that match."""
    values = {
        "PatientID": wanted.patient_id,
        "IssuerOfPatientID": wanted.issuer,
        "AccessionNumber": wanted.accession_number,
        "StudyInstanceUID": wanted.study_uid,
    }
    query = _level("STUDY")
    if not all(value.isascii() for value in values.values()):
        query.SpecificCharacterSet = "ISO_IR 192"
    for key in STUDY_KEYS:
        setattr(query, key, values.get(key, ""))
    return query


def series_query(study_uid: str, series_uid: str = "") -> Dataset:
    """The slide series of a study."""
    query = _level("SERIES")
    query.StudyInstanceUID, query.SeriesInstanceUID = study_uid, series_uid
    query.Modality, query.NumberOfSeriesRelatedInstances = SLIDE_MODALITY, None
    return query


def instance_query(study_uid: str, series_uid: str) -> Dataset:
    """The instances of a series."""
    query = _level("IMAGE")
    query.StudyInstanceUID, query.SeriesInstanceUID = study_uid, series_uid
    query.SOPInstanceUID, query.SOPClassUID, query.InstanceNumber = "", "", None
    return query


def retrieve_identifier(slide: ListedSeries, sop_instance_uid: str = "") -> Dataset:
    """What C-MOVE and C-GET shall bring: the whole series, or one instance (PS3.4 C.4.2.1.4)."""
    identifier = _level("IMAGE" if sop_instance_uid else "SERIES")
    identifier.StudyInstanceUID, identifier.SeriesInstanceUID = slide.study_uid, slide.series_uid
    if sop_instance_uid:
        identifier.SOPInstanceUID = sop_instance_uid
    return identifier


def decode_study(answer: Dataset) -> FoundStudy:
    """A study as the archive describes it."""
    return FoundStudy(
        study_uid=_text(answer, "StudyInstanceUID"),
        patient_id=_text(answer, "PatientID"),
        issuer=_text(answer, "IssuerOfPatientID"),
        patient_name=_text(answer, "PatientName"),
        accession_number=_text(answer, "AccessionNumber"),
        study_date=_text(answer, "StudyDate"),
        description=_text(answer, "StudyDescription"),
        modalities=_values(answer, "ModalitiesInStudy"),
    )


def slide_series(answers: Iterable[Dataset], series_uid: str = "") -> dict[str, int | None]:
    """Series that may hold a slide, with their number of instances; None where the archive does not count."""
    return {
        _text(answer, "SeriesInstanceUID"): _count(answer)
        for answer in answers
        if _text(answer, "Modality") in {"", SLIDE_MODALITY}
        and series_uid in {"", _text(answer, "SeriesInstanceUID")}
        and _text(answer, "SeriesInstanceUID")
    }


def listed_slide(study_uid: str, series_uid: str, counted: int | None, answers: Sequence[Dataset]) -> ListedSeries:
    """The slide images among the instances of a series; SOP Class UID is an optional key, so it may be unsaid."""
    named = {_text(answer, "SOPInstanceUID"): _text(answer, "SOPClassUID") for answer in answers}
    named.pop("", None)
    slide_class = str(VLWholeSlideMicroscopyImageStorage)
    images = tuple(ListedInstance(slide_class, uid) for uid, sop in named.items() if sop in {"", slide_class})
    return ListedSeries(study_uid, series_uid, images, max(0, (counted or 0) - len(named)), counted)


def _level(level: str) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = level
    return query


def _text(answer: Dataset, keyword: str) -> str:
    value = answer.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def _values(answer: Dataset, keyword: str) -> tuple[str, ...]:
    value = answer.get(keyword)
    if not value:
        return ()
    return (value,) if isinstance(value, str) else tuple(str(item) for item in value)


def _count(answer: Dataset) -> int | None:
    text = _text(answer, "NumberOfSeriesRelatedInstances")
    return int(text) if text.isdecimal() else None
