"""Whoever reads one output of a report believes the same as who reads another, and nothing that is not so.

Hazards of docs/risk.md: a silent change of the denominator, a machine's result shown as final, a truncated run
published as complete, blasts hidden in "other", a figure of a person mixed with one of a machine.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_up_reports import CURIE, VERIFIED_AT, reports
from made_up_result import TYPICAL_COUNTS, make_result
from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.cytology.convergence import StoppingReason
from marrowcount.result import RESEARCH_USE_ONLY
from marrowcount.review import RELEASED, ReportStatus, counted, verified
from outputs import outputs_of

if TYPE_CHECKING:
    from marrowcount.review import Report

OF_RESULTS = {
    name: report
    for name, report in reports().items()
    if report.status in RELEASED | {ReportStatus.PRELIMINARY} and report.differential is not None
}
"""Those that show figures."""


def agree(report: Report, *, page: bool = True) -> None:
    """Each output gives the report's own figures, over its own total."""
    differential = report.differential
    assert differential is not None
    for name, said in outputs_of(report, page=page).items():
        assert said.total == differential.total, name
        for share in differential.shares:
            assert said.percents[share.cell_type] == share.percent, (name, share.cell_type)
            assert said.counts.get(share.cell_type, share.count) == share.count, (name, share.cell_type)
        assert sum(said.percents.values()) == 100, name


@pytest.mark.parametrize("report", OF_RESULTS.values(), ids=OF_RESULTS)
def test_every_output_says_the_same_figures(report: Report) -> None:
    """Counts, percentages that sum to 100, and the total that they are of."""
    agree(report)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries({each: st.integers(0, 3000) for each in CellType}).filter(
        lambda counts: sum(counts[each] for each in NDC_CLASSES) > 0
    ),
    st.dictionaries(st.sampled_from(NDC_CLASSES), st.integers(1, 3000), max_size=3),
)
def test_whatever_was_counted(counts: dict[CellType, int], changed: dict[CellType, int]) -> None:
    """Also where a person put their own counts in the place of some."""
    machine = counted(make_result({each: min(count, 60) for each, count in counts.items()}))
    if machine.differential is not None and machine.differential.total:
        agree(machine, page=False)
        agree(verified(machine, CURIE, VERIFIED_AT, changed), page=False)


def test_the_denominator_is_the_nucleated_cells_of_icsh() -> None:
    """With mast cells; without megakaryocytes, histiocytes, platelets, debris and unclassified cells, however many."""
    assert {each.name for each in NDC_CLASSES} == {
        "BLAST",
        "PROMYELOCYTE",
        "MYELOCYTE",
        "METAMYELOCYTE",
        "NEUTROPHIL",
        "EOSINOPHIL",
        "BASOPHIL",
        "MAST_CELL",
        "MONOCYTE",
        "LYMPHOCYTE",
        "PLASMA_CELL",
        "ERYTHROBLAST",
    }
    outside = {each: 500 for each in CellType if each not in NDC_CLASSES}
    few, many = (counted(make_result({**TYPICAL_COUNTS, **more})) for more in ({}, outside))
    for name, said in outputs_of(few, page=False).items():
        assert outputs_of(many, page=False)[name].percents == said.percents


@pytest.mark.parametrize("report", OF_RESULTS.values(), ids=OF_RESULTS)
def test_only_what_a_person_signed_is_called_final(report: Report) -> None:
    """A machine's result is preliminary in every output; for research use only in every output, whoever signed."""
    for name, said in outputs_of(report).items():
        assert RESEARCH_USE_ONLY in said.words, name
        if report.signatures:
            assert "preliminary" not in said.statuses, name
            assert report.signatures[-1].by.family_name in said.words, name
        else:
            assert said.statuses == {"preliminary"}, name
            assert "reliminary" in said.words or "PRELIMINARY" in said.words, name


@pytest.mark.parametrize("reason", [StoppingReason.CAP, StoppingReason.SLIDE_EXHAUSTED])
def test_a_count_that_ended_too_early_says_so_everywhere(reason: StoppingReason) -> None:
    """In words, beside the figures."""
    stopping = replace(make_result().stopping, reason=reason)
    for name, said in outputs_of(counted(make_result(stopping=stopping))).items():
        words = said.words.lower()
        assert "incomplete count" in words or "rule was not met" in words, name
    whole = outputs_of(counted(make_result()))
    assert not any("incomplete count" in said.words.lower() for said in whole.values())


def test_unclassified_cells_are_told_everywhere() -> None:
    """The flag that says how many cells could not be classified stands in every output: blasts may be among them."""
    flag = "unclassified: 12.3 % of nucleated cells could not be classified"
    for name, said in outputs_of(counted(make_result(warnings=(flag,)))).items():
        assert flag in said.words, name


def test_a_persons_figures_are_told_from_the_machines() -> None:
    """Where a person changed a count, every output that reaches others says so, with the machine's count."""
    report = verified(counted(make_result()), CURIE, VERIFIED_AT, {CellType.BLAST: 127})
    for name, said in outputs_of(report).items():
        if name == "result.json":
            continue  # has it as numbers: changed_by_a_person
        assert "blast 27 to 127" in said.words or "the machine counted 27" in said.words, name


def test_no_output_writes_a_decimal_comma() -> None:
    """In no text stands a number as a house with commas would read it otherwise; thousands have them on the page."""
    import re

    for name, said in outputs_of(counted(make_result()), page=False).items():
        assert not re.search(r"\d,\d(?!\d\d)", said.words), name
