"""What is written in FHIR stands before validators that know nothing of marrowcount, and of its library."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drawn_reports import reports as drawn_reports
from fhir_faults import FAULTS, R5_FAULTS
from fhir_profile_faults import PROFILE_FAULTS
from fhir_sites import GUIDES, NEAREST, bundle_of, release_of
from fhir_validators import ALLOWED, CHECKERS
from made_up_reports import reports
from made_up_result import make_result
from marrowcount.review import counted
from marrowcount_adapters.fhir import Projection

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fhir_validators import Validators
    from marrowcount.review import Report

CONFORMANCE = Path(__file__).parents[2] / "conformance" / "fhir"
DOCUMENT = b"%PDF-1.4 of a report"

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def planting() -> Any:  # noqa: ANN401 - a module that lies on no package's path
    """The program that plants faults."""
    sys.path.insert(0, str(CONFORMANCE))
    import faults

    return faults


@pytest.fixture(scope="module")
def found(planting: Any, fhir_validators: Validators) -> Mapping[str, Collection[str]]:  # noqa: ANN401
    by_name: Mapping[str, Collection[str]] = planting.caught(fhir_validators)
    return by_name


@pytest.fixture(scope="module")
def found_in_r5(planting: Any, fhir_validators: Validators) -> Mapping[str, Collection[str]]:  # noqa: ANN401
    by_name: Mapping[str, Collection[str]] = planting.caught_in_r5(fhir_validators)
    return by_name


@pytest.fixture(scope="module")
def broken(planting: Any, fhir_validators: Validators) -> Mapping[str, str]:  # noqa: ANN401
    by_name: Mapping[str, str] = planting.caught_by_profiles(fhir_validators)
    return by_name


@pytest.mark.parametrize("projection", Projection)
@pytest.mark.parametrize("report", reports().values(), ids=reports())
def test_every_turn_of_a_reports_life_is_valid(
    report: Report, projection: Projection, fhir_validators: Validators
) -> None:
    """In no projection does a checker find a fault, nor do the rules of the guides that it keeps."""
    text = bundle_of(report, DOCUMENT, projection=projection)
    assert fhir_validators.faults(text, release_of(projection), guides=GUIDES[projection]) == []


@pytest.mark.parametrize("report", reports().values(), ids=reports())
def test_terms_of_a_manual_count_are_valid_as_well(report: Report, fhir_validators: Validators) -> None:
    """Where the laboratory wants them."""
    text = bundle_of(report, DOCUMENT, NEAREST)
    assert fhir_validators.faults(text, guides=GUIDES[Projection.R4_GRAPH]) == []


def guides_of(projection: Projection, report: Report) -> Sequence[str]:
    """US Core wants the time of what was given out; a header that does not tell it gives none, and none is made up."""
    return [each for each in GUIDES[projection] if each != "us-core" or report.context.acquired]


@pytest.mark.slow
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(report=drawn_reports())
def test_two_hundred_reports_are_valid(report: Report, fhir_validators: Validators) -> None:
    """Any counts, headers that say little, odd characters, every status: no checker finds a fault."""
    text = bundle_of(report, site=NEAREST)
    assert fhir_validators.faults(text, guides=guides_of(Projection.R4_GRAPH, report)) == []


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(report=drawn_reports(), projection=st.sampled_from([*Projection][1:]))
def test_sixty_reports_are_valid_in_other_projections(
    report: Report, projection: Projection, fhir_validators: Validators
) -> None:
    """The same, as single observations, as a document, in R5."""
    text = bundle_of(report, DOCUMENT, projection=projection)
    assert fhir_validators.faults(text, release_of(projection), guides=guides_of(projection, report)) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str, found: Mapping[str, Collection[str]]) -> None:
    """By one checker at least that is not the library which the encoders build with."""
    assert set(found[fault]) & set(CHECKERS)


@pytest.mark.parametrize("fault", R5_FAULTS)
def test_a_fault_planted_into_r5_is_caught(fault: str, found_in_r5: Mapping[str, Collection[str]]) -> None:
    """By those that know R5."""
    assert found_in_r5[fault]


def test_every_checker_is_needed(found: Mapping[str, Collection[str]]) -> None:
    """Each catches something; and the independent ones together far more than the library alone."""
    assert set(CHECKERS) <= set().union(*found.values())
    assert sum("fhir.resources" in by for by in found.values()) < len(FAULTS) / 2


@pytest.mark.parametrize("fault", PROFILE_FAULTS)
def test_a_broken_promise_is_caught_by_its_profile(fault: str, broken: Mapping[str, str]) -> None:
    """Each rule of the profiles, broken once."""
    assert broken[fault]


def test_the_table_of_faults_is_current(
    planting: Any,  # noqa: ANN401
    found: Mapping[str, Collection[str]],
    found_in_r5: Mapping[str, Collection[str]],
    broken: Mapping[str, str],
) -> None:
    """After a change of checkers or faults, `python conformance/fhir/faults.py` must be run."""
    assert (CONFORMANCE / "faults.md").read_text(encoding="utf-8") == planting.document(found, found_in_r5, broken)


def test_every_warning_that_may_stand_does_stand(fhir_validators: Validators) -> None:
    """The list of allowed warnings holds none that nobody gives any more."""
    text = bundle_of(counted(make_result()), DOCUMENT)
    profile = json.loads((CONFORMANCE / "StructureDefinition-marrowcount-panel.json").read_text())["url"]
    panel = next(e["resource"] for e in json.loads(text)["entry"] if "hasMember" in e["resource"])
    given_out = fhir_validators.findings(text) + fhir_validators.findings(json.dumps(panel), profile=profile)
    for checker, reads in ALLOWED:
        assert [each for each in given_out if each.checker == checker and re.search(reads, each.message)], reads


def test_what_cannot_be_judged_is_no_pass(fhir_validators: Validators) -> None:
    """A question that the validators fail at is an error, not the absence of findings."""
    with pytest.raises(RuntimeError, match="no profile"):
        fhir_validators.findings('{"resourceType": "Basic", "code": {"text": "x"}}', profile="urn:uuid:unknown")
