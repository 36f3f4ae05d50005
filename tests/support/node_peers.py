"""Peers that run in Node.js: started with the packages that ``make node-peers`` brought, and ended with the block."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
PACKAGES = REPOSITORY / ".peers" / "node"
SCRIPTS = REPOSITORY / "tests" / "peers" / "node"
PATIENCE_S = 20


@contextmanager
def node_peer(node: str, script: str, *arguments: str, log: Path) -> Iterator[Any]:
    """Run a script of tests/peers/node; what it announced when it was ready, read from JSON.

    It ends by itself when its standard input does, also where this process is killed.
    """
    command = [node, str(SCRIPTS / script), str(PACKAGES), *arguments]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True) as running,
    ):
        assert running.stdin is not None
        assert running.stdout is not None
        try:
            line = running.stdout.readline()
            assert line, f"{script} did not start:\n{log.read_text()}"
            yield json.loads(line)
        finally:
            running.stdin.close()
            try:
                running.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                running.kill()
