"""Where results go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from marrowcount.settings.kinds import AeTitle, Section

__all__ = ["EhrSection", "PacsSection", "StowSection"]


class DestinationSection(Section):
    """What every destination is called, and whose results it gets."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    """Name in tables and logs; unique."""
    senders: tuple[str, ...] = ()
    """Only results of slides from these callers: AE titles, `*` and `?` stand for any letters. Empty: from all."""
    institutions: tuple[str, ...] = ()
    """Only results of slides whose Institution Name (0008,0080) is one of these, with `*` and `?`, in any case."""


class WebDestinationSection(DestinationSection):
    """How every destination on the web is called."""

    bearer_token_file: Path | None = None
    """File that holds a bearer token; read at every delivery, never logged."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    """Silence after which it is given up, in seconds."""
    tls_authorities: Path | None = None
    """PEM file of those who sign the server's certificate; unset: those that the system trusts."""
    tls_show_certificate: bool = False
    """Show the certificate of section ``tls`` to a server that asks for one (mutual TLS)."""


class PacsSection(DestinationSection):
    """A PACS that gets annotations and reports by C-STORE."""

    ae_title: AeTitle
    """Its AE title."""
    host: Annotated[str, Field(min_length=1)]
    """Host name or address."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """TCP port."""
    commitment: bool = True
    """Ask for storage commitment after sending."""
    tls: bool = False
    """Call it over TLS (PS3.15 B.12), showing the certificate of section ``tls`` where that names one."""
    tls_authorities: Path | None = None
    """PEM file of those who sign its certificate; unset: those of section ``tls``, else those the system trusts."""
    tls_check_host: bool = True
    """Its certificate must name the host. Turn it off only where it cannot, and name authorities of the house then."""
    back_to_sender: bool = False
    """Only results of slides that this PACS sent itself."""
    modalities: tuple[Literal["ANN", "SR", "SEG", "DOC", "KO"], ...] = ()
    """Only these kinds of objects: annotations, structured reports, maps of tiles, report documents (PDF), notes that
    take results back. Empty: all."""


class StowSection(WebDestinationSection):
    """A DICOMweb server that gets annotations and reports by STOW-RS."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    """DICOMweb service base, such as ``https://pacs.example.org/dicom-web``."""
    modalities: tuple[Literal["ANN", "SR", "SEG", "DOC", "KO"], ...] = ()
    """Only these kinds of objects: annotations, structured reports, maps of tiles, report documents (PDF), notes that
    take results back. Empty: all."""


class EhrSection(WebDestinationSection):
    """A FHIR R4 server that gets the differential as a transaction."""

    base_url: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    """FHIR service base, such as ``https://ehr.example.org/fhir``."""
