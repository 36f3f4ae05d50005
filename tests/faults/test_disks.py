"""A disk that runs full or read-only under a node: senders hear so, work waits, and nothing acknowledged is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SUPPORT = Path(__file__).parents[1] / "support"
OWN_MOUNTS = (("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount"))


@cache
def own_mounts() -> tuple[str, ...]:
    """The command that runs another one with mounts that nobody else sees; empty where there is none."""
    for command in OWN_MOUNTS:
        if shutil.which("unshare") and shutil.which("mount"):
            tried = subprocess.run([*command, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
            if tried.returncode == 0:
                return command
    return ()


def with_disk(program: str, illness: str, folder: Path) -> Any:  # noqa: ANN401 - what the program reports
    if not own_mounts():
        pytest.skip("no private mounts: needs root or user namespaces, unshare and mount (util-linux)")
    command = [*own_mounts(), sys.executable, str(Path(__file__).with_name(program)), illness, str(folder)]
    path = os.pathsep.join(filter(None, (str(SUPPORT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("illness", ["full", "read-only"])
def test_an_ill_disk_costs_nothing_that_was_acknowledged(tmp_path: Path, illness: str) -> None:
    """Senders are asked to try later (A700); when the disk is well again, the same node takes everything."""
    report = with_disk("disk_faults.py", illness, tmp_path)
    assert report["healthy"] == 2
    assert report["failures"] > 3
    assert report["statuses"] == ["A700"]
    assert report["verdicts"] == ["try later"]
    assert report["lost"] == []
    assert (report["after"], report["taken"]) == ([], report["sent"])
    assert (report["wrong"], report["left"]) == ([], [])


@pytest.mark.parametrize("illness", ["full", "full-beside-the-ledger", "read-only"])
def test_an_ill_disk_keeps_counts_and_deliveries_waiting(tmp_path: Path, illness: str) -> None:
    """Neither is charged to the slide: when the disk is well again, all is counted and delivered, each once."""
    report = with_disk("work_faults.py", illness, tmp_path)
    assert len(report["acknowledged"]) > 2
    assert report["waits"] + sum(report["faults"].values()) >= 1
    if illness != "full":
        assert (report["waits"], report["faults"]) == (6, {})
    assert (report["lost"], report["wrong"]) == ([], [])
