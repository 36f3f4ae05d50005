"""The converter's own Python environment: made once, checked before use, never mixed with the node's."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from marrowcount.errors import SettingsError

__all__ = ["INSIDE", "REQUIREMENTS", "ConverterEnvironment"]

HERE: Final = Path(__file__).parent
INSIDE: Final = HERE / "inside.py"
REQUIREMENTS: Final = HERE / "requirements.txt"

STAMP: Final = "marrowcount-converter.json"
"""Written last, so that half an environment is none."""

WRITING: Final = b"1"
"""To be raised when inside.py comes to write anything else than before."""

CHECK_S: Final = 120.0
INSTALL_S: Final = 1800.0


@dataclass(frozen=True, slots=True)
class ConverterEnvironment:
    """A virtual environment in a folder."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def edition(self) -> str:
        """Names what it is made of and how it writes; other editions may write other bytes."""
        return hashlib.sha256(REQUIREMENTS.read_bytes() + WRITING).hexdigest()

    @property
    def is_ready(self) -> bool:
        """Whether it was made, whole, of the present requirements."""
        try:
            stamp = json.loads((self.folder / STAMP).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(stamp == self._stamp() and self.python.exists())

    def prepare(self) -> dict[str, str]:
        """Make it anew, by pip, which needs an index; the versions that it has.

        Raises:
            SettingsError: ``converter-not-made``, with what pip said last, or what is missing.
        """
        (self.folder / STAMP).unlink(missing_ok=True)
        _run([sys.executable, "-m", "venv", "--clear", str(self.folder)])
        _run([str(self.python), "-m", "pip", "install", "--disable-pip-version-check", "-r", str(REQUIREMENTS)])
        versions = self.check()
        (self.folder / STAMP).write_text(json.dumps(self._stamp()), encoding="utf-8")
        return versions

    def check(self) -> dict[str, str]:
        """Whether the libraries can be loaded; their versions.

        Raises:
            SettingsError: ``converter-not-made``, one cannot.
        """
        done = _run([str(self.python), "-I", str(INSIDE), "--check"], CHECK_S)
        answer: dict[str, Any] = json.loads(done.splitlines()[-1])
        if "missing" in answer:
            text = f"The converter lacks a library: {answer['missing']}. On Debian: apt-get install libturbojpeg0."
            raise SettingsError("converter-not-made", text)
        return {str(name): str(version) for name, version in answer["versions"].items()}

    def _stamp(self) -> dict[str, str]:
        return {"requirements": hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()}


def _run(command: list[str], timeout_s: float = INSTALL_S) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s)  # noqa: S603 - ours
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SettingsError("converter-not-made", f"{command[0]} did not do its work: {error}.") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise SettingsError("converter-not-made", f"The converter's environment cannot be made: {' '.join(said)}")
    return done.stdout
