"""A trend of blasts as another program draws it, from a FHIR server behind an authorization server of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from node_peers import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.peer

FIGURES = 17
"""Observations of a result."""


@pytest.fixture(scope="module")
def report(
    program: Callable[[str], str], in_private_network: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Any:  # noqa: ANN401 - what the script reports
    node = program("node")
    if not (PACKAGES / "node_modules" / "@medplum").is_dir():
        pytest.skip("@medplum/fhir-router is not here: run make node-peers")
    return in_private_network("medplum_trend.py", node, str(tmp_path_factory.mktemp("trend")))


def test_the_trend_is_that_of_the_counts(report: dict[str, Any]) -> None:
    """Three slides of a patient, found by LOINC and read in UCUM, to the last digit, preliminary; not another one's."""
    assert report["first"] == [[percent, "preliminary"] for percent in report["expected"]]
    assert len(set(report["expected"])) == 3


def test_a_repeat_changes_no_figure(report: dict[str, Any]) -> None:
    """Nor does it add one."""
    assert report["repeat"] == [True, True]


@pytest.mark.parametrize("status", ["final", "corrected"])
def test_a_persons_word_stands_in_the_trend(report: dict[str, Any], status: str) -> None:
    """In the place of the older figure: all figures and the report under the same ids, in newer versions."""
    percent, point, same, raised = report[status]
    assert point == [percent, status]
    assert same
    assert raised == FIGURES + 1


def test_ratios_and_totals_are_found_as_well(report: dict[str, Any]) -> None:
    """By their own codes and units, to the last digit."""
    assert report["totals"] == report["expected totals"]
    assert report["ratios"] == report["expected ratios"]
    assert len(set(report["ratios"])) == 3


def test_what_was_withdrawn_is_no_longer_drawn(report: dict[str, Any]) -> None:
    """Two points are left of three, of the blasts and of the totals."""
    assert report["after a withdrawal"] == [2, 2]


def test_nothing_is_delivered_without_a_token(report: dict[str, Any]) -> None:
    """The server is guarded."""
    assert report["without a token"] == "http-401"
