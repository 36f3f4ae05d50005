"""What the page's scripts are told, as JSON: their own format, free to change with them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marrowcount.ports import Delivery, LedgerEvent
    from marrowcount_adapters.web_page.views import PageFacts, SlideLine, SlideView

__all__ = ["encoded", "facts_document", "slide_document", "slides_document"]

Document: TypeAlias = "Mapping[str, object]"


def encoded(document: Document) -> tuple[bytes, str]:
    """UTF-8 text, and the entity tag by which whoever has it already is known."""
    body = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def facts_document(facts: PageFacts, *, viewer: bool) -> Document:
    """What is the same for all slides, and whether the slide viewer is there."""
    return {**asdict(facts), "viewer": viewer}


def slides_document(lines: Sequence[SlideLine], known: int) -> Document:
    """The list, and how many slides the node knows."""
    return {"slides": [_line(line) for line in lines], "known": known}


def slide_document(view: SlideView) -> Document:
    """One slide."""
    return {
        **_line(view.line),
        "files": [asdict(file) for file in view.files],
        "result": view.result,
        "cells": view.cells and asdict(view.cells),
        "events": [_event(event) for event in view.events],
        "deliveries": [_delivery(delivery) for delivery in view.deliveries],
    }


def _line(line: SlideLine) -> dict[str, object]:
    slide, progress = line.slide, line.progress
    return {
        "series_uid": slide.series_uid,
        "study_uid": slide.study_uid,
        "glass": line.glass,
        "state": slide.state.value,
        "revision": slide.revision,
        "instances": slide.instances,
        "size_bytes": slide.size_bytes,
        "code": slide.code,
        "said": line.said,
        "sender": slide.sender,
        "received_at": slide.first_received_at.isoformat(),
        "changed_at": slide.changed_at.isoformat(),
        "progress": progress and {"share": progress.share, "tiles": progress.tiles, "cells": progress.cells},
    }


def _event(event: LedgerEvent) -> dict[str, object]:
    return {"at": event.at.isoformat(), "kind": event.kind.value, "detail": event.detail}


def _delivery(delivery: Delivery) -> dict[str, object]:
    return {
        "destination": delivery.order.destination,
        "kind": delivery.order.kind.value,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "last_error": delivery.last_error,
    }
