from __future__ import annotations

import pytest

from marrowcount.errors import PeerError, SettingsError
from marrowcount.ports import FoundStudy, ListedInstance, ListedSeries, WantedStudy
from marrowcount.slides.expectations import ExpectationSource
from marrowcount.slides.instances import WSM_SOP_CLASS_UID
from marrowcount.testing import HeldArchive, HeldClock, InMemoryExpectations
from marrowcount.workflow.finding import find_studies_with_slides, list_and_remember

SLIDE = ListedSeries("1.2", "1.2.3", (ListedInstance(WSM_SOP_CLASS_UID, "1.2.3.4"),), counted=2)


class Obliging(HeldArchive):
    """An archive that matches by nothing and answers with all it has."""

    def find_studies(self, wanted: WantedStudy) -> list[FoundStudy]:
        del wanted
        return self.studies


@pytest.mark.parametrize(
    "wanted", [WantedStudy(), WantedStudy("*"), WantedStudy("A", "?"), WantedStudy(accession_number="a\\b")]
)
def test_a_pull_does_not_search(wanted: WantedStudy) -> None:
    """Nothing, or a wildcard, is no patient; the archive is not even asked."""
    with pytest.raises(SettingsError, match="bad-query"):
        find_studies_with_slides(Obliging("vault", [FoundStudy("1.2")]), wanted)


def test_an_answer_that_was_not_asked_for_is_left_out() -> None:
    """An archive that does not match by issuer answers with both patients of that number; one of them is another's."""
    studies = [FoundStudy("1.1", "7", "NORTH"), FoundStudy("1.2", "7", "SOUTH"), FoundStudy("1.3", "7")]
    found = find_studies_with_slides(Obliging("vault", studies), WantedStudy("7", "SOUTH"))
    assert [study.study_uid for study in found] == ["1.2", "1.3"]


def test_studies_without_slides_are_no_candidates() -> None:
    """A patient's radiographs do not make the choice of the slide ambiguous; a study that says nothing may hold one."""
    studies = [
        FoundStudy("1.1", "7", modalities=("CR",)),
        FoundStudy("1.2", "7", modalities=("SM", "ANN")),
        FoundStudy("1.3", "7"),
    ]
    found = find_studies_with_slides(HeldArchive("vault", studies), WantedStudy("7"))
    assert [study.study_uid for study in found] == ["1.2", "1.3"]
    with pytest.raises(PeerError, match=r"no-study.* 1 without"):
        find_studies_with_slides(HeldArchive("vault", studies[:1]), WantedStudy("7"))


def test_a_study_that_is_answered_twice_is_one() -> None:
    """Archives answer once for each issuer or alias of a patient."""
    assert len(find_studies_with_slides(Obliging("vault", [FoundStudy("1.1")] * 2), WantedStudy("7"))) == 1


def test_what_an_archive_lists_is_remembered() -> None:
    """The instances that it names and the number that it counts are evidence of what belongs to the slide."""
    expectations, clock = InMemoryExpectations(), HeldClock()
    assert list_and_remember(HeldArchive("vault", slides=[SLIDE]), "1.2", "", expectations, clock) == [SLIDE]
    (expected,) = expectations.naming("1.2.3", [])
    assert (expected.source, expected.said_by) == (ExpectationSource.RETRIEVAL, "vault")
    assert [(each.sop_instance_uid, each.series_uid) for each in expected.instances] == [("1.2.3.4", "1.2.3")]
    assert [count.instances for count in expectations.counts("1.2.3")] == [2]


def test_a_study_without_a_slide_is_told() -> None:
    """There is nothing to pull."""
    with pytest.raises(PeerError, match="no-slide"):
        list_and_remember(HeldArchive("vault"), "1.2", "", InMemoryExpectations(), HeldClock())
