"""What is written in FHIR stands before validators that know nothing of marrowcount, and of its library."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from drawn_reports import reports as drawn_reports
from fhir_faults import FAULTS
from fhir_profile_faults import PROFILE_FAULTS
from fhir_sites import NEAREST, SITE, bundle_of
from fhir_validators import ALLOWED, CHECKERS
from made_up_reports import reports
from made_up_result import make_result
from marrowcount.review import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fhir_validators import Validators
    from marrowcount.review import Report
    from marrowcount_adapters.fhir import FhirSettings

CONFORMANCE = Path(__file__).parents[2] / "conformance" / "fhir"
DOCUMENT = b"%PDF-1.4 of a report"
GUIDES = ("eu-lab", "us-core-graph", "us-core")

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
def broken(planting: Any, fhir_validators: Validators) -> Mapping[str, str]:  # noqa: ANN401
    by_name: Mapping[str, str] = planting.caught_by_profiles(fhir_validators)
    return by_name


@pytest.mark.parametrize("site", [SITE, NEAREST], ids=["strict", "nearest"])
@pytest.mark.parametrize("report", reports().values(), ids=reports())
def test_every_turn_of_a_reports_life_is_valid(report: Report, site: FhirSettings, fhir_validators: Validators) -> None:
    """No checker finds a fault, nor do the rules of US Core and of HL7 Europe's laboratory guide."""
    assert fhir_validators.faults(bundle_of(report, DOCUMENT, site), guides=GUIDES) == []


@pytest.mark.slow
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(report=drawn_reports())
def test_two_hundred_reports_are_valid(report: Report, fhir_validators: Validators) -> None:
    """Any counts, headers that say little, odd characters, every status: no checker finds a fault.

    US Core wants the time of what was given out; a header that does not tell it gives none, and none is made up.
    """
    guides = GUIDES if report.context.acquired else GUIDES[:-1]
    assert fhir_validators.faults(bundle_of(report, site=NEAREST), guides=guides) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str, found: Mapping[str, Collection[str]]) -> None:
    """By one checker at least that is not the library which the encoders build with."""
    assert set(found[fault]) & set(CHECKERS)


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
    broken: Mapping[str, str],
) -> None:
    """After a change of checkers or faults, `python conformance/fhir/faults.py` must be run."""
    assert (CONFORMANCE / "faults.md").read_text(encoding="utf-8") == planting.document(found, broken)


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
