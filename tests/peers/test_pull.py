"""Slides fetched from archives that others wrote: dcmtk's dcmqrscp, and Orthanc with its DICOMweb."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.peer

JPEG = "1.2.840.10008.1.2.4.50"
DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def assert_whole(report: dict[str, Any]) -> None:
    """All instances came, in the encoding in which they are stored, every frame as it was, and the inbox is empty."""
    assert (report["fault"], report["lacking"], report["altered"]) == ("", [], [])
    assert (report["syntaxes"], report["left_over"]) == ([JPEG], [])


def test_a_slide_is_pulled_from_dcmqrscp(
    program: Callable[[str], str], in_private_network: Callable[..., Any], tmp_path: Path
) -> None:
    """By C-MOVE to a running node and by C-GET: its own files, byte for byte from the data set on.

    A node that it does not know is told what to have entered where.
    """
    report = in_private_network("dcmqrscp_pull.py", program("dcmqrscp"), program("storescu"), str(tmp_path))
    assert_whole(report["move"])
    assert_whole(report["get"])
    assert (report["move"]["rewritten"], report["get"]["rewritten"]) == ([], [])
    assert report["unknown"].startswith("[destination-unknown]")


def test_a_slide_is_pulled_from_orthanc(
    program: Callable[[str], str], in_private_network: Callable[..., Any], tmp_path: Path
) -> None:
    """By C-MOVE, by C-GET, and by QIDO-RS and WADO-RS."""
    orthanc, storescu = program("Orthanc"), program("storescu")
    if not DICOMWEB_PLUGIN.is_file():
        pytest.skip("orthanc-dicomweb is not installed: run tests/peers/install.sh")
    report = in_private_network("orthanc_pull.py", orthanc, str(DICOMWEB_PLUGIN), storescu, str(tmp_path))
    for way in ("move", "get", "web"):
        assert_whole(report[way])
