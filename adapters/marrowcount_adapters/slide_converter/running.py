"""One conversion: a process of its own, bounded in time, memory and space, without a network."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

import structlog

from marrowcount.errors import InstanceError, SettingsError
from marrowcount_adapters.slide_converter.environment import INSIDE, ConverterEnvironment

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount_adapters.slide_converter.metadata import SlideMetadata

__all__ = ["ConversionLimits", "Converted", "SlideConverter"]

LOG: Final = structlog.get_logger()

NAMESPACE: Final = UUID("3f0c6d4e-9f6b-4a0e-8a3c-0e7d2c1b5a64")
"""Of the identifiers of converted slides; changing it makes every conversion a new slide."""

GIB: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class ConversionLimits:
    """What a conversion may take.

    Attributes:
        timeout_s: seconds.
        memory_bytes: address space.
        workers: threads.
    """

    timeout_s: float = 4 * 3600.0
    memory_bytes: int = 16 * GIB
    workers: int = 2


@dataclass(frozen=True, slots=True)
class Converted:
    """What came out.

    Attributes:
        files: one for each level, below the folder that was given.
        um_per_px: of the base level.
    """

    files: tuple[Path, ...]
    um_per_px: float


@dataclass(frozen=True, slots=True)
class SlideConverter:
    """Converts with what an environment has."""

    environment: ConverterEnvironment
    limits: ConversionLimits

    def convert(self, source: Path, sha256: str, metadata: SlideMetadata, out: Path) -> Converted:
        """Write a slide's levels into a folder, neither label nor overview: both show names.

        The same file with the same metadata, converted by the same edition, gives the same bytes, UIDs among them.

        Args:
            source: the slide's file.
            sha256: of it, hexadecimal.
            metadata: what it does not say.
            out: an empty folder.

        Raises:
            InstanceError: ``unsupported-format``, ``no-resolution``, ``no-time``, ``damaged``, ``too-slow``.
            SettingsError: ``converter-not-made``, the environment is not prepared.
        """
        if not self.environment.is_ready:
            text = "The converter is not there yet: run marrowcount ingest --prepare once."
            raise SettingsError("converter-not-made", text)
        answer = self._asked(self._request(source, sha256, metadata, out), out)
        if "refused" in answer:
            raise InstanceError(str(answer["refused"]), str(answer["message"]))
        converted = answer["converted"]
        files = tuple(out / os.path.basename(name) for name in converted["files"])  # noqa: PTH119 - a name, no path
        LOG.info("slide.converted", sha256=sha256, files=len(files), um_per_px=converted["um_per_px"])
        return Converted(files, float(converted["um_per_px"]))

    def _request(self, source: Path, sha256: str, metadata: SlideMetadata, out: Path) -> dict[str, Any]:
        said = json.dumps(metadata.model_dump(), sort_keys=True)
        name = hashlib.sha256(f"{sha256}|{said}|{self.environment.edition}".encode()).hexdigest()
        return {
            "source": str(source.resolve()),
            "out": str(out.resolve()),
            "um_per_px": metadata.slide.um_per_px,
            "uid_namespace": str(uuid5(NAMESPACE, name)),
            "attributes": metadata.attributes(),
            "specimen": metadata.specimen,
            "acquired": metadata.slide.acquired,
            "unidentified": metadata.is_unidentified,
            "workers": self.limits.workers,
            "memory_bytes": self.limits.memory_bytes,
        }

    def _asked(self, request: dict[str, Any], out: Path) -> dict[str, Any]:
        command = [str(self.environment.python), "-I", str(INSIDE)]
        # Nothing of ours is passed on, and what the libraries say may quote the file: nobody hears it.
        environment = {"PATH": os.defpath, "HOME": str(out), "TMPDIR": str(out), "LC_ALL": "C.UTF-8"}
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and program
                command,
                input=json.dumps(request),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                check=False,
                timeout=self.limits.timeout_s,
                env=environment,
                cwd=out,
            )
        except subprocess.TimeoutExpired:
            raise InstanceError("too-slow", "The conversion took longer than the settings allow.") from None
        return _answer(done.stdout, done.returncode)


def _answer(said: str, status: int) -> dict[str, Any]:
    try:
        answer = json.loads(said.splitlines()[-1])
    except (IndexError, ValueError):
        answer = None
    if not isinstance(answer, dict):
        raise InstanceError(
            "damaged", f"The converter ended without an answer (status {status}): out of memory, or a crash."
        )
    return answer
