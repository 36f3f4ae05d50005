"""Orthanc's DICOMweb plugin takes results by STOW-RS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.peer

DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def test_results_are_stored_in_orthanc_by_stow(
    program: Callable[[str], str], in_private_network: Callable[..., Any], tmp_path: Path
) -> None:
    """Annotations and report arrive once, however often they are sent; what it cannot read is refused for good."""
    orthanc = program("Orthanc")
    if not DICOMWEB_PLUGIN.is_file():
        pytest.skip("orthanc-dicomweb is not installed: run tests/peers/install.sh")
    report = in_private_network("orthanc_stow.py", orthanc, str(DICOMWEB_PLUGIN), str(tmp_path))
    assert report["check"] == "answers DICOMweb"
    assert report["taken"] == [["1.2.8.1", "1.2.8.2"]] * 2
    assert report["held"] == 2
    assert report["classes"] == ["1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.91.1"]
    assert report["broken"].startswith("[http-400]")
