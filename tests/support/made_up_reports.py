"""Reports of known content, one for each turn that the life of a report can take."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from made_up_result import CONTEXT, MODELS, make_result
from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.convergence import StoppingReason
from marrowcount.errors import Refusal
from marrowcount.review import (
    Practitioner,
    Uncounted,
    amended,
    counted,
    not_counted,
    verified,
    withdrawn,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marrowcount.result import CountResult
    from marrowcount.review import Report

CURIE = Practitioner("4711", "urn:oid:1.2.3.55", "Curie", "Marie", "University hospital")
NOETHER = Practitioner("4712", "urn:oid:1.2.3.55", "Noether", "Emmy")
VERIFIED_AT = datetime(2026, 10, 2, 12, 15, tzinfo=UTC)
CHANGED_AT = datetime(2026, 10, 5, 8, 30, tzinfo=UTC)

UNCOUNTED = Uncounted(
    CONTEXT,
    Refusal.NO_SUITABLE_REGION,
    "Only 3 tiles are fit for cytology, 80 are needed.",
    MODELS,
    datetime(2026, 10, 1, 9, 59, 30, tzinfo=UTC),
)

UNDEFINED: CountResult = replace(
    make_result({CellType.NEUTROPHIL: 40, CellType.BLAST: 2}),
    stopping=replace(make_result().stopping, reason=StoppingReason.SLIDE_EXHAUSTED, distance=None),
    warnings=("few-cells: 42 cells < 300",),
)
"""Without an erythroblast, on a slide that ended too early."""


def reports() -> Mapping[str, Report]:
    """By name, in the order of a report's life."""
    machine = counted(make_result())
    final = verified(machine, CURIE, VERIFIED_AT)
    changed = verified(
        machine, CURIE, VERIFIED_AT, {CellType.BLAST: 40, CellType.MONOCYTE: 41}, "Blasts with Auer rods."
    )
    return {
        "preliminary": machine,
        "final": final,
        "final-changed": changed,
        "corrected": amended(final, NOETHER, CHANGED_AT, {CellType.PLASMA_CELL: 25}, "Plasma cells had been missed."),
        "amended": amended(changed, NOETHER, CHANGED_AT, comment="Iron stain: see the other report."),
        "entered-in-error": withdrawn(final, CURIE, CHANGED_AT, "Slide of another patient."),
        "cancelled": not_counted(UNCOUNTED),
        "cancelled-after-count": not_counted(UNCOUNTED, [machine.status]),
        "undefined-ratio": counted(UNDEFINED),
    }
