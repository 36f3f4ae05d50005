"""``marrowcount status``: what the ledger knows, as tables or JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from marrowcount.errors import DecisionError
from marrowcount.main.completeness import opened_readiness
from marrowcount.main.slide_tables import slide_view
from marrowcount.main.tables import deliveries_table, slides_table
from marrowcount.slides.states import SlideState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from marrowcount.ports import Delivery, LedgerEvent, SlideRecord
    from marrowcount.settings import Settings
    from marrowcount.slides.completeness import Assessment
    from marrowcount.slides.levels import Level
    from marrowcount.workflow.readiness import Readiness

__all__ = ["SlideStatus", "assessment_document", "print_slide", "print_status", "status_document"]


@dataclass(frozen=True, slots=True)
class SlideStatus:
    """All that is known of one slide."""

    slide: SlideRecord
    assessment: Assessment
    deliveries: Sequence[Delivery]
    events: Sequence[LedgerEvent]
    now: datetime


def print_status(settings: Settings, console: Console, *, as_json: bool) -> None:
    """Print slides and deliveries.

    Raises:
        StorageError: the database failed.
    """
    with opened_readiness(settings) as readiness:
        slides = [_with_evidence(slide, readiness) for slide in readiness.ledger.slides()]
        deliveries = list(readiness.ledger.deliveries())
    if as_json:
        _write(status_document(slides, deliveries))
        return
    console.print(slides_table(slides))
    console.print(deliveries_table(deliveries))


def print_slide(settings: Settings, series_uid: str, console: Console, *, as_json: bool) -> None:
    """Print one slide: its levels, the lists that name it, what it waits for and until when, its history.

    Raises:
        DecisionError: ``unknown-slide``.
        StorageError: the database failed.
    """
    with opened_readiness(settings) as readiness:
        status = _status_of(series_uid, readiness)
    if as_json:
        _write(_slide_document(status))
    else:
        console.print(slide_view(status))


def _status_of(series_uid: str, readiness: Readiness) -> SlideStatus:
    ledger = readiness.ledger
    slide = ledger.slide(series_uid)
    if slide is None:
        raise DecisionError("unknown-slide", f"No slide {series_uid} is known; `marrowcount status` lists them.")
    assessment, now = readiness.assess(slide), readiness.clock.now()
    return SlideStatus(slide, assessment, ledger.deliveries(series_uid), ledger.events(series_uid), now)


def _with_evidence(slide: SlideRecord, readiness: Readiness) -> SlideRecord:
    """The slide and, while it is being received, what it waits for as of now."""
    if slide.state is not SlideState.RECEIVING:
        return slide
    return replace(slide, evidence=readiness.assess(slide).sentence)


def status_document(slides: list[SlideRecord], deliveries: list[Delivery]) -> dict[str, list[dict[str, object]]]:
    """Slides and deliveries as plain data."""
    return {"slides": [asdict(slide) for slide in slides], "deliveries": [asdict(each) for each in deliveries]}


def _slide_document(status: SlideStatus) -> dict[str, object]:
    return {
        "slide": asdict(status.slide),
        "assessment": assessment_document(status.assessment, status.now),
        "deliveries": [asdict(each) for each in status.deliveries],
        "events": [asdict(event) for event in status.events],
    }


def assessment_document(assessment: Assessment, now: datetime) -> dict[str, object]:
    """The evidence as plain data."""
    evidence = assessment.evidence
    return {
        "verdict": assessment.verdict,
        "basis": assessment.basis,
        "sentence": assessment.sentence,
        "needed_s": assessment.needed_s,
        "waits_s": assessment.waits_s,
        "decides_at": (now + timedelta(seconds=assessment.waits_s)) if assessment.waits_s else None,
        "levels": [_level_document(level) for level in evidence.levels],
        "elsewhere": [_level_document(level) for level in evidence.elsewhere],
        "companions": dict(evidence.companions),
        "other_instances": evidence.others,
        "lists": [asdict(one) for one in evidence.lists],
        "counts": [asdict(count) for count in evidence.counts],
        "gaps": evidence.gaps,
        "doubts": evidence.doubts,
        "countable_level": evidence.countable and evidence.countable.image_uid,
    }


def _level_document(level: Level) -> dict[str, object]:
    computed = {"frames_needed": level.frames_needed, "counted_whole": level.counted_whole, "gap": level.gap}
    return {**asdict(level), **computed}


def _write(document: dict[str, object] | dict[str, list[dict[str, object]]]) -> None:
    sys.stdout.write(json.dumps(document, indent=2, default=_plain) + "\n")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
