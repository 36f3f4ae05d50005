"""Whoever the patient is: what the node prints, names and remembers for itself tells of UIDs alone.

Hazard 9 of docs/risk.md. The patient's name has one component only: highdicom warns of such a name and quotes it,
wherever it writes an object.
"""

from __future__ import annotations

import os
import pwd
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
import pytest

from counted_slides import SIDE_PX, DrawnSlide, drawn_slide, hold_counted_slide
from marrowcount.main.parts import open_parts
from marrowcount.phantom import PhantomSlide
from marrowcount.settings import Settings
from marrowcount.slides.geometry import SizePx
from marrowcount_adapters.wsm_writer import write_phantom

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENT = {
    "PatientName": "Sternenberger",
    "PatientID": "KENNZAHL-8803",
    "PatientBirthDate": "19370419",
    "AccessionNumber": "AUFTRAG-5571",
}
COUNTABLE_PX = 2 * SIDE_PX
"""Side of a phantom that holds enough suitable tiles."""


@dataclass(frozen=True)
class Node:
    """A settings file, the data folder and the slide that was counted."""

    settings: Path
    data: Path
    series_uid: str


def told(*words: str | Path) -> str:
    """All that a command says, in a process of its own: there Python prints warnings as it does in a house."""
    command = [sys.executable, "-m", "marrowcount", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.returncode
    return done.stdout + done.stderr


def named(text: str) -> Mapping[str, str]:
    """What of the patient stands in a text."""
    return {keyword: value for keyword, value in PATIENT.items() if value in text}


def for_the_patient(folder: Path) -> None:
    """Write the patient into all files of a slide."""
    for path in folder.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        for keyword, value in PATIENT.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> DrawnSlide:
    slide = drawn_slide(tmp_path_factory.mktemp("drawn"))
    for_the_patient(slide.folder)
    return slide


@pytest.fixture
def node(drawn: DrawnSlide, tmp_path: Path) -> Node:
    data, file = tmp_path / "node", tmp_path / "settings.toml"
    with open_parts(Settings(node={"data_folder": data})) as parts:
        slide = hold_counted_slide(parts, drawn)
    file.write_text(
        f'organisation = "Haematology"\n[node]\ndata_folder = "{data}"\n'
        f'[[practitioner]]\naccount = "{pwd.getpwuid(os.getuid()).pw_name}"\nnumber = "4711"\n'
        'system = "urn:oid:1.2.3"\nfamily_name = "Curie"\n'
        '[[pacs]]\nname = "archive"\nae_title = "PACS"\nhost = "127.0.0.1"\nport = 104\n',
        encoding="utf-8",
    )
    return Node(file, data, slide.series_uid)


@pytest.mark.filterwarnings("ignore:The string .* is unlikely to represent")
def test_a_persons_commands_name_nobody(node: Node) -> None:
    """Neither on the terminal, nor in names of files, nor in the ledger; the results themselves do name the patient."""
    for act in (["verify"], ["amend", "--count", "blast=40"], ["withdraw", "--reason", "another glass"]):
        said = told("result", act[0], node.series_uid, *act[1:], "--settings", node.settings)
        assert node.series_uid in said
        assert not named(said), act[0]
    written = list(node.data.rglob("*"))
    assert not named(" ".join(map(str, written)))
    with closing(sqlite3.connect(node.data / "ledger.sqlite")) as ledger:
        assert not named("\n".join(ledger.iterdump()))
    reports = [pydicom.dcmread(path) for path in written if path.name == "differential.sr.dcm"]
    assert {str(report.PatientName) for report in reports} == {PATIENT["PatientName"]}


def test_a_count_names_nobody(tmp_path: Path) -> None:
    """From the slide's files to the result, as a worker counts."""
    slide, out = tmp_path / "slide", tmp_path / "out"
    write_phantom(PhantomSlide("normal", 7, SizePx(COUNTABLE_PX, COUNTABLE_PX)), slide)
    for_the_patient(slide)
    said = told("count", slide, "--out", out)
    assert "library.warned" in said
    assert not named(said)
    assert not named(" ".join(map(str, out.rglob("*"))))
