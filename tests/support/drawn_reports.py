"""Reports as they may come: any counts, headers that say little, odd characters, every status."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from made_up_result import CONTEXT, MODELS, make_result
from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.cytology.convergence import Stopping, StoppingReason
from marrowcount.cytology.differential import differential_of
from marrowcount.cytology.histogram import Histogram
from marrowcount.errors import Refusal
from marrowcount.result import CountResult, SlideContext
from marrowcount.review import (
    Practitioner,
    Report,
    ReportStatus,
    Uncounted,
    amended,
    counted,
    not_counted,
    verified,
    withdrawn,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ODD = "<>&\"'`|\\^~%#?=;,. /:{}[]$\u00e4\u00df\u5f20\u0936\u094d\U0001f9ea\u200b\u0301\u202e\u00a0"
"""Of markup, URLs and HL7 version 2; beyond Latin-1; beyond 16 bits; combining, invisible, from right to left."""
PLAIN = "ABCxyz0189-_"

TEXTS = st.text(PLAIN + ODD, min_size=1, max_size=40).map(str.strip).filter(bool)
NAMES = st.text(PLAIN + "'. \u00e4\u00df\u5f20", min_size=1, max_size=30).map(str.strip).filter(bool)
MAYBE = st.just("") | TEXTS
UIDS = st.integers(1, 2**128 - 1).map(lambda number: f"2.25.{number}")
ZONES = st.sampled_from([UTC, *(timezone(timedelta(minutes=minutes)) for minutes in (-570, -60, 120, 345, 840))])
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31), timezones=ZONES)  # noqa: DTZ001 - zones are drawn
NAIVE_TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2099, 12, 31))  # noqa: DTZ001 - headers often give no zone
NOTHING_FOUND = make_result({})
COUNTS = st.sampled_from([0, 0, 1, 2]) | st.integers(0, 5_000)


def _histograms() -> st.SearchStrategy[Mapping[CellType, int]]:
    """At least one cell of the differential: without one there is no result."""
    counts = st.fixed_dictionaries(dict.fromkeys(CellType, COUNTS))
    return counts.filter(lambda each: sum(each[cell_type] for cell_type in NDC_CLASSES) > 0)


def contexts() -> st.SearchStrategy[SlideContext]:
    """Headers of slides; whose slide it is can be told, all else may be missing."""
    specimens = st.builds(
        replace,
        st.just(CONTEXT.specimen),
        container_identifier=MAYBE,
        container_issuer=MAYBE,
        specimen_identifier=MAYBE,
        specimen_uid=st.just("") | UIDS,
    )
    return st.builds(
        replace,
        st.just(CONTEXT),
        study_uid=UIDS,
        series_uid=UIDS,
        base_instance_uid=UIDS,
        patient_id=TEXTS,
        patient_id_system=st.sampled_from(["", "urn:oid:1.2.3.4.5", "https://example.org/mrn"]),
        accession_number=MAYBE,
        accession_issuer=st.sampled_from(["", "HEMLAB", "elsewhere"]),
        acquired=st.none() | TIMES | NAIVE_TIMES,
        specimen=specimens,
    )


@st.composite
def results(draw: st.DrawFn) -> CountResult:
    """Counts of any size. Where the cells lie does not matter here: there are none."""
    stopping = Stopping(
        draw(st.sampled_from(StoppingReason)),
        draw(TEXTS),
        draw(st.integers(1, 80)),
        draw(st.none() | st.floats(0, 10) | st.just(4.9e-10)),
    )
    models = tuple(replace(model, name=draw(NAMES), version=draw(NAMES)) for model in MODELS)
    histogram = Histogram.from_counts(draw(_histograms()))
    return replace(
        NOTHING_FOUND,
        context=draw(contexts()),
        histogram=histogram,
        differential=differential_of(histogram),
        stopping=stopping,
        models=models,
        counted_at=draw(TIMES),
        warnings=tuple(draw(st.lists(TEXTS.map("few-cells: {}".format), max_size=3))),
    )


def practitioners() -> st.SearchStrategy[Practitioner]:
    """Persons of a list of staff."""
    numbers = st.text(PLAIN, min_size=1, max_size=20)
    systems = st.sampled_from(["urn:oid:1.2.3.9", "https://example.org/staff"])
    return st.builds(Practitioner, numbers, systems, NAMES, st.just("") | NAMES, st.just("") | NAMES)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """A version of a report, of any status, that came about as such versions do."""
    if draw(st.integers(0, 9)) == 0:
        uncounted = Uncounted(draw(contexts()), draw(st.sampled_from(Refusal)), draw(TEXTS), MODELS, draw(TIMES))
        return not_counted(uncounted, draw(st.sampled_from([(), (ReportStatus.PRELIMINARY,)])))
    report, steps = counted(draw(results())), draw(st.integers(0, 3))
    if steps > 0:
        report = verified(report, draw(practitioners()), draw(TIMES), draw(_changes()), draw(MAYBE))
    if steps > 1:
        report = amended(report, draw(practitioners()), draw(TIMES), draw(_changes()), draw(TEXTS))
    if steps > 2 or (steps == 0 and draw(st.integers(0, 9)) == 0):
        report = withdrawn(report, draw(practitioners()), draw(TIMES), draw(TEXTS))
    return report


def _changes() -> st.SearchStrategy[Any]:
    """What a person counted otherwise; at least one cell stays."""
    changed = st.dictionaries(st.sampled_from(NDC_CLASSES), COUNTS, max_size=4)
    return st.none() | changed.map(lambda each: {**each, CellType.NEUTROPHIL: each.get(CellType.NEUTROPHIL, 0) + 1})
