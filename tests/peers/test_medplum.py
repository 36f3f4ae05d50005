"""@medplum/fhir-router, a FHIR server that others wrote, as an EHR that results are delivered to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from node_peers import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.peer

CONTEXT = {"Specimen": 1, "ImagingStudy": 1, "Device": 1}
WAYS = ["transaction", "single", "search"]


@pytest.fixture(scope="module")
def report(
    program: Callable[[str], str], in_private_network: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Any:  # noqa: ANN401 - what the script reports
    node = program("node")
    if not (PACKAGES / "node_modules" / "@medplum").is_dir():
        pytest.skip("@medplum/fhir-router is not here: run make node-peers")
    return in_private_network("medplum_delivery.py", node, str(tmp_path_factory.mktemp("medplum")))


def of_each(way: str, provenances: int) -> dict[str, int]:
    """What is there of a result; of a small one for transactions."""
    figures = 2 if way == "transaction" else 17
    return {**CONTEXT, "Observation": figures, "DiagnosticReport": 1, "Provenance": provenances}


@pytest.mark.parametrize("way", WAYS)
def test_a_result_is_there_once_however_often_it_is_sent(report: dict[str, Any], way: str) -> None:
    """Under the identifiers that the node gave, which the server must not take for its own names."""
    said = report["life"][way]
    assert said["check"] == "FHIR 4.0.1"
    assert said["first"] == said["repeat"] == of_each(way, 1)
    assert said["identifiers"] == said["wanted"]


@pytest.mark.parametrize("way", WAYS)
def test_a_new_revision_updates_in_place(report: dict[str, Any], way: str) -> None:
    """The same ids in other versions, with a provenance of its own."""
    said = report["life"][way]
    assert said["revision"] == of_each(way, 2)
    assert said["same ids"]
    assert said["other versions"]


@pytest.mark.parametrize("way", WAYS)
def test_a_persons_word_stands(report: dict[str, Any], way: str) -> None:
    """What was signed there is not overwritten."""
    said = report["life"][way]
    assert (said["over a person"], said["status"]) == ("remote-is-final", "final")


def test_two_nodes_make_one_set_of_resources(report: dict[str, Any]) -> None:
    """Delivering the same at once, each ends well."""
    said = report["two nodes"]
    assert said.pop("delivered") == 2
    said.pop("Provenance")  # each node may say that it did so
    assert said == {**CONTEXT, "Observation": 17, "DiagnosticReport": 1}


def test_a_patient_is_found_and_never_made(report: dict[str, Any]) -> None:
    """Missing, then registered, then registered twice."""
    assert report["patients"] == [
        "patient-not-found",
        "0 written",
        "delivered",
        "points to it",
        "patient-ambiguous",
    ]


def test_after_every_fault_all_is_there_once(report: dict[str, Any]) -> None:
    """Refusals for good are dead letters until a person sends them again; nothing is there twice."""
    said = report["faults"]
    assert said["states"][-2:] == ["dead", "dead"]
    assert set(said["states"][:-2]) == {"delivered"}
    assert said["finally"] == ["delivered"]
    slides = len(said["states"])
    assert said["counts"]["DiagnosticReport"] == said["counts"]["Provenance"] == said["counts"]["Specimen"] == slides
    assert said["counts"]["Observation"] == 17 * slides


def test_a_transaction_that_it_does_not_take_is_told_apart(report: dict[str, Any]) -> None:
    """It refuses conditions on more than eight entries, says so by 400 and writes nothing; singly all goes."""
    assert report["whole transaction"] == ["http-400", 0, "delivered"]
