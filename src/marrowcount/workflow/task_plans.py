"""What is to be done about a workitem, from what the ledger says of its slides; no input and no output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from marrowcount.ports import StepProgress
from marrowcount.slides.states import DeliveryState, SlideState
from marrowcount.workitems.codes import Discontinuation, Reasons, reason_of_refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.ports import CountProgress, Delivery, SlideRecord

__all__ = ["Cancel", "Complete", "Plan", "Report", "SlideStanding", "plan"]

RECEIVED_PERCENT: Final = 5
READY_PERCENT: Final = 10
COUNTED_PERCENT: Final = 90
"""Between the last two the count itself goes on; what remains after it is delivery."""

_WHOLE: Final = frozenset({SlideState.READY, SlideState.COUNTING, SlideState.COUNTED})

_STUCK: Final = frozenset({DeliveryState.DEAD, DeliveryState.HELD, DeliveryState.UNCOMMITTED})
"""Nothing more happens to these by itself."""


@dataclass(frozen=True, slots=True)
class SlideStanding:
    """Where one of a workitem's slides stands.

    Attributes:
        record: None while not a single instance of it came.
        listed: instances that the workitem names.
        lacking: those of them that the node does not hold; 1 where it names none and none came.
        deliveries: of its present revision.
        progress: of its count; None while nothing is known.
    """

    series_uid: str
    record: SlideRecord | None
    listed: int
    lacking: int
    deliveries: tuple[Delivery, ...]
    progress: CountProgress | None

    @property
    def counted(self) -> bool:
        """Whether its result is recorded."""
        return self.record is not None and self.record.state is SlideState.COUNTED

    @property
    def found_whole(self) -> bool:
        """Whether it was found complete: what else the workitem names, a label for example, is not waited for then."""
        return self.record is not None and self.record.state in _WHOLE

    @property
    def aside(self) -> bool:
        """Whether nothing in this series is to be counted: a label, or lower levels whose base is in another series."""
        return self.record is not None and self.record.state is SlideState.ASIDE

    @property
    def owed(self) -> Sequence[Delivery]:
        """Deliveries of DICOM objects that are not settled: not taken, or not committed where that was asked for."""
        return [each for each in self.deliveries if each.order.kind.is_of_instances and not _is_settled(each)]


def _is_settled(delivery: Delivery) -> bool:
    if delivery.state is DeliveryState.DELIVERED:
        return not delivery.commitment_uid
    return delivery.state in {DeliveryState.COMMITTED, DeliveryState.SUPERSEDED, DeliveryState.DROPPED}


@dataclass(frozen=True, slots=True)
class Report:
    """Go on, and tell how far it has come.

    Attributes:
        lacks_input: whether input should be fetched.
    """

    progress: StepProgress
    lacks_input: bool = False


@dataclass(frozen=True, slots=True)
class Complete:
    """All is done and delivered."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """It cannot be done, or is not wanted any more."""

    why: Discontinuation


Plan: TypeAlias = Report | Complete | Cancel


def plan(
    slides: Sequence[SlideStanding], wish: Discontinuation | None, *, waited_s: float, input_wait_s: float
) -> Plan:
    """What to do now.

    A wish to cancel is granted until all slides are counted: then the results are on their way, and it is more honest
    to complete.

    Args:
        slides: of the workitem's input.
        wish: of somebody to have it cancelled.
        waited_s: since the claim, seconds.
        input_wait_s: how long to wait for input that does not come, seconds.
    """
    slides = [slide for slide in slides if not slide.aside]
    if not slides:
        return Cancel(Discontinuation(Reasons.WRONG_TYPE, "the input names no whole slide image that can be counted"))
    if all(slide.counted for slide in slides):
        return _deliver(slides)
    if wish is not None:
        return Cancel(wish)
    lacking = [slide for slide in slides if slide.lacking and not slide.found_whole]
    if lacking:
        return _await_input(slides, lacking, waited_s, input_wait_s)
    return next((Cancel(why) for why in map(_obstacle, slides) if why is not None), None) or _work(slides)


def _deliver(slides: Sequence[SlideStanding]) -> Plan:
    owed = [delivery for slide in slides for delivery in slide.owed]
    if not owed:
        return Complete()
    if any(delivery.state in _STUCK for delivery in owed):
        words = "counted; a result is not delivered, or not committed: a person must look at the node"
    elif all(delivery.state is DeliveryState.DELIVERED for delivery in owed):
        words = "counted and delivered; waiting for storage commitment"
    else:
        words = "counted; the results are being delivered"
    return Report(StepProgress(COUNTED_PERCENT, words))


def _await_input(
    slides: Sequence[SlideStanding], lacking: Sequence[SlideStanding], waited_s: float, input_wait_s: float
) -> Plan:
    missing, listed = sum(slide.lacking for slide in lacking), sum(max(slide.listed, 1) for slide in slides)
    if waited_s >= input_wait_s:
        words = f"{missing} of {listed} input instances did not come within {input_wait_s:g} s"
        return Cancel(Discontinuation(Reasons.OBJECTS_MISSING, words))
    words = f"waiting for input: {missing} of {listed} instances are not here"
    return Report(StepProgress(0, words), lacks_input=True)


def _obstacle(slide: SlideStanding) -> Discontinuation | None:
    """Why a slide will not be counted; None while it may be."""
    record = slide.record
    if record is None:
        return None
    if record.state is SlideState.REFUSED:
        return Discontinuation(reason_of_refusal(record.code), f"slide refused: {record.code}")
    if record.state is SlideState.INCOMPLETE:
        return Discontinuation(Reasons.OBJECTS_MISSING, "the slide did not become complete in time")
    if record.state is SlideState.DISCARDED:
        return Discontinuation(Reasons.UNSPECIFIED, "a person decided that the slide is not to be counted")
    if record.state is SlideState.FAILED:
        return Discontinuation(Reasons.EQUIPMENT_FAILURE, f"counting failed: {record.code}")
    return None


def _work(slides: Sequence[SlideStanding]) -> Report:
    percent = sum(map(_percent, slides)) // len(slides)
    slowest = min(slides, key=_percent)
    words = _words(slowest)
    if len(slides) > 1:
        words = f"{sum(slide.counted for slide in slides)} of {len(slides)} slides counted; {words}"
    return Report(StepProgress(percent, words))


def _percent(slide: SlideStanding) -> int:
    state = slide.record.state if slide.record is not None else None
    if state is SlideState.COUNTED:
        return COUNTED_PERCENT
    if state is SlideState.COUNTING:
        share = min(max(slide.progress.share, 0.0), 1.0) if slide.progress is not None else 0.0
        return READY_PERCENT + int((COUNTED_PERCENT - READY_PERCENT) * share)
    return READY_PERCENT if state is SlideState.READY else RECEIVED_PERCENT


def _words(slide: SlideStanding) -> str:
    state = slide.record.state if slide.record is not None else None
    if state is SlideState.COUNTING:
        counted = slide.progress
        return f"counting: {counted.tiles} tiles, {counted.cells} cells" if counted is not None else "counting"
    if state is SlideState.READY:
        return "complete; waiting for its turn"
    return "the input is here; making sure that the slide is complete"
