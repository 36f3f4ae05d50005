"""Asking an archive how many instances a slide has there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from made_up_pyramids import facts_of
from marrowcount.errors import PeerError
from marrowcount.ports import KeptFile, ListedInstance, ListedSeries, ReceivedInstance, SeriesCounts
from marrowcount.slides.completeness import CompletenessSettings
from marrowcount.slides.states import SlideState
from marrowcount.testing import HeldClock, InMemoryExpectations, InMemoryLedger
from marrowcount.testing.archive import HeldArchive
from marrowcount.workflow.asking import ArchiveCounts, Asking
from marrowcount.workflow.readiness import Readiness

if TYPE_CHECKING:
    from marrowcount.slides.instances import InstanceFacts

SERIES = "1.2.3"
SPARSE = facts_of("1.2.3.1", 4096, 4096, tiled_full=False, number_of_frames=5)


@dataclass
class Counter(SeriesCounts):
    """Says what it is told to say, and remembers that it was asked."""

    says: int | Exception | None = 1
    asked: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "archive"

    def count(self, study_uid: str, series_uid: str) -> int | None:
        assert study_uid == "1.2"
        self.asked.append(series_uid)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@dataclass
class Node:
    readiness: Readiness
    counter: Counter
    asking: Asking
    clock: HeldClock

    def receives(self, facts: InstanceFacts) -> None:
        kept = KeptFile(f"{facts.sop_instance_uid}.dcm", facts.sop_instance_uid, 1)
        self.readiness.ledger.record_instance(ReceivedInstance(facts, kept, "SCANNER", self.clock.now()))

    def state_after(self, seconds: float) -> SlideState:
        self.clock.advance(seconds)
        self.asking.ask()
        self.readiness.assess_slides()
        slide = self.readiness.ledger.slide(SERIES)
        assert slide is not None
        return slide.state


@pytest.fixture
def node() -> Node:
    ledger, clock, counter = InMemoryLedger(), HeldClock(), Counter()
    settings = CompletenessSettings(settle_s=10, quiet_s=120, incomplete_s=1800)
    readiness = Readiness(ledger, ledger, InMemoryExpectations(), clock, settings)
    return Node(readiness, counter, Asking(readiness, counter, 30.0), clock)


def test_two_equal_answers_spare_the_long_quiet(node: Node) -> None:
    """A sparse slide, which no arithmetic can call whole, is ready when the archive has no more of it either."""
    node.receives(SPARSE)
    assert node.state_after(0) is SlideState.RECEIVING
    assert node.state_after(29) is SlideState.RECEIVING
    assert node.state_after(1) is SlideState.READY
    assert node.counter.asked == [SERIES, SERIES]


def test_a_growing_number_is_awaited(node: Node) -> None:
    """The scanner still sends to the archive."""
    node.receives(SPARSE)
    node.state_after(0)
    node.counter.says = 2
    assert node.state_after(30) is SlideState.RECEIVING
    node.receives(replace(SPARSE, sop_instance_uid="1.2.3.2"))
    assert node.state_after(30) is SlideState.READY


def test_an_archive_that_does_not_answer_delays_nothing(node: Node) -> None:
    """The other evidence decides, as without it; and it is not asked in a hurry."""
    node.counter.says = PeerError("peer-unreachable", "away")
    node.receives(SPARSE)
    assert node.state_after(0) is SlideState.RECEIVING
    assert node.state_after(10) is SlideState.RECEIVING
    assert node.counter.asked == [SERIES]
    assert node.state_after(110) is SlideState.READY


def test_an_archive_that_does_not_know_the_series_says_nothing(node: Node) -> None:
    """The slide was not sent there (yet)."""
    node.counter.says = None
    node.receives(SPARSE)
    node.state_after(0)
    assert node.readiness.expectations.counts(SERIES) == []
    assert node.state_after(119) is SlideState.RECEIVING
    assert node.state_after(1) is SlideState.READY


def test_nobody_is_asked_about_a_known_gap(node: Node) -> None:
    """No number could close it."""
    node.receives(facts_of("1.2.3.1", 4096, 4096, number_of_frames=3))
    node.state_after(60)
    assert node.counter.asked == []


def test_an_archives_list_counts_what_it_names_and_what_it_does_not() -> None:
    """Number of Series Related Instances (0020,1209) may be more than the instances that an archive lists yet."""
    named = tuple(ListedInstance("1.2.840.10008.5.1.4.1.1.77.1.6", f"1.2.3.{number}") for number in (1, 2))
    counts = ArchiveCounts(HeldArchive("vault", slides=[ListedSeries("1.2", SERIES, named, unlisted=1)]))
    assert (counts.name, counts.count("1.2", SERIES), counts.count("1.2", "1.2.9")) == ("vault", 3, None)
