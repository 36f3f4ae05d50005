"""Two independent parsers read from messages what was counted."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hl7apy.exceptions import HL7apyException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hl7_messages import SITE, figures, strictly_parsed
from made_up_reports import CURIE, VERIFIED_AT
from made_up_result import CONTEXT, TYPICAL_COUNTS, make_result
from marrowcount.cytology.cell_types import CODES, NDC_CLASSES, CellType
from marrowcount.cytology.differential import differential_of
from marrowcount.cytology.histogram import Histogram
from marrowcount.result import Patient, PersonName
from marrowcount.review import counted, verified
from marrowcount.workflow.identity import percent_bounds, published_ratio
from marrowcount_adapters.hl7v2 import encode_oru

if TYPE_CHECKING:
    from marrowcount.cytology.differential import Differential

BASE = make_result()
NAMES = st.text(st.characters(max_codepoint=0x2FFF), max_size=20)
MOST_CASES = settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])


def expected(differential: Differential) -> dict[str, tuple[str, str]]:
    """Value and unit of each figure by its number, from the count itself."""
    said: dict[str, tuple[str, str]] = {"13": (str(differential.total), "{cells}")}
    for place, share in enumerate(differential.shares, start=1):
        low, high = percent_bounds(share.interval)
        known = differential.total > 0
        said |= {
            f"{place}": (str(share.percent), "%") if known else ("", ""),
            f"{place}.1": (str(share.count), "{cells}") if known else ("", ""),
            f"{place}.2": (str(low), "%") if known else ("", ""),
            f"{place}.3": (str(high), "%") if known else ("", ""),
        }
    for sub_id, ratio in (("14", differential.me_ratio), ("15", differential.bmme)):
        published = published_ratio(ratio)
        said[sub_id] = ("", "") if published is None else (f"^{published}^:^1", "{ratio}")
    return said


@MOST_CASES
@given(
    counts=st.dictionaries(st.sampled_from(CellType), st.integers(0, 4000)),
    names=st.tuples(NAMES, NAMES),
    words=st.text(max_size=60),
)
def test_a_parser_reads_the_figures_that_were_counted(
    counts: dict[CellType, int], names: tuple[str, str], words: str
) -> None:
    """Every number, exactly; whatever the patient is called and whatever the count warns of."""
    histogram = Histogram.from_counts(counts)
    patient = Patient((PersonName(*names),)) if any(names) else Patient()
    result = replace(
        BASE,
        context=replace(CONTEXT, patient=patient),
        histogram=histogram,
        differential=differential_of(histogram),
        warnings=(words,),
    )
    said = {each.sub_id: (each.value, each.unit) for each in figures(encode_oru(counted(result), SITE))}
    wanted = expected(result.differential)
    assert {sub_id: said[sub_id] for sub_id in wanted} == wanted
    for place, cell_type in enumerate(CellType, start=1):
        assert said[f"17.{place}"] == (str(histogram[cell_type]), "{objects}")


@pytest.mark.slow
@MOST_CASES
@given(
    counts=st.dictionaries(st.sampled_from(NDC_CLASSES), st.integers(0, 900), max_size=4),
    names=st.tuples(NAMES, NAMES),
    comment=st.text(max_size=60),
)
def test_the_strict_parser_finds_no_fault(counts: dict[CellType, int], names: tuple[str, str], comment: str) -> None:
    """By its tables of 2.5.1, of 200 results that persons changed and commented upon."""
    patient = Patient((PersonName(*names),)) if any(names) else Patient()
    result = replace(BASE, context=replace(CONTEXT, patient=patient))
    if sum({**TYPICAL_COUNTS, **counts}[each] for each in NDC_CLASSES):
        report = verified(counted(result), CURIE, VERIFIED_AT, counts, comment)
        strictly_parsed(encode_oru(report, replace(SITE, with_details=False)))


SOUND = encode_oru(counted(BASE), replace(SITE, with_details=False)).decode()
FAULTS = {
    "no message number": lambda text: text.replace(text.split("|")[9], "", 1),
    "no patient": lambda text: text.replace("MRN00017^^^HOSP&1.2.3.4&ISO^MR", "", 1),
    "no status of a figure": lambda text: text.replace("|P|||2026", "||||2026", 1),
    "no such field": lambda text: text.replace("||||Laboratory\r", "||||Laboratory|||x\r", 1),
    "no such segment there": lambda text: text.replace("PV1|1|U", "OBX|1|NM", 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_strict_parser_would_see_a_fault(fault: str) -> None:
    """A check that finds nothing wrong in anything proves nothing."""
    broken = FAULTS[fault](SOUND)
    assert broken != SOUND
    with pytest.raises((HL7apyException, ValueError)):
        strictly_parsed(broken.encode())


def test_every_class_is_told_by_its_own_code() -> None:
    """No two figures share a code, and percentages are called as the core calls classes."""
    said = figures(encode_oru(counted(BASE), SITE))
    codes = [each.codes[-1] for each in said]
    assert len(set(codes)) == len(codes)
    assert codes[: 4 * len(NDC_CLASSES) : 4] == [CODES[each].local.value for each in NDC_CLASSES]
    assert sum(Decimal(each.value) for each in said[: 4 * len(NDC_CLASSES) : 4]) == 100
