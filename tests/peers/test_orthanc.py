"""Orthanc, an archive that many use: it routes a slide to the node and takes the results back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.peer

ANNOTATIONS, REPORT = "1.2.840.10008.5.1.4.1.1.91.1", "1.2.840.10008.5.1.4.1.1.88.33"
DOCUMENT = "1.2.840.10008.5.1.4.1.1.104.1"


def test_slide_goes_round_by_orthanc(
    program: Callable[[str], str], in_private_network: Callable[..., Any], tmp_path: Path
) -> None:
    """Auto-routing brings the slide whole; annotations and report are archived and committed to by a reverse call."""
    report = in_private_network("orthanc_round_trip.py", program("Orthanc"), program("storescu"), str(tmp_path))
    assert report["echo"].startswith("ORTHANC@127.0.0.1:4242 answered")
    assert report["routed"] == report["sent"] > 3
    assert report["altered"] == []
    assert (report["ready"], report["sender"]) == (1, "ORTHANC")
    assert report["transaction_matches"]
    assert (report["committed"], report["failed"]) == (["1.2.8.1", "1.2.8.2"], [])
    assert {ANNOTATIONS, REPORT} < set(report["classes"])


def test_orthanc_is_answered_for_what_it_routed(
    program: Callable[[str], str], in_private_network: Callable[..., Any], tmp_path: Path
) -> None:
    """Orthanc's storage commitment SCU hears our report on an association of ours: what is held, and what is not."""
    report = in_private_network("orthanc_commitment.py", program("Orthanc"), program("storescu"), str(tmp_path))
    assert (report["status"], report["committed"]) == ("Success", report["sent"])
    assert report["remote"] == "MARROWCOUNT"
    assert report["failed_status"] == "Failure"
    assert report["failures"] == [
        "One or more of the elements in the Referenced SOP Instance Sequence was not available"
    ]


def test_orthanc_gets_the_count_of_what_it_routes(
    program: Callable[[str], str], in_private_network: Callable[..., Any], tmp_path: Path
) -> None:
    """With a real node behind it, a phantom put into Orthanc by dcmtk comes back as annotations and reports.

    When it routes the slide, Orthanc asks for storage commitment, and the node answers for every instance.
    """
    report = in_private_network("orthanc_whole_thread.py", program("Orthanc"), program("dcmsend"), str(tmp_path))
    assert (report["state"], report["held"]) == ("counted", report["sent"])
    assert (report["commitment"], report["committed"]) == ("Success", report["sent"])
    assert {ANNOTATIONS, REPORT, DOCUMENT} < set(report["classes"])
