"""What people see: slides with their cells in the viewers that laboratories use, proven pixel by pixel."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from browsing import need_chromium, need_viewer
from marrowcount.cytology.cell_types import CellType

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.peer

DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
OHIF = Path(__file__).parents[2] / ".peers" / "ohif"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots are kept: MARROWCOUNT_TEST_ARTEFACTS, else with the test's other files."""
    folder = Path(os.environ.get("MARROWCOUNT_TEST_ARTEFACTS", tmp_path / "pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def assert_in_place(seen: dict[str, Any]) -> None:
    """Nearly all edges are where the truth says, and the proof would see a shift of 7 px."""
    assert seen["right"] >= 0.99, seen
    assert max(seen["shifted"]) < 0.6, seen


def test_viewers_draw_what_the_node_serves(
    in_private_network: Callable[..., Any], tmp_path: Path, pictures: Path
) -> None:
    """dicom-microscopy-viewer draws every class in its colour where the cells are, whichever way the slide lies.

    Corners and edges of the slide are no exception. OHIF draws the same boxes, all in one colour, when asked to.
    """
    need_chromium()
    need_viewer()
    if not OHIF.is_dir():
        pytest.skip("OHIF is not here: run make ohif")
    report = in_private_network("viewers_of_node.py", str(OHIF), str(tmp_path), str(pictures))
    for seen in report["microscopy"].values():
        assert_in_place(seen)
        assert seen["labels"] == [cell_type.label for cell_type in CellType]
    turns = {name: tuple(seen["turn"]) for name, seen in report["microscopy"].items()}
    assert turns == {"upright": (1, 0, 0, 1), "turned": (0, 1, -1, 0), "usual": (-1, 0, 0, -1)}
    assert report["warnings"] == []
    assert report["ohif"]["before"]["right"] < 0.05
    assert_in_place(report["ohif"]["after"])
    assert "AI marrow cells and tiles, preliminary" in report["ohif"]["row"]


def test_viewer_draws_what_orthanc_holds_with_help(
    program: Callable[[str], str], in_private_network: Callable[..., Any], tmp_path: Path, pictures: Path
) -> None:
    """Orthanc's metadata hold one coordinate of all, so that nothing is drawn; two ways round it both draw all.

    One is a shim that gives the addresses of the whole values, the other results from the node's own DICOMweb.
    """
    need_chromium()
    need_viewer()
    orthanc, storescu = program("Orthanc"), program("storescu")
    if not DICOMWEB_PLUGIN.is_file():
        pytest.skip("orthanc-dicomweb is not installed: run tests/peers/install.sh")
    peers = (orthanc, str(DICOMWEB_PLUGIN), storescu)
    report = in_private_network("viewers_of_orthanc.py", *peers, str(tmp_path), str(pictures))
    assert report["cut"] == [True] * len(CellType)
    assert report["alone"]["right"] < 0.05
    assert_in_place(report["shim"])
    assert_in_place(report["node"])
