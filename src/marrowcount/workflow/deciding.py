"""What a person may decide about a slide that does not become complete, or whose count is not wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from marrowcount.errors import DecisionError
from marrowcount.ports import Decision

if TYPE_CHECKING:
    from marrowcount.ports import SlideRecord
    from marrowcount.workflow.readiness import Readiness

__all__ = ["Deciding"]


@dataclass(frozen=True, slots=True)
class Deciding:
    """Carries out a person's decisions; each stands in the slide's history with who and why, and returns the slide."""

    readiness: Readiness

    def resume(self, series_uid: str, by: str, reason: str) -> SlideRecord:
        """Wait for the rest of an incomplete slide again, or take the discarding of a slide back.

        Raises:
            DecisionError: ``unknown-slide``, ``decision-unsigned``, ``wrong-state``.
            StorageError: the ledger failed.
        """
        slide = self._slide(series_uid)
        done = self.readiness.decisions.resume(series_uid, self._decision(by, reason))
        return self._told(slide, "resumed", "incomplete or discarded", done=done)

    def accept(self, series_uid: str, by: str, reason: str) -> SlideRecord:
        """Count a slide without what is missing, where a level that can be counted is whole.

        Raises:
            DecisionError: ``unknown-slide``, ``decision-unsigned``, ``wrong-state``; ``nothing-whole``, no level of the
                resolution that is needed is whole.
            StorageError: the ledger failed.
        """
        slide = self._slide(series_uid)
        decision = self._decision(by, reason)
        evidence = self.readiness.assess(slide).evidence
        level = evidence.countable
        if level is None:
            raise DecisionError(
                "nothing-whole",
                f"No level of slide {series_uid} at {evidence.coarsest_um_per_px:g} um/px or finer is whole, so there "
                "is nothing to count as it is; send what is missing, or discard it.",
            )
        without = "; ".join([*evidence.gaps, *evidence.doubts]) or "nothing known"
        sentence = f"{level.name} is whole; accepted without: {without}"
        done = self.readiness.decisions.accept(series_uid, sentence, decision, instances=slide.instances)
        return self._told(slide, "accepted as it is", "incomplete or being received", done=done)

    def discard(self, series_uid: str, by: str, reason: str) -> SlideRecord:
        """Keep a slide from being counted; its files stay, as the node deletes none.

        Raises:
            DecisionError: ``unknown-slide``, ``decision-unsigned``, ``wrong-state``.
            StorageError: the ledger failed.
        """
        slide = self._slide(series_uid)
        done = self.readiness.decisions.discard(series_uid, self._decision(by, reason))
        return self._told(slide, "discarded", "neither counted nor discarded", done=done)

    def recount(self, series_uid: str, by: str, reason: str) -> SlideRecord:
        """Count a slide again that was counted, refused or failed.

        Raises:
            DecisionError: ``unknown-slide``, ``decision-unsigned``, ``wrong-state``.
            StorageError: the ledger failed.
        """
        slide = self._slide(series_uid)
        done = self.readiness.decisions.recount(series_uid, self._decision(by, reason))
        return self._told(slide, "recounted", "counted, refused or failed", done=done)

    def _slide(self, series_uid: str) -> SlideRecord:
        slide = self.readiness.ledger.slide(series_uid)
        if slide is None:
            raise DecisionError("unknown-slide", f"No slide {series_uid} is known; `marrowcount status` lists them.")
        return slide

    def _decision(self, by: str, reason: str) -> Decision:
        if not by.strip() or not reason.strip():
            raise DecisionError("decision-unsigned", "Say who decides and why: --by and --reason must not be empty.")
        return Decision(by.strip(), reason.strip(), self.readiness.clock.now())

    def _told(self, slide: SlideRecord, what: str, needed: str, *, done: bool) -> SlideRecord:
        """The slide as it stands now."""
        now = self._slide(slide.series_uid)
        if not done:
            raise DecisionError(
                "wrong-state",
                f"Slide {slide.series_uid} is {now.state}; only one that is {needed} can be {what}. If it has just "
                "changed, look at it again.",
            )
        return now
