"""wsidicomizer in its own environment: slides of other formats become DICOM, are taken in, and are judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from marrowcount_adapters.slide_converter import ConverterEnvironment
from marrowcount_adapters.sql import open_ledger

pytestmark = [pytest.mark.peer, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[2]
METADATA = '[patient]\nid = "MRN-1"\nname = "Müller^Zoë"\n[slide]\ncontainer = "G1"\n'

TIFF = """
import sys, numpy, tifffile
rows, columns = numpy.mgrid[0:1100, 0:1500]
picture = numpy.stack([(rows + columns) % 256, rows % 256, columns % 256], axis=2).astype(numpy.uint8)
how = dict(resolution=(40000, 40000), resolutionunit="CENTIMETER") if sys.argv[2] == "scaled" else {}
tifffile.imwrite(sys.argv[1], picture, tile=(256, 256), photometric="rgb", compression="jpeg", **how)
"""
"""Tiled, at 0.25 um per pixel or at none."""


@pytest.fixture(scope="module")
def environment() -> ConverterEnvironment:
    folder = Path(os.environ.get("MARROWCOUNT_CONVERT__ENVIRONMENT", REPOSITORY / ".venv-converter"))
    made = ConverterEnvironment(folder.absolute())
    if not made.is_ready:
        pytest.skip("the converter's environment is not made: make .venv-converter/.made")
    return made


class Node:
    """A node's folder, and commands on it."""

    def __init__(self, folder: Path, environment: ConverterEnvironment) -> None:
        self.folder = folder
        self.settings = folder / "settings.toml"
        self.settings.write_text(
            f'[node]\ndata_folder = "{folder}/node"\n[receive]\ndisk_watermark_gib = 0\n'
            f'[convert]\nenvironment = "{environment.folder}"\n'
        )

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "marrowcount", *map(str, arguments), "--settings", str(self.settings)]
        clean = {key: value for key, value in os.environ.items() if not key.startswith("MARROWCOUNT_")}
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=250, env=clean)

    def held(self) -> list[tuple[Path, Dataset]]:
        paths = sorted((self.folder / "node" / "instances").rglob("*.dcm"))
        return [(path, dcmread(path)) for path in paths]

    def slides(self) -> list[Any]:
        ledger = open_ledger(f"sqlite:///{self.folder}/node/ledger.sqlite")
        try:
            return list(ledger.slides())
        finally:
            ledger.close()


@pytest.fixture
def node(tmp_path: Path, environment: ConverterEnvironment) -> Node:
    return Node(tmp_path, environment)


@pytest.fixture
def tiff(tmp_path: Path, environment: ConverterEnvironment) -> Callable[..., Path]:
    def make(scale: str, metadata: str = METADATA) -> Path:
        path = tmp_path / f"{scale}.tiff"
        subprocess.run([environment.python, "-c", TIFF, path, scale], check=True, timeout=120)
        if metadata:
            Path(f"{path}.toml").write_text(metadata, encoding="utf-8")
        return path

    return make


def test_a_tiled_tiff_is_converted_and_taken_in_once(node: Node, tiff: Callable[..., Path]) -> None:
    """With what the person said, at the file's own resolution; converted again, every byte is the same."""
    path = tiff("scaled", METADATA + 'acquired = "20260930090000"\n')
    first = node.run("ingest", "--convert", path)
    assert first.returncode == 0, first.stdout + first.stderr
    (base, *_) = sorted((header for _, header in node.held()), key=lambda h: -h.TotalPixelMatrixColumns)
    assert (base.PatientID, str(base.PatientName), base.ContainerIdentifier) == ("MRN-1", "Müller^Zoë", "G1")
    assert base.SpecimenDescriptionSequence[0].SpecimenIdentifier == "G1"
    assert (base.AcquisitionDateTime, base.StudyDate) == ("20260930090000", "")
    assert (base.TotalPixelMatrixColumns, base.TotalPixelMatrixRows) == (1500, 1100)
    measures = base.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert [float(mm) for mm in measures.PixelSpacing] == pytest.approx([0.00025, 0.00025])
    before = {path: path.read_bytes() for path, _ in node.held()}
    again = node.run("ingest", "--convert", path)
    assert again.returncode == 0, again.stdout
    assert "identical" in again.stdout
    assert {path: path.read_bytes() for path, _ in node.held()} == before
    assert list((node.folder / "node" / "converting").iterdir()) == []


def test_nothing_is_made_up(node: Node, tiff: Callable[..., Path]) -> None:
    """Neither a patient, nor a resolution, nor a time; each refusal says what is needed."""
    for scale, metadata, code in (
        ("scaled", "", "no-metadata"),
        ("scaled", METADATA, "no-time"),
        ("unscaled", METADATA, "no-resolution"),
    ):
        path = tiff(scale, metadata)
        done = node.run("ingest", "--convert", path)
        assert (done.returncode, code in done.stdout) == (1, True), done.stdout + done.stderr
        Path(f"{path}.toml").unlink(missing_ok=True)
    assert node.held() == []


def test_a_slide_of_nobody_is_marked(node: Node, tiff: Callable[..., Path]) -> None:
    """On demand alone: its patient is a placeholder by its very name."""
    done = node.run("ingest", "--unidentified", tiff("scaled", metadata=""))
    assert done.returncode == 0, done.stdout + done.stderr
    patients = {(header.PatientID[:13], header.IssuerOfPatientID) for _, header in node.held()}
    assert patients == {("UNIDENTIFIED-", "UNIDENTIFIED")}


def test_a_scanners_slide_is_converted_and_refused_for_its_resolution(
    node: Node, shared_data: Path, tmp_path: Path
) -> None:
    """A real Aperio slide of 0.5 um per pixel: its levels come in, its label does not, and counting says why not."""
    source = shared_data / "wsi_vendor" / "cmu_small_region.svs"
    if not source.is_file():
        pytest.skip("the Aperio slides are not here")
    file = tmp_path / "metadata.toml"
    file.write_text(METADATA, encoding="utf-8")
    done = node.run("ingest", source, "--convert", "--metadata", file)
    assert done.returncode == 0, done.stdout + done.stderr
    (slide,) = node.slides()
    assert {header.ImageType[2] for _, header in node.held()} == {"VOLUME"}
    counted = node.run("count", node.folder / "node" / "instances" / slide.series_uid, "--out", tmp_path / "out")
    assert counted.returncode == 3
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert (result["state"], result["reason"]) == ("refused", "wrong-resolution")


def test_a_broken_slide_is_told(node: Node, shared_data: Path) -> None:
    """A real file that only pretends; and one of which the header says no resolution."""
    folder = shared_data / "wsi_vendor"
    if not (folder / "broken.svs").is_file():
        pytest.skip("the Aperio slides are not here")
    done = node.run("ingest", folder / "broken.svs", folder / "tcga-cr-7395-01a-01-ts1.svs", "--unidentified")
    assert done.returncode == 1
    assert "no-resolution" in done.stdout
    assert "not-dicom" in done.stdout
