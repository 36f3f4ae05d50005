"""One slide as people read it: levels, lists, what it waits for, what happened to it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from marrowcount.main.tables import deliveries_table
from marrowcount.slides.states import SlideState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from marrowcount.main.reporting import SlideStatus
    from marrowcount.ports import LedgerEvent
    from marrowcount.slides.evidence import Evidence
    from marrowcount.slides.levels import Level

__all__ = ["slide_view"]

NAMED = 5
"""Missing instances that are named; JSON names all."""


def slide_view(status: SlideStatus) -> RenderableType:
    """All that is known of one slide."""
    evidence = status.assessment.evidence
    parts: list[RenderableType] = [Text(_head(status)), _levels_table(evidence)]
    if evidence.lists or evidence.counts:
        parts.append(_lists_table(evidence))
    if status.deliveries:
        parts.append(deliveries_table(status.deliveries))
    parts.append(_history_table(status.events))
    return Group(*parts)


def _head(status: SlideStatus) -> str:
    slide = status.slide
    said = f"{slide.code}: {slide.message}" if slide.code else slide.evidence
    lines = {
        "series": slide.series_uid,
        "study": slide.study_uid,
        "state": f"{slide.state}, revision {slide.revision}, since {slide.changed_at:%Y-%m-%d %H:%M:%S %Z}",
        "instances": f"{slide.instances} ({slide.size_bytes / 1e6:.1f} MB) from {slide.sender}, "
        f"the last at {slide.last_received_at:%H:%M:%S}",
        "companions": _companions(status.assessment.evidence),
        "decided": said,
        "awaited": _awaited(status),
    }
    return "\n".join(f"{name:<11} {line}" for name, line in lines.items() if line)


def _companions(evidence: Evidence) -> str:
    named = [f"{count} {flavour.lower()}" for flavour, count in evidence.companions.items()]
    return ", ".join([*named, *([f"{evidence.others} other"] if evidence.others else [])])


def _awaited(status: SlideStatus) -> str:
    """What it waits for and until when; nothing where it does not wait."""
    assessment = status.assessment
    if status.slide.state is SlideState.INCOMPLETE:
        return "; ".join(assessment.evidence.gaps)
    if status.slide.state is not SlideState.RECEIVING:
        return ""
    until = status.now + timedelta(seconds=assessment.waits_s)
    return f"{assessment.sentence}, until {until:%H:%M:%S}"


def _levels_table(evidence: Evidence) -> Table:
    table = Table(title="Levels", title_justify="left")
    for heading in ("pixels", "um/px", "planes", "paths", "frames held", "of", "parts held", "missing"):
        table.add_column(heading, justify="left" if heading == "missing" else "right", overflow="fold")
    for level in evidence.levels:
        _add(table, *_level_cells(level), level.gap and _missing(level))
    for level in evidence.elsewhere:
        _add(table, *_level_cells(level), "came in another series")
    return table


def _level_cells(level: Level) -> tuple[str, ...]:
    parts = f"{len(level.parts_held)} of {_parts_needed(level)}" if level.parts_needed is not None else ""
    return (
        f"{level.width} x {level.height}",
        "?" if level.um_per_px is None else f"{level.um_per_px:.3g}",
        str(level.focal_planes),
        str(level.optical_paths),
        str(level.frames_held),
        str(level.frames_full) if level.frames_needed is not None else f"at most {level.frames_full}",
        parts,
    )


def _parts_needed(level: Level) -> str:
    return str(level.parts_needed) if level.parts_total_known else "?"


def _missing(level: Level) -> str:
    if level.missing_parts > 0:
        return f"parts {', '.join(map(str, level.parts_missing[:NAMED]))}" + _more(level.missing_parts)
    return f"{level.frames_full - level.frames_held} frames"


def _lists_table(evidence: Evidence) -> Table:
    table = Table(title="Lists and counts", title_justify="left")
    for heading in ("source", "of", "said at", "names", "missing"):
        table.add_column(heading, overflow="fold")
    for one in evidence.lists:
        missing = ", ".join(one.missing[:NAMED]) + _more(len(one.missing))
        _add(table, one.source, one.said_by, f"{one.said_at:%Y-%m-%d %H:%M:%S}", str(one.named), missing)
    for count in evidence.counts:
        missing = str(max(0, count.instances - count.held))
        asked = "count" if count.stands else "count, once"
        _add(table, asked, count.said_by, f"{count.said_at:%Y-%m-%d %H:%M:%S}", str(count.instances), missing)
    return table


def _more(count: int) -> str:
    return f" and {count - NAMED} more" if count > NAMED else ""


def _history_table(events: Sequence[LedgerEvent]) -> Table:
    table = Table(title="History", title_justify="left")
    for heading in ("at", "what", "detail"):
        table.add_column(heading, overflow="fold")
    for event in events:
        _add(table, f"{event.at:%Y-%m-%d %H:%M:%S}", event.kind, event.detail)
    return table


def _add(table: Table, *cells: str) -> None:
    """A row as it is: brackets in it are no markup."""
    table.add_row(*(Text(cell) for cell in cells))
