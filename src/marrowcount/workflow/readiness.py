"""The tick that finds out which slides have come in whole, from all that is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.slides.completeness import Completeness, assess
from marrowcount.slides.evidence import evidence_of
from marrowcount.slides.lists import awaited_of, check_count, check_list
from marrowcount.slides.states import SlideState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.ports import Clock, Expectations, Ledger, SlideDecisions, SlideRecord
    from marrowcount.slides.completeness import Assessment, CompletenessSettings
    from marrowcount.slides.evidence import Evidence
    from marrowcount.slides.expectations import Expectation
    from marrowcount.slides.instances import InstanceFacts
    from marrowcount.slides.lists import CheckedList

__all__ = ["Readiness"]

LOG: Final = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Readiness:
    """Finds out and records which slides are whole; may be asked from any process that shares the ledger."""

    ledger: Ledger
    decisions: SlideDecisions
    expectations: Expectations
    clock: Clock
    settings: CompletenessSettings

    def assess_slides(self) -> int:
        """Move slides that are being received on, where the evidence says so; how many were moved.

        To be called every few seconds. A slide that gets another instance meanwhile is left for the next time.

        Raises:
            StorageError: the ledger failed.
        """
        return sum(self._moved(slide) for slide in self.ledger.slides(SlideState.RECEIVING))

    def look_again(self) -> int:
        """Move slides that were given up on, where new evidence says so; how many were moved.

        A list that was withdrawn or replaced names nothing missing any more, or the base level of the pyramid came in
        another series. To be called every minute or so; a late instance needs none of this.

        Raises:
            StorageError: the ledger failed.
        """
        return sum(self._moved(slide) for slide in self.ledger.slides(SlideState.INCOMPLETE))

    def assess(self, slide: SlideRecord) -> Assessment:
        """What is there of a slide, and what it waits for.

        Raises:
            StorageError: the ledger failed.
        """
        evidence, newest = self._evidence(slide)
        now = self.clock.now()
        quiet_s = (now - slide.last_received_at).total_seconds()
        waited_s = (now - max(slide.last_received_at, slide.changed_at, *newest)).total_seconds()
        return assess(evidence, quiet_s=quiet_s, waited_s=waited_s, settings=self.settings)

    def _evidence(self, slide: SlideRecord) -> tuple[Evidence, list[datetime]]:
        """All that is known, and when the lists were said."""
        instances = [received.facts for received in self.ledger.instances(slide.series_uid)]
        said = self.expectations.naming(slide.series_uid, [facts.sop_instance_uid for facts in instances])
        lists = [self._checked(one, instances, slide.series_uid) for one in said]
        counts = [check_count(count, len(instances)) for count in self.expectations.counts(slide.series_uid)]
        coarsest = self.settings.coarsest_um_per_px
        evidence = evidence_of(instances, coarsest, lists=lists, counts=counts)
        if not evidence.levels or evidence.gaps or evidence.doubts:  # other series of the study may have the answer
            siblings = [each.facts for each in self.decisions.siblings(slide.study_uid, slide.series_uid)]
            evidence = evidence_of(instances, coarsest, lists=lists, counts=counts, elsewhere=siblings)
        return evidence, [one.said_at for one in said]

    def _checked(self, said: Expectation, instances: Sequence[InstanceFacts], series_uid: str) -> CheckedList:
        here = {facts.sop_instance_uid for facts in instances}
        unplaced = [item.sop_instance_uid for item in awaited_of(said, series_uid) if not item.series_uid]
        elsewhere = [uid for uid in unplaced if uid not in here and self.ledger.instance(uid) is not None]
        return check_list(said, instances, series_uid, elsewhere)

    def _moved(self, slide: SlideRecord) -> bool:
        assessment = self.assess(slide)
        moved = self._recorded(slide, assessment)
        if moved:
            LOG.info(
                "slide.assessed",
                series_instance_uid=slide.series_uid,
                revision=slide.revision,
                verdict=assessment.verdict.value,
                basis=assessment.basis.value,
                evidence=assessment.sentence,
            )
        return moved

    def _recorded(self, slide: SlideRecord, found: Assessment) -> bool:
        """Record the verdict, if the slide is still as it was when the evidence was gathered."""
        if found.verdict is Completeness.WAITING:
            return False
        mark = {
            Completeness.COMPLETE: self.ledger.mark_ready,
            Completeness.INCOMPLETE: self.ledger.mark_incomplete,
            Completeness.NOTHING: self.decisions.set_aside,
        }[found.verdict]
        now = self.clock.now()
        return mark(slide.series_uid, slide.revision, found.sentence, now, instances=slide.instances)
