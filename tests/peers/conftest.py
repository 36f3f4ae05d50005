"""Real peers: found, started in a network of their own, and asked for a report."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fhir_validators import missing, validators

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhir_validators import Validators

SUPPORT = Path(__file__).parents[1] / "support"
PRIVATE_NETWORKS = (("unshare", "--net"), ("unshare", "--user", "--map-root-user", "--net"))


@cache
def private_network() -> tuple[str, ...]:
    """The command that runs another one where nothing but its own loopback exists; empty where none does."""
    for command in PRIVATE_NETWORKS:
        if shutil.which("unshare") and shutil.which("ip"):
            tried = subprocess.run([*command, "ip", "link", "set", "lo", "up"], capture_output=True, check=False)
            if tried.returncode == 0:
                return (*command, "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    return ()


def needed(program: str) -> str:
    """Path of a peer's program; the test stands aside without it."""
    # Not by PATH alone: pynetdicom puts scripts of dcmtk's names into virtual environments.
    for folder in ("/usr/bin", "/usr/sbin", "/usr/local/bin"):
        if os.access(f"{folder}/{program}", os.X_OK):
            return f"{folder}/{program}"
    pytest.skip(f"{program} is not installed: run tests/peers/install.sh")


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    return needed


@pytest.fixture(scope="session")
def in_private_network() -> Callable[..., Any]:
    """Runs a program of this folder, peers and all, in a network of its own; what it reported, read from JSON."""

    def run(script: str, *arguments: str) -> Any:  # noqa: ANN401 - each script reports what its test asks for
        network = private_network()
        if not network:
            pytest.skip("no private network: needs root or user namespaces, unshare and ip (util-linux, iproute2)")
        command = [*network, sys.executable, str(Path(__file__).parent / script), *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(SUPPORT), os.environ.get("PYTHONPATH", "")))}
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280, env=environment)
        assert done.returncode == 0, f"{script} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def fhir_validators() -> Iterator[Validators]:
    """Everybody who judges FHIR; tests stand aside without the packages."""
    if absent := missing():
        pytest.skip(absent)
    with validators() as asked:
        yield asked
