"""Which study is meant, and what belongs to its slides: nothing is guessed, and what is heard is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.errors import PeerError, SettingsError
from marrowcount.slides.expectations import Expectation, ExpectationSource, ExpectedInstance
from marrowcount.workflow.expecting import expect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.ports import Archive, Clock, Expectations, FoundStudy, ListedSeries, WantedStudy

__all__ = ["find_studies_with_slides", "list_and_remember"]

SLIDE_MODALITY: Final = "SM"

MATCHING_SIGNS: Final = "*?\\"
"""Wildcards and the list separator (PS3.4 C.2.2.2.4, C.2.2.2.2): a pull names one patient, it does not search."""


def find_studies_with_slides(archive: Archive, wanted: WantedStudy) -> Sequence[FoundStudy]:
    """The studies that match and may hold a slide; which of several is meant, a person says.

    A study that says of its modalities that none is SM holds no slide; one that says nothing may.

    Raises:
        SettingsError: ``bad-query``, nothing is asked for, or a wildcard stands in it; nobody was asked.
        PeerError: ``no-study``, none does; or the archive failed.
    """
    _check(wanted)
    found = [study for study in archive.find_studies(wanted) if study.study_uid and _fits(study, wanted)]
    with_slides = (one for one in found if not one.modalities or SLIDE_MODALITY in one.modalities)
    candidates = {study.study_uid: study for study in with_slides}
    if not candidates:
        raise PeerError("no-study", f"{archive.name} has no study with slides that matches, and {len(found)} without.")
    return tuple(candidates.values())


def _check(wanted: WantedStudy) -> None:
    if not (wanted.patient_id or wanted.accession_number or wanted.study_uid):
        raise SettingsError("bad-query", "Name a patient, an accession number or a study.")
    values = (wanted.patient_id, wanted.issuer, wanted.accession_number, wanted.study_uid)
    if any(sign in value for value in values for sign in MATCHING_SIGNS):
        raise SettingsError("bad-query", r"A pull takes no wildcards: leave out *, ? and \.")


def _fits(study: FoundStudy, wanted: WantedStudy) -> bool:
    """Whether an answer is what was asked for.

    An archive may ignore a key that it does not match by (the issuer is optional), and then answers with more than was
    asked for. What it leaves unsaid is believed; what it says otherwise is not.
    """
    return all(
        asked in {"", answered} or not answered
        for asked, answered in (
            (wanted.patient_id, study.patient_id),
            (wanted.issuer, study.issuer),
            (wanted.accession_number, study.accession_number),
            (wanted.study_uid, study.study_uid),
        )
    )


def list_and_remember(
    archive: Archive, study_uid: str, series_uid: str, expectations: Expectations, clock: Clock
) -> Sequence[ListedSeries]:
    """The slides as the archive lists them; what it said is remembered as evidence of completeness.

    Raises:
        PeerError: ``no-slide``, it lists none; or the archive failed.
        StorageError: the ledger failed.
    """
    slides = archive.list_slides(study_uid, series_uid)
    if not slides:
        raise PeerError("no-slide", f"{archive.name} lists no whole slide image in {series_uid or study_uid}.")
    now = clock.now()
    for slide in slides:
        expect(
            expectations,
            Expectation(
                ExpectationSource.RETRIEVAL,
                f"{archive.name}/{slide.series_uid}",
                archive.name,
                tuple(
                    ExpectedInstance(each.sop_instance_uid, each.sop_class_uid, slide.series_uid)
                    for each in slide.instances
                ),
                now,
            ),
        )
        if slide.counted is not None:
            expectations.note_count(slide.series_uid, archive.name, slide.counted, now)
    return slides
