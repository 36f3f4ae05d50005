from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from marrowcount.ports import KeptFile, ReceivedInstance
from marrowcount.slides.completeness import Completeness, CompletenessSettings
from marrowcount.slides.geometry import SizePx, SpacingMm
from marrowcount.slides.instances import WSM_SOP_CLASS_UID, InstanceFacts
from marrowcount.slides.states import SlideState
from marrowcount.testing import HeldClock, InMemoryExpectations, InMemoryLedger
from marrowcount.workflow.readiness import Readiness

if TYPE_CHECKING:
    from collections.abc import Callable

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
    assert assessment.sentence == "level 2048 x 2048 px: 15 of 16 frames; waiting for 1800 s without a new instance"
