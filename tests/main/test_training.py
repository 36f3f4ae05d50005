"""``marrowcount train``: whole trainings of a few steps, offline, killed and gone on with."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Example, LabelledBox, Split
from marrowcount.datasets.splitting import folds
from marrowcount.main import phantom_datasets
from marrowcount.main.cli import app
from marrowcount.main.models import bundled_models
from marrowcount.settings import CountSection
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount_adapters.dataset_store import DatasetWriter, open_dataset
from marrowcount_adapters.training.checkpoints import read_checkpoint, read_weights
from marrowcount_adapters.training.tiles import TileWriter

if TYPE_CHECKING:
    from pathlib import Path

STEPS = 4
NEVER = 0
"""No step has this number."""

KILLED = """
import os, signal, socket, sys

def refuse(*a, **k):
    open(sys.argv[1], "a").write(f"asked for {a}\\n")
    raise OSError("no network here")

class NoSocket(socket.socket):
    connect = connect_ex = sendto = bind = refuse

socket.socket, socket.getaddrinfo, socket.gethostbyname, socket.create_connection = NoSocket, refuse, refuse, refuse

from marrowcount.main import training_progress
from marrowcount.main.cli import app

heard = training_progress.TrainingProgress.stepped
last = int(sys.argv[2])
def stepped(self, step, report):
    heard(self, step, report)
    if step == last:
        os.kill(os.getpid(), signal.SIGKILL)
training_progress.TrainingProgress.stepped = stepped
app(sys.argv[3:])
"""


@pytest.fixture(scope="module")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Light pictures with dark discs: blasts, cells nobody named, and one picture not wholly boxed; fit and unfit."""
    folder = tmp_path_factory.mktemp("data") / "set"
    rng = np.random.default_rng(1)
    with DatasetWriter(folder, "discs") as writer:
        for place in range(4):
            picture = rng.integers(200, 230, (300, 300, 3), dtype=np.uint8)
            picture[100:160, 80:140] = 60 + 10 * place
            box = LabelledBox(PixelBox(80, 100, 140, 160), CellType.BLAST if place % 2 else None)
            split = Split.VALIDATION if place == 3 else Split.TRAIN
            writer.add(
                picture,
                Example(
                    str(place),
                    "",
                    SizePx(300, 300),
                    (box,),
                    place != 2,
                    place != 0,
                    0.25,
                    patient=str(place),
                    split=split,
                ),
            )
        writer.finish()
    return folder


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of both kinds of tiles."""
    folder = tmp_path_factory.mktemp("phantom")
    rng = np.random.default_rng(2)
    cells, regions = TileWriter(folder / "cells", 2, 512), TileWriter(folder / "regions", 4, 256)
    for place in range(2):
        picture = rng.integers(0, 255, (512, 512, 3), dtype=np.uint8)
        cells.add(picture, np.array([[place, 200, 200, 260, 270]], np.float32))
        regions.add(picture[:256, :256], fit=True, faults=np.zeros((8, 8)))
        regions.add(picture[256:, 256:], fit=False, faults=np.ones((8, 8)))
    cells.close()
    regions.close()
    return folder


def configured(folder: Path, task: str, data_set: Path, phantom: Path) -> list[str]:
    """The command line of a tiny training into ``folder / "run"``."""
    file = folder / "training.toml"
    file.write_text(
        f'out = "{folder / "run"}"\nsteps = {STEPS}\nbatch = 2\nthreads = 1\nsave_every = 2\njudge_every = 4\n'
        f"report_every = 1\njudge_tiles = 1\n"
        f'[[data]]\nfolders = ["{phantom}"]\n[[data]]\nfolders = ["{data_set}"]\nweight = 3.0\n'
    )
    return ["train", task, "--config", str(file)]


def run_here(command: list[str]) -> str:
    threads = torch.get_num_threads()
    try:
        done = CliRunner().invoke(app, command, catch_exceptions=False)
    finally:
        torch.set_num_threads(threads)
    assert done.exit_code == 0
    return done.output


def without_network(asked: Path, killed_after: int, command: list[str]) -> subprocess.CompletedProcess[bytes]:
    """Run the command where every socket is refused and written down; killed after a step."""
    words = [sys.executable, "-W", "ignore", "-c", KILLED, str(asked), str(killed_after), *command]
    return subprocess.run(words, capture_output=True, check=False)


@pytest.mark.parametrize("task", ["cells", "roi"])
def test_a_killed_training_ends_as_if_it_had_not_been(tmp_path: Path, data_set: Path, phantom: Path, task: str) -> None:
    """Killed by SIGKILL after step 3, gone on from step 2: the same weights to the bit.

    No socket is used from the first step to the last validation and the best model.
    """
    (tmp_path / "once").mkdir()
    (tmp_path / "twice").mkdir()
    run_here(configured(tmp_path / "once", task, data_set, phantom))
    command = configured(tmp_path / "twice", task, data_set, phantom)
    asked = tmp_path / "asked"
    killed = without_network(asked, 3, command)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert read_checkpoint(tmp_path / "twice" / "run" / "checkpoint.pt")["step"] == 2
    finished = without_network(asked, NEVER, command)
    assert finished.returncode == 0, finished.stderr.decode()
    assert not asked.exists(), asked.read_text()
    assert (tmp_path / "twice" / "run" / "validation.png").is_file()
    once, twice = (read_checkpoint(tmp_path / name / "run" / "checkpoint.pt") for name in ("once", "twice"))
    for part in ("network", "average"):
        assert all(torch.equal(value, twice[part][name]) for name, value in once[part].items())
    for name in ("best.safetensors", "log.jsonl"):
        assert (tmp_path / "once" / "run" / name).read_bytes() == (tmp_path / "twice" / "run" / name).read_bytes()


def test_screen_and_folder_tell_how_it_went(tmp_path: Path, data_set: Path, phantom: Path) -> None:
    """Step, loss and validation on the screen; configuration, log, checkpoint, best model and curve in the folder."""
    command = configured(tmp_path, "roi", data_set, phantom)
    said = run_here([*command, "--steps", "3", "--rate", "0.001"])
    assert "step 3: loss" in said
    assert "validation: precision" in said
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"config.json", "log.jsonl", "checkpoint.pt", "best.safetensors", "validation.png", "tiles"}
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["steps"], config["learning_rate"]) == (3, 0.001)


def test_a_training_begins_with_given_weights(tmp_path: Path, data_set: Path, phantom: Path) -> None:
    """One step at a tiny rate from a run's best model: almost the same weights; those of the other task are refused."""
    command = configured(tmp_path, "roi", data_set, phantom)
    run_here([*command, "--steps", "1"])
    first = read_weights(tmp_path / "run")
    out = ["--out", str(tmp_path / "on"), "--start", str(tmp_path / "run"), "--steps", "1", "--rate", "1e-9"]
    run_here([*command, *out])
    second = read_weights(tmp_path / "on")
    assert torch.allclose(first["features.conv0.weight"], second["features.conv0.weight"], atol=1e-6)
    other = ["--out", str(tmp_path / "other"), "--start", str(tmp_path / "run"), "--steps", "1"]
    failed = CliRunner().invoke(app, [*configured(tmp_path, "cells", data_set, phantom), *other])
    assert "weights-differ" in str(failed.exception)
    assert str(tmp_path / "run") in str(failed.exception)


def test_folds_are_trained_and_measured(tmp_path: Path) -> None:
    """Two folds by patient, each measured on patients of its own; called again, nothing is done again."""
    rng = np.random.default_rng(3)
    with DatasetWriter(tmp_path / "set", "patients") as writer:
        for place in range(16):
            picture = rng.integers(0, 99 if place % 2 else 255, (256, 256, 3), dtype=np.uint8)
            about = Example(str(place), "", SizePx(256, 256), fit=place % 2 == 0, um_per_px=0.25, patient=str(place))
            writer.add(picture, about)
        writer.finish()
    file = tmp_path / "training.toml"
    file.write_text(
        f'out = "{tmp_path}/folds"\nsteps = 1\nbatch = 2\nthreads = 1\n[[data]]\nfolders = ["{tmp_path}/set"]\n'
    )
    command = ["crossvalidate", "roi", "--config", str(file), "--folds", "2"]
    said = run_here(command)
    assert "fold 2 of 2" in said
    report = json.loads((tmp_path / "folds" / "crossvalidation.json").read_text())
    assert len(report["folds"]) == 2
    assert report["over_folds"]["roc_auc"]["folds"] == 2
    assert all(fold["tiles"] >= 2 for fold in report["folds"])
    assert "fold 1 of 2" not in run_here(command)


def test_folds_of_the_cell_model_leave_whole_slides_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The phantom as a data set, a slide a patient: each fold is measured on slides of its own, with every class."""
    monkeypatch.setattr(phantom_datasets, "PROFILES", ("normal", "aml"))
    run_here(["dataset", "phantom", str(tmp_path / "set"), "--seeds", "1", "2", "--size", "2048", "--unfit", "1"])
    dataset = open_dataset(tmp_path / "set").dataset
    assert {example.patient for example in dataset.examples} == {f"{p}-{s}" for p in ("normal", "aml") for s in (1, 2)}
    start = bundled_models() / CountSection().cell_model
    file = tmp_path / "training.toml"
    file.write_text(
        f'out = "{tmp_path}/folds"\nstart = "{start}"\nsteps = 1\nlearning_rate = 1e-9\nbatch = 2\nthreads = 1\n'
        f'[[data]]\nfolders = ["{tmp_path}/set"]\n'
    )
    command = ["crossvalidate", "cells", "--config", str(file), "--folds", "2"]
    assert "fold 2 of 2" in run_here(command)
    report = json.loads((tmp_path / "folds" / "crossvalidation.json").read_text())
    test = [Counter(e.patient for e in fold.of(Split.TEST) if e.objects is not None) for fold in folds(dataset, 2, 1)]
    assert not set(test[0]) & set(test[1])
    assert [fold["tiles"] for fold in report["folds"]] == [count.total() for count in test]
    assert {"mean_average_precision", "threshold", "mean_log_average_miss_rate"} <= set(report["over_folds"])
    assert all(fold["mean_average_precision"] > 0.5 for fold in report["folds"])  # the shipped model, all but unchanged
    assert "fold 1 of 2" not in run_here(command)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--device", "cuda:7"], "no-such-device"),
        (["--batch", "0"], "batch"),
        (["--data", "nowhere"], "dataset-missing"),
    ],
)
def test_wrong_flags_are_refused(tmp_path: Path, data_set: Path, phantom: Path, flags: list[str], words: str) -> None:
    """By a coded error, before anything is trained."""
    failed = CliRunner().invoke(app, [*configured(tmp_path, "cells", data_set, phantom), *flags])
    assert failed.exit_code != 0
    assert words in str(failed.exception)
