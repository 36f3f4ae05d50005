"""dcmtk, an independent implementation of DICOM networking, as sender and as archive."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from peer_node import peer_node, phantom

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return phantom(tmp_path_factory.mktemp("slide"))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("storescu", ["-R", "-xy", "-pdu", "131072", "-aec", "MARROWCOUNT"]),
        ("storescu", ["-R", "-xy", "-pdu", "4096", "-aec", "MARROWCOUNT"]),
        ("dcmsend", ["--no-uid-checks", "-aec", "MARROWCOUNT"]),
    ],
)
def test_dcmtk_sends_a_whole_slide(
    program: Callable[[str], str], slide: list[Path], tmp_path: Path, name: str, options: list[str]
) -> None:
    """Whatever its PDU size, every instance arrives as it was sent, and the slide is found complete."""
    command = [program(name), *options]
    with peer_node(tmp_path) as node:
        subprocess.run([*command, "127.0.0.1", str(node.peer.port), *map(str, slide)], check=True, timeout=60)
        uids = {path.stem: path for path in slide}
        kept = sorted((tmp_path / "store" / "instances").rglob("*.dcm"))
        assert len(kept) == len(uids) == len(slide)
        relative = [path.relative_to(tmp_path / "store").as_posix() for path in kept]
        assert all(any(node.store.same_data_set(sent, path) for sent in slide) for path in relative)
        assert node.assess() == 1
        (found,) = node.ledger.slides()
        assert found.state.value == "ready"


def test_dcmtk_echo_is_answered(program: Callable[[str], str], tmp_path: Path) -> None:
    """The simplest question of another implementation."""
    with peer_node(tmp_path) as node:
        command = [program("echoscu"), "-aec", "MARROWCOUNT", "127.0.0.1", str(node.peer.port)]
        subprocess.run(command, check=True, timeout=30)


def test_dcmtk_archive_takes_slides_and_results(
    program: Callable[[str], str], in_private_network: Callable[..., Any], tmp_path: Path
) -> None:
    """storescp takes from our sender slides, annotations and reports, and holds what was sent."""
    report = in_private_network("dcmtk_archive.py", program("storescp"), str(tmp_path))
    assert report["failures"] == []
    assert report["lost"] == []
    assert report["echo"].startswith("ARCHIVE@127.0.0.1")


def test_dcmtk_sends_and_takes_over_tls(
    program: Callable[[str], str], in_private_network: Callable[..., Any], tmp_path: Path
) -> None:
    """With the house's certificates slides go both ways, in several syntaxes; strangers and plain text stay outside."""
    report = in_private_network("dcmtk_tls.py", program("storescu"), program("storescp"), str(tmp_path))
    assert (report["known"], report["same"]) == ([0, 0, 0], [True, True, True])
    assert report["stranger"] != 0
    assert report["plain"] != 0
    assert (report["failures"], report["held"]) == ([], 1)
    assert "certificate refused" in report["refused"]
