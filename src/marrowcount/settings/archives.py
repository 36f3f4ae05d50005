"""Where slides can be fetched from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from marrowcount.settings.kinds import AeTitle, Section

__all__ = ["ArchiveSection"]


class ArchiveSection(Section):
    """An archive that slides are fetched from, by ``marrowcount pull`` or for a workitem.

    A table of its own, and not fields of ``pacs``: results often go to another application entity than the one that is
    queried, and an archive that is only read from gets no results.
    """

    name: Annotated[str, Field(min_length=1, max_length=64)]
    """Name for ``--from``, in tables and logs; unique."""
    how: Literal["move", "get", "web"] = "move"
    """``move``: C-FIND and C-MOVE, to the running node, which the archive has to know by AE title, host and port.
    ``get``: C-FIND and C-GET, on one association. ``web``: QIDO-RS and WADO-RS."""
    ae_title: AeTitle | None = None
    """Move and get: its AE title for query and retrieve."""
    host: str = ""
    """Move and get: host name or address."""
    port: Annotated[int, Field(ge=1, le=65535)] = 104
    """Move and get: TCP port."""
    url: Annotated[str, Field(pattern=r"^(https?://[^\s?#]+)?$")] = ""
    """Web: DICOMweb service base, such as ``https://vault.example.org/dicom-web``."""
    bearer_token_file: Path | None = None
    """Web: file that holds a bearer token; read at every pull, never logged."""
    tls: bool = False
    """Move and get: call it over TLS (PS3.15 B.12), showing the certificate of section ``tls`` where that names one.
    Web: show that certificate to a server that asks for one; whether TLS is spoken says the ``url``."""
    tls_authorities: Path | None = None
    """PEM file of those who sign its certificate; unset: those of section ``tls``, else those the system trusts."""
    tls_check_host: bool = True
    """Its certificate must name the host. Turn it off only where it cannot, and name authorities of the house then."""
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    """Silence after which the archive is given up, in seconds: archives that fetch from tape need long to begin."""

    @model_validator(mode="after")
    def _can_be_reached(self) -> ArchiveSection:
        if self.how == "web" and not self.url:
            msg = 'how = "web" needs url'
            raise ValueError(msg)
        if self.how != "web" and not (self.ae_title and self.host):
            msg = f'how = "{self.how}" needs ae_title and host'
            raise ValueError(msg)
        return self
