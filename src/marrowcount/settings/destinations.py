"""Where results go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from marrowcount.settings.kinds import AeTitle, Section

__all__ = ["EhrSection", "PacsSection"]


class PacsSection(Section):
    """A PACS that gets annotations and reports by C-STORE."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    """Name in tables and logs; unique."""
    ae_title: AeTitle
    """Its AE title."""
    host: Annotated[str, Field(min_length=1)]
    """Host name or address."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """TCP port."""
    commitment: bool = True
    """Ask for storage commitment after sending."""


class EhrSection(Section):
    """A FHIR R4 server that gets the differential as a transaction."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    """Name in tables and logs; unique."""
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    """FHIR service base, such as ``https://ehr.example.org/fhir``."""
    bearer_token_file: Path | None = None
    """File that holds a static bearer token; read at every delivery, never logged."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    """Time to wait for an answer, in seconds."""
