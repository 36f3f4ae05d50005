"""Python modules as processes that say when they are ready."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from marrowcount.errors import PeerError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

__all__ = ["free_port", "module_process"]

PATIENCE_S: Final = 30.0


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def module_process(module: Sequence[str], log: Path) -> Generator[dict[str, Any]]:
    """Run a module whose first line of output, one of JSON, says that it is ready; end it on leaving.

    Args:
        module: its name and its arguments.
        log: gets its standard error.

    Raises:
        PeerError: it ended before it was ready.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MARROWCOUNT_")}
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            [sys.executable, "-m", *module], stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        ) as process,
    ):
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise PeerError("not-started", f"{module[0]} did not start; see {log}")
            yield json.loads(line)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
