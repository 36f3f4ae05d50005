"""How slides of scanners' own formats are converted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from marrowcount.settings.kinds import Section

__all__ = ["ConvertSection"]


class ConvertSection(Section):
    """How ``marrowcount ingest --convert`` turns SVS, NDPI, TIFF and others into DICOM."""

    environment: Path | None = None
    """Folder of the converter's own Python environment, which ``--prepare`` makes (400 MB); unset: ``converter`` in the
    data folder."""
    timeout_s: Annotated[float, Field(gt=0)] = 14_400.0
    """Time after which a conversion is given up, in seconds."""
    memory_gib: Annotated[float, Field(ge=1)] = 16.0
    """Address space that a conversion may take, in GiB."""
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Threads of a conversion."""
