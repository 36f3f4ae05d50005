"""The part of the ledger in memory that people decide by."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from marrowcount.ports import EventKind, SlideDecisions
from marrowcount.slides.states import SlideState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from threading import RLock

    from marrowcount.ports import Decision, ReceivedInstance, SlideRecord

__all__ = ["InMemoryDecisions"]

_MAY_BE_SET_ASIDE: Final = frozenset({SlideState.RECEIVING, SlideState.INCOMPLETE})
_MAY_BE_DISCARDED: Final = frozenset(SlideState) - {SlideState.COUNTED, SlideState.DISCARDED}
_MAY_BE_RECOUNTED: Final = frozenset({SlideState.COUNTED, SlideState.REFUSED, SlideState.FAILED})


class InMemoryDecisions(SlideDecisions):
    """Belongs to :class:`~marrowcount.testing.ledger.InMemoryLedger`, which is one."""

    _lock: RLock
    _instances: dict[str, ReceivedInstance]
    _slides: dict[str, SlideRecord]

    @abstractmethod
    def _change(self, slide: SlideRecord, state: SlideState, at: datetime) -> None: ...

    @abstractmethod
    def _note(self, at: datetime, series_uid: str, kind: EventKind, detail: str) -> None: ...

    @abstractmethod
    def _put_job(self, slide: SlideRecord, evidence: str, now: datetime) -> None: ...

    @abstractmethod
    def _withdraw_job(self, series_uid: str) -> None: ...

    def siblings(self, study_uid: str, series_uid: str) -> Sequence[ReceivedInstance]:
        """See the port."""
        with self._lock:
            of_study = [known for known in self._instances.values() if known.facts.study_uid == study_uid]
            return [known for known in of_study if known.facts.series_uid != series_uid]

    def set_aside(self, series_uid: str, revision: int, evidence: str, now: datetime, *, instances: int) -> bool:
        """See the port."""
        with self._lock:
            slide = self._in(series_uid, _MAY_BE_SET_ASIDE)
            if slide is None or (slide.revision, slide.instances) != (revision, instances):
                return False
            self._change(replace(slide, evidence=evidence), SlideState.ASIDE, now)
            self._note(now, series_uid, EventKind.ASIDE, evidence)
            return True

    def resume(self, series_uid: str, decision: Decision) -> bool:
        """See the port."""
        with self._lock:
            slide = self._in(series_uid, frozenset({SlideState.INCOMPLETE, SlideState.DISCARDED}))
            if slide is None:
                return False
            if slide.state is SlideState.DISCARDED:
                slide = replace(slide, revision=slide.revision + 1)
            self._begin_anew(slide, EventKind.RESUMED, decision)
            return True

    def accept(self, series_uid: str, evidence: str, decision: Decision, *, instances: int) -> bool:
        """See the port."""
        with self._lock:
            slide = self._in(series_uid, _MAY_BE_SET_ASIDE)
            if slide is None or slide.instances != instances:
                return False
            self._note(decision.at, series_uid, EventKind.ACCEPTED, str(decision))
            self._put_job(slide, evidence, decision.at)
            return True

    def discard(self, series_uid: str, decision: Decision) -> bool:
        """See the port."""
        with self._lock:
            slide = self._in(series_uid, _MAY_BE_DISCARDED)
            if slide is None:
                return False
            self._withdraw_job(series_uid)
            self._change(slide, SlideState.DISCARDED, decision.at)
            self._note(decision.at, series_uid, EventKind.DISCARDED, str(decision))
            return True

    def recount(self, series_uid: str, decision: Decision) -> bool:
        """See the port."""
        with self._lock:
            slide = self._in(series_uid, _MAY_BE_RECOUNTED)
            if slide is None:
                return False
            self._begin_anew(replace(slide, revision=slide.revision + 1), EventKind.RECOUNTED, decision)
            return True

    def _in(self, series_uid: str, states: frozenset[SlideState]) -> SlideRecord | None:
        slide = self._slides.get(series_uid)
        return slide if slide is not None and slide.state in states else None

    def _begin_anew(self, slide: SlideRecord, kind: EventKind, decision: Decision) -> None:
        again = replace(slide, evidence="", code="", message="", result_folder="")
        self._change(again, SlideState.RECEIVING, decision.at)
        self._note(decision.at, slide.series_uid, kind, f"revision {slide.revision} {decision}")
