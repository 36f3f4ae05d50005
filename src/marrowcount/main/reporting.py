"""``marrowcount status``: what the ledger knows, as tables or JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING

from marrowcount.main.completeness import completeness_settings
from marrowcount.main.tables import deliveries_table, slides_table
from marrowcount.slides.states import SlideState
from marrowcount.workflow.readiness import assess_slide
from marrowcount_adapters.schedule import SystemClock
from marrowcount_adapters.sql import open_ledger

if TYPE_CHECKING:
    from rich.console import Console

    from marrowcount.ports import Delivery, Ledger, SlideRecord
    from marrowcount.settings import Settings

__all__ = ["print_status", "status_document"]


def print_status(settings: Settings, console: Console, *, as_json: bool) -> None:
    """Print slides and deliveries."""
    ledger = open_ledger(settings.database_url)
    slides = [_with_evidence(slide, ledger, settings) for slide in ledger.slides()]
    deliveries = list(ledger.deliveries())
    ledger.close()
    if as_json:
        sys.stdout.write(json.dumps(status_document(slides, deliveries), indent=2, default=_plain) + "\n")
        return
    console.print(slides_table(slides))
    console.print(deliveries_table(deliveries))


def _with_evidence(slide: SlideRecord, ledger: Ledger, settings: Settings) -> SlideRecord:
    """The slide and, while it is being received, what it waits for as of now."""
    if slide.state is not SlideState.RECEIVING:
        return slide
    assessment = assess_slide(slide, ledger, SystemClock(), completeness_settings(settings.receive))
    return replace(slide, evidence=assessment.evidence)


def status_document(slides: list[SlideRecord], deliveries: list[Delivery]) -> dict[str, list[dict[str, object]]]:
    """Slides and deliveries as plain data."""
    return {"slides": [asdict(slide) for slide in slides], "deliveries": [asdict(each) for each in deliveries]}


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
