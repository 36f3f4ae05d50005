from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from marrowcount.ports import KeptFile, ReceivedInstance
from marrowcount.slides.completeness import Completeness, CompletenessSettings
from marrowcount.slides.expectations import Expectation, ExpectationSource, ExpectedInstance
from marrowcount.slides.geometry import SizePx, SpacingMm
from marrowcount.slides.instances import WSM_SOP_CLASS_UID, InstanceFacts
from marrowcount.slides.states import SlideState
from marrowcount.testing import HeldClock, InMemoryExpectations, InMemoryLedger
from marrowcount.workflow.readiness import Readiness

if TYPE_CHECKING:
    from collections.abc import Callable

    from marrowcount.ports import SlideRecord
    from marrowcount.slides.completeness import Assessment

SETTINGS = CompletenessSettings(settle_s=10, quiet_s=120, incomplete_s=1800)

LEVEL = InstanceFacts(
    sop_instance_uid="1.2.3.4",
    sop_class_uid=WSM_SOP_CLASS_UID,
    series_uid="1.2.3",
    study_uid="1.2",
    modality="SM",
    transfer_syntax_uid="1.2.840.10008.1.2.4.50",
    image_type=("ORIGINAL", "PRIMARY", "VOLUME", "NONE"),
    matrix=SizePx(2048, 2048),
    frame=SizePx(512, 512),
    number_of_frames=16,
    focal_planes=1,
    optical_paths=1,
    tiled_full=True,
    spacing=SpacingMm(0.00025, 0.00025),
    concatenation_uid=None,
    concatenation_number=None,
    concatenation_total=None,
    concatenation_offset=None,
    concatenation_source_uid=None,
    frame_of_reference_uid=None,
    pyramid_uid=None,
    container_identifier="S1",
)


@dataclass
class Node:
    ledger: InMemoryLedger
    clock: HeldClock
    expectations: InMemoryExpectations

    @property
    def readiness(self) -> Readiness:
        return Readiness(self.ledger, self.ledger, self.expectations, self.clock, SETTINGS)

    def receives(self, facts: InstanceFacts) -> None:
        kept = KeptFile(f"{facts.sop_instance_uid}.dcm", facts.sop_instance_uid, 1)
        self.ledger.record_instance(ReceivedInstance(facts, kept, "SCANNER", self.clock.now()))

    def after(self, seconds: float) -> int:
        self.clock.advance(seconds)
        return self.readiness.assess_slides()

    @property
    def state(self) -> SlideState:
        slide = self.ledger.slide("1.2.3")
        assert slide is not None
        return slide.state


@pytest.fixture
def node() -> Node:
    return Node(InMemoryLedger(), HeldClock(), InMemoryExpectations())


def test_whole_slide_becomes_ready_and_gets_its_job(node: Node) -> None:
    """Once settled, a whole slide is put to work, with the evidence beside it."""
    node.receives(LEVEL)
    assert (node.after(9), node.state) == (0, SlideState.RECEIVING)
    assert (node.after(1), node.state) == (1, SlideState.READY)
    slide = node.ledger.slide("1.2.3")
    assert slide is not None
    assert slide.evidence == "1 level, base 2048 x 2048 px, all frames there; nothing new for 10 s"
    assert node.ledger.lease_job("worker", node.clock.now(), 60) is not None


def test_each_instance_begins_the_waiting_anew(node: Node) -> None:
    """Quiet is counted from the last instance of the series."""
    node.receives(LEVEL)
    node.after(9)
    node.receives(replace(LEVEL, sop_instance_uid="1.2.3.5", image_type=("ORIGINAL", "PRIMARY", "LABEL", "NONE")))
    assert node.after(9) == 0
    assert node.after(1) == 1


def test_slide_with_a_gap_is_given_up_and_resumed_by_the_late_instance(node: Node) -> None:
    """A slide given up as incomplete goes on when what was missing comes after all."""
    node.receives(
        replace(LEVEL, concatenation_uid="1.9", concatenation_number=2, concatenation_offset=8, number_of_frames=8)
    )
    assert (node.after(1799), node.state) == (0, SlideState.RECEIVING)
    assert (node.after(1), node.state) == (1, SlideState.INCOMPLETE)
    late = replace(LEVEL, sop_instance_uid="1.2.3.5", concatenation_uid="1.9", concatenation_number=1)
    node.receives(replace(late, concatenation_offset=0, number_of_frames=8))
    assert (node.after(10), node.state) == (1, SlideState.READY)


def test_late_instance_opens_a_revision_that_is_assessed_in_turn(node: Node) -> None:
    """A slide that was taken up already is taken up again when something new comes."""
    node.receives(LEVEL)
    node.after(10)
    node.receives(replace(LEVEL, sop_instance_uid="1.2.3.5", matrix=SizePx(1024, 1024), number_of_frames=4))
    assert node.state is SlideState.RECEIVING
    node.after(10)
    slide = node.ledger.slide("1.2.3")
    assert slide is not None
    assert (slide.state, slide.revision) == (SlideState.READY, 2)


def test_slide_that_moved_on_meanwhile_is_left_alone(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ledger says that the revision is another one by now, nothing is counted as moved."""
    node.receives(LEVEL)
    moved_on: Callable[..., bool] = lambda *_, **__: False  # noqa: E731
    monkeypatch.setattr(node.ledger, "mark_ready", moved_on)
    assert node.after(10) == 0


def test_waiting_slide_tells_what_it_waits_for(node: Node) -> None:
    """The status shows why a slide is not taken up yet."""
    node.receives(replace(LEVEL, number_of_frames=15))
    slide = node.ledger.slide("1.2.3")
    assert slide is not None
    assessment = node.readiness.assess(slide)
    assert assessment.verdict is Completeness.WAITING
    assert assessment.sentence == "level 2048 x 2048 px: 15 of 16 frames; waiting for 1800 s without anything new"


# Lists


def says(*uids: str, source: ExpectationSource = ExpectationSource.WORKITEM, series: str = "1.2.3") -> Expectation:
    items = tuple(ExpectedInstance(uid, WSM_SOP_CLASS_UID, series) for uid in uids)
    return Expectation(source, "2.25.1", "SCHEDULER", items, HeldClock().now())


@pytest.mark.parametrize("source", ExpectationSource)
def test_slide_whose_list_is_held_is_ready_at_once(node: Node, source: ExpectationSource) -> None:
    """An explicit list wins over every wait: not even the short rest is needed, and no doubt counts."""
    sparse = replace(LEVEL, tiled_full=False, number_of_frames=5)
    node.receives(sparse)
    node.receives(replace(sparse, sop_instance_uid="1.2.3.5"))
    assert node.after(0) == 0
    node.expectations.expect(says("1.2.3.4", "1.2.3.5", source=source))
    assert (node.after(0), node.state) == (1, SlideState.READY)
    slide = node.ledger.slide("1.2.3")
    assert slide is not None
    assert f"all that the {source} list of SCHEDULER names; complete at once" in slide.evidence


@pytest.mark.parametrize("source", ExpectationSource)
def test_slide_whose_list_names_more_waits_although_it_is_quiet(node: Node, source: ExpectationSource) -> None:
    """What counting frames calls whole still lacks what somebody listed, for as long as for any gap."""
    node.receives(LEVEL)
    node.expectations.expect(says("1.2.3.4", "1.2.3.5", source=source))
    assert (node.after(1799), node.state) == (0, SlideState.RECEIVING)
    assert (node.after(1), node.state) == (1, SlideState.INCOMPLETE)
    node.receives(replace(LEVEL, sop_instance_uid="1.2.3.5", matrix=SizePx(1024, 1024), number_of_frames=4))
    assert (node.after(0), node.state) == (1, SlideState.READY)


def test_commitment_request_for_one_instance_says_nothing_of_the_whole(node: Node) -> None:
    """Some scanners ask after each instance; a slide must not be counted after its first."""
    node.receives(replace(LEVEL, matrix=SizePx(40_960, 40_960), number_of_frames=6400))
    node.expectations.expect(says("1.2.3.4", source=ExpectationSource.COMMITMENT, series=""))
    assert (node.after(119), node.state) == (0, SlideState.RECEIVING)
    assert (node.after(1), node.state) == (1, SlideState.READY)


def test_kind_of_list_that_senders_use_for_parts_only_delays(node: Node) -> None:
    """Taken out of the settings, it ends no wait, but what it names is awaited."""
    careful = replace(SETTINGS, whole_lists=frozenset({ExpectationSource.WORKITEM}))
    readiness = replace(node.readiness, settings=careful)
    node.receives(LEVEL)
    node.expectations.expect(says("1.2.3.4", source=ExpectationSource.AVAILABILITY))
    assert readiness.assess_slides() == 0
    node.clock.advance(10)
    assert readiness.assess_slides() == 1


def test_list_may_name_a_concatenation_by_the_image_before_the_split(node: Node) -> None:
    """That is the UID to refer to (PS3.3 C.7.6.16.2.2.4); the parts are counted by themselves."""
    part = replace(LEVEL, concatenation_uid="1.9", concatenation_source_uid="1.2.3.100", number_of_frames=8)
    node.expectations.expect(says("1.2.3.100"))
    node.receives(replace(part, concatenation_number=1, concatenation_offset=0))
    assert node.after(1000) == 0
    node.receives(replace(part, sop_instance_uid="1.2.3.5", concatenation_number=2, concatenation_offset=8))
    assert (node.after(0), node.state) == (1, SlideState.READY)


def test_list_of_other_classes_is_not_awaited(node: Node) -> None:
    """A sender's request also names reports and annotations, which no slide waits for."""
    report = ExpectedInstance("1.2.3.50", "1.2.840.10008.5.1.4.1.1.88.34", "1.2.3")
    both = (ExpectedInstance("1.2.3.4", WSM_SOP_CLASS_UID, "1.2.3"), report)
    said = says("1.2.3.4", source=ExpectationSource.AVAILABILITY)
    node.expectations.expect(replace(said, instances=both))
    node.receives(LEVEL)
    assert node.after(0) == 1


def test_instance_listed_without_series_may_be_held_in_another(node: Node) -> None:
    """A commitment request covers a study; what is held anywhere is not missing here."""
    said = says("1.2.3.4", "1.2.9.1", source=ExpectationSource.COMMITMENT, series="")
    node.expectations.expect(said)
    node.receives(LEVEL)
    assert node.after(1000) == 0
    node.receives(replace(LEVEL, series_uid="1.2.9", sop_instance_uid="1.2.9.1"))
    assert node.readiness.assess_slides() >= 1
    assert node.state is SlideState.READY


def test_withdrawn_list_wakes_the_slide_that_it_held_up(node: Node) -> None:
    """A cancelled workitem names nothing missing any more."""
    node.receives(LEVEL)
    node.expectations.expect(says("1.2.3.4", "1.2.3.5"))
    node.after(1800)
    assert (node.readiness.look_again(), node.state) == (0, SlideState.INCOMPLETE)
    node.expectations.withdraw(ExpectationSource.WORKITEM, "2.25.1")
    assert (node.readiness.look_again(), node.state) == (1, SlideState.READY)


# Counts of an archive


def test_count_that_stands_and_is_reached_makes_ready_at_once(node: Node) -> None:
    """One answer proves nothing, because the number grows while the scanner still sends."""
    node.receives(replace(LEVEL, tiled_full=False, number_of_frames=5))
    node.expectations.note_count("1.2.3", "archive", 1, node.clock.now())
    assert node.after(5) == 0
    node.expectations.note_count("1.2.3", "archive", 1, node.clock.now())
    assert (node.after(0), node.state) == (1, SlideState.READY)


def test_count_that_is_not_reached_delays_but_names_nothing(node: Node) -> None:
    """What lacks may be a label that nobody routes here, so the long quiet ends the wait."""
    node.receives(LEVEL)
    node.expectations.note_count("1.2.3", "archive", 2, node.clock.now())
    assert node.after(119) == 0
    assert (node.after(1), node.state) == (1, SlideState.READY)


def test_list_of_an_archive_that_counts_more_than_it_lists_ends_no_wait(node: Node) -> None:
    """It is still storing what a scanner sends it, so its list is not the whole."""
    node.receives(LEVEL)
    listed = says("1.2.3.4", source=ExpectationSource.RETRIEVAL)
    node.expectations.expect(replace(listed, said_by="archive"))
    node.expectations.note_count("1.2.3", "archive", 2, node.clock.now())
    assert node.after(119) == 0
    assert (node.after(1), node.state) == (1, SlideState.READY)


# Several series


LOWER = replace(
    LEVEL,
    sop_instance_uid="1.2.9.1",
    series_uid="1.2.9",
    image_type=("DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"),
    matrix=SizePx(1024, 1024),
    number_of_frames=4,
    spacing=SpacingMm(0.0005, 0.0005),
    frame_of_reference_uid="1.2.4",
)


def test_lower_levels_without_their_base_are_incomplete(node: Node) -> None:
    """They say themselves that they were made from a larger one."""
    node.receives(replace(LOWER, series_uid="1.2.3"))
    assert (node.after(1799), node.state) == (0, SlideState.RECEIVING)
    assert (node.after(1), node.state) == (1, SlideState.INCOMPLETE)


def test_lower_levels_whose_base_came_in_another_series_are_set_aside(node: Node) -> None:
    """Older scanners part a pyramid over several series; the slide is counted where its base is."""
    node.receives(replace(LEVEL, frame_of_reference_uid="1.2.4"))
    node.receives(LOWER)
    node.after(120)
    states = {slide.series_uid: slide.state for slide in node.ledger.slides()}
    assert states == {"1.2.3": SlideState.READY, "1.2.9": SlideState.ASIDE}


def test_given_up_series_is_set_aside_when_its_base_comes_in_another(node: Node) -> None:
    """Even days later."""
    node.receives(LOWER)
    node.after(1800)
    node.receives(replace(LEVEL, frame_of_reference_uid="1.2.4"))
    assert node.readiness.look_again() == 1
    slide = node.ledger.slide("1.2.9")
    assert slide is not None
    assert slide.state is SlideState.ASIDE


def test_label_in_a_series_of_its_own_is_set_aside(node: Node) -> None:
    """Older scanners put it there; its glass is counted in the series of the levels."""
    label = replace(
        LEVEL, series_uid="1.2.9", sop_instance_uid="1.2.9.1", image_type=("ORIGINAL", "PRIMARY", "LABEL", "NONE")
    )
    node.receives(label)
    node.receives(LEVEL)
    node.after(120)
    states = {slide.series_uid: slide.state for slide in node.ledger.slides()}
    assert states == {"1.2.3": SlideState.READY, "1.2.9": SlideState.ASIDE}
    other_glass = replace(label, series_uid="1.2.8", sop_instance_uid="1.2.8.1", container_identifier="S2")
    node.receives(other_glass)
    node.after(1800)
    slide = node.ledger.slide("1.2.8")
    assert slide is not None
    assert slide.state is SlideState.INCOMPLETE


def test_series_of_documents_is_set_aside(node: Node) -> None:
    """Annotations that a PACS sends back are no incomplete slide, and something new looks at them anew."""
    document = replace(
        LEVEL, sop_instance_uid="1.2.3.9", sop_class_uid="1.2.840.10008.5.1.4.1.1.91.1", image_type=(), matrix=None
    )
    node.receives(document)
    assert (node.after(120), node.state) == (1, SlideState.ASIDE)
    node.receives(LEVEL)
    assert node.state is SlideState.RECEIVING


def test_instance_that_comes_while_the_evidence_is_weighed_is_weighed_next_time(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slide is never ready on evidence that knows less than the ledger."""
    node.receives(LEVEL)
    node.clock.advance(10)
    broken = replace(LEVEL, sop_instance_uid="1.2.3.5", matrix=SizePx(4096, 4096))
    assess = Readiness.assess

    def overtaken(self: Readiness, slide: SlideRecord) -> Assessment:
        found = assess(self, slide)
        node.receives(broken)
        return found

    monkeypatch.setattr(Readiness, "assess", overtaken)
    assert node.readiness.assess_slides() == 0
    assert node.state is SlideState.RECEIVING
