"""The tick that finds out which slides have come in whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.slides.completeness import Assessment, Completeness, CompletenessSettings, assess
from marrowcount.slides.states import SlideState

if TYPE_CHECKING:
    from marrowcount.ports import Clock, Ledger, SlideRecord

__all__ = ["assess_slide", "assess_slides"]

LOG: Final = structlog.get_logger()


def assess_slides(ledger: Ledger, clock: Clock, settings: CompletenessSettings) -> int:
    """Move slides that are being received to ready or incomplete; how many were moved.

    To be called every few seconds. A slide that gets another instance meanwhile is left for the next time.

    Raises:
        StorageError: the ledger failed.
    """
    return sum(_moved(slide, ledger, clock, settings) for slide in ledger.slides(SlideState.RECEIVING))


def assess_slide(slide: SlideRecord, ledger: Ledger, clock: Clock, settings: CompletenessSettings) -> Assessment:
    """What is there of a slide, and what it waits for.

    Raises:
        StorageError: the ledger failed.
    """
    instances = [received.facts for received in ledger.instances(slide.series_uid)]
    quiet_s = (clock.now() - slide.last_received_at).total_seconds()
    return assess(instances, quiet_s=quiet_s, settings=settings)


def _moved(slide: SlideRecord, ledger: Ledger, clock: Clock, settings: CompletenessSettings) -> bool:
    assessment = assess_slide(slide, ledger, clock, settings)
    if assessment.verdict is Completeness.WAITING:
        return False
    mark = ledger.mark_ready if assessment.verdict is Completeness.COMPLETE else ledger.mark_incomplete
    moved = mark(slide.series_uid, slide.revision, assessment.evidence, clock.now())
    if moved:
        LOG.info(
            "slide.assessed",
            series_instance_uid=slide.series_uid,
            revision=slide.revision,
            verdict=assessment.verdict.value,
            evidence=assessment.evidence,
        )
    return moved
