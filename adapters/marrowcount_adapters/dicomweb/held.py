"""What the node holds, as DICOMweb sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Held"]


@dataclass(frozen=True, slots=True)
class Held:
    """An instance on the disk.

    Attributes:
        sha256: of the file, hexadecimal.
    """

    study_uid: str
    series_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    path: Path
    size_bytes: int
    sha256: str
