"""Names of results: the same for the same, another for another."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.convergence import Stopping, StoppingReason
from marrowcount.cytology.differential import Interval, clopper_pearson, differential_of, rounded_percentages
from marrowcount.cytology.histogram import Histogram
from marrowcount.result import CountResult, ModelIdentity, ModelTask, SlideContext, Specimen
from marrowcount.slides.detections import Detection, LookedAtTile
from marrowcount.slides.geometry import PixelBox, SizePx, SpacingMm
from marrowcount.slides.tiles import Tile
from marrowcount.workflow.identity import (
    device_uid,
    percent_bounds,
    published_ratio,
    result_uid,
    slide_uuid,
)

CONTEXT = SlideContext(
    "1.2.3", "1.2.4", "1.2.5", "1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.6", "P", "", "", "", "", None,
    Specimen("C1", "LAB", "", ""),
)  # fmt: skip
ROI = ModelIdentity(ModelTask.ROI, "roi", "1", "a" * 64, 0.85, "")
CELLS = ModelIdentity(ModelTask.CELLS, "cells", "1", "b" * 64, 0.75, "")


def a_result() -> CountResult:
    histogram = Histogram([CellType.BLAST])
    return CountResult(
        CONTEXT,
        SizePx(1024, 1024),
        SpacingMm(0.00025, 0.00025),
        (LookedAtTile(Tile(0, 0), 0.9, accepted=True),),
        (Detection(CellType.BLAST, PixelBox(1, 2, 3, 4), 0.8),),
        histogram,
        differential_of(histogram),
        Stopping(StoppingReason.CONVERGED, "rule", 1, None),
        (ROI, CELLS),
        datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_uids_are_uids() -> None:
    """A result's UID has the 2.25 form, digits without leading zero, at most 64 characters (PS3.5 9.1, B.2)."""
    for uid in (result_uid(a_result(), "cells"), device_uid((ROI, CELLS))):
        assert re.fullmatch(r"2\.25\.[1-9][0-9]{0,38}", uid)
        assert len(uid) <= 64


def test_time_does_not_enter() -> None:
    """The same count at another time is the same: a repeated delivery is recognised."""
    later = replace(a_result(), counted_at=datetime(2027, 1, 1, tzinfo=UTC))
    assert result_uid(later, "cells") == result_uid(a_result(), "cells")


@pytest.mark.parametrize(
    "other",
    [
        replace(a_result(), context=replace(CONTEXT, series_uid="1.2.99")),
        replace(a_result(), models=(ROI, replace(CELLS, sha256="c" * 64))),
        replace(a_result(), models=(ROI, replace(CELLS, threshold=0.5))),
        replace(a_result(), stopping=replace(a_result().stopping, rule="another")),
        replace(a_result(), detections=(Detection(CellType.BLAST, PixelBox(1, 2, 3, 5), 0.8),)),
        replace(a_result(), tiles=(LookedAtTile(Tile(0, 1), 0.9, accepted=True),)),
    ],
    ids=["series", "weights", "threshold", "rule", "box", "tile"],
)
def test_another_count_has_another_uid(other: CountResult) -> None:
    """Slide, models, thresholds, rule and findings each make another instance: an instance never changes."""
    assert result_uid(other, "cells") != result_uid(a_result(), "cells")


def test_parts_have_names_of_their_own() -> None:
    """Two parts of one result never share a name."""
    parts = ["cells", "tiles", "differential", *(f"cells/{cell_type.label}" for cell_type in CellType)]
    assert len({result_uid(a_result(), part) for part in parts}) == len(parts)
    assert len({slide_uuid(CONTEXT, part) for part in parts}) == len(parts)


def test_slide_names_exclude_the_run() -> None:
    """What an EHR calls a figure depends on the slide alone, so that a newer count updates the older."""
    newer = replace(a_result(), models=(ROI, replace(CELLS, sha256="c" * 64)))
    assert slide_uuid(newer.context, "ndc/blast") == slide_uuid(a_result().context, "ndc/blast")


def test_device_is_software_with_its_models() -> None:
    """Another model makes another device."""
    assert device_uid((ROI, replace(CELLS, sha256="c" * 64))) != device_uid((ROI, CELLS))


@given(st.lists(st.integers(0, 5000), min_size=2, max_size=12).filter(any))
def test_published_bounds_hold_the_published_percentage(counts: list[int]) -> None:
    """Rounded outward, an interval covers what it says and holds the percentage that largest remainder gives."""
    total = sum(counts)
    for count, percent in zip(counts, rounded_percentages(counts), strict=True):
        share = clopper_pearson(count, total)
        interval = Interval(100 * share.low, 100 * share.high)
        low, high = percent_bounds(interval)
        assert float(low) <= interval.low <= interval.high <= float(high)
        assert low <= percent <= high
        assert Decimal(0) <= low <= high <= Decimal(100)


@pytest.mark.parametrize(("ratio", "published"), [(None, None), (2.0 / 3, Decimal("0.67")), (3.0, Decimal("3.00"))])
def test_published_ratio(ratio: float | None, published: Decimal | None) -> None:
    """A ratio is published with two decimals, an undefined one not at all."""
    assert published_ratio(ratio) == published
