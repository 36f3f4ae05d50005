"""The web server: DICOMweb and whatever else the node offers over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from marrowcount.settings.kinds import LOOPBACK, Port, Section
from marrowcount.settings.tls import TlsSection

__all__ = ["WebSection"]

PATHS_OF_PAGE: Final = frozenset({"api", "dicom-microscopy-viewer", "page", "results", "static"})
"""First segments of paths at which the page lies."""


class WebSection(Section):
    """The web server: DICOMweb (STOW-RS, QIDO-RS, WADO-RS) over what the node received and its results, and a page."""

    enabled: bool = False
    """Whether to listen at all: the answers hold patient data."""
    host: str = "127.0.0.1"
    """Address to listen on. Loopback until you name another; then also name a file of tokens, or ask for certificates
    by ``tls``."""
    port: Port = 8104
    """TCP port; 0 takes a free one."""
    tls: bool = False
    """Speak HTTPS alone, with the certificate of section tls. Where that names ``authorities`` and requires
    certificates, whoever shows a good one may come in, with a token or, where no file of tokens is named, without."""
    base_path: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)+$")] = "/dicom-web"
    """Path of the DICOMweb service."""
    page: bool = True
    """Serve the page at ``/``, too. It asks for a token where one is needed, and only reads."""
    tokens_file: Path | None = None
    """File of bearer tokens, one a line: NAME RIGHTS TOKEN, where rights are ``read``, ``write`` or ``read,write`` and
    a token may be given as ``sha256:HEX``. Read again when it changes, never logged. Unset: no token is asked for,
    which only a listener on loopback, or one that asks for certificates, may do."""
    public_url: Annotated[str, Field(pattern=r"^(https?://[^\s?#]+)?$")] = ""
    """URL of the DICOMweb service as others reach it, where a proxy stands before it; empty: as they called it."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of browser viewers that may read answers (CORS), as ``https://viewer.example.org``; ``*`` for any."""
    max_connections: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Connections at the same time; more are answered 503."""
    max_stores: Annotated[int, Field(ge=1, le=100)] = 8
    """Store requests at the same time; more are answered 503 with Retry-After."""
    max_parts: Annotated[int, Field(ge=1)] = 10_000
    """Instances in one store request. How large each may be, and when the disk counts as full, section receive says."""
    max_results: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Results of one search; a Warning header tells of more."""
    pause_s: Annotated[float, Field(ge=1, le=600)] = 30.0
    """Time without a byte, or at less than 1 KiB a second, after which a sender is given up, in seconds."""
    longest_store_s: Annotated[float, Field(ge=10)] = 7200.0
    """Longest time that one store request may take, in seconds."""

    def complaint(self, tls: TlsSection) -> str:
        """What is wrong with it beside section tls; empty where nothing is."""
        if not self.enabled:
            return ""
        if self.tls and tls.certificate is None:
            return "web.tls needs tls.certificate and tls.key"
        if self.page and self.base_path.split("/")[1] in PATHS_OF_PAGE:
            return (
                f"web.base_path {self.base_path} lies where the page has its own: choose another, or web.page = false"
            )
        certified = self.tls and tls.authorities is not None and tls.require_certificate
        if self.host not in LOOPBACK and self.tokens_file is None and not certified:
            return (
                f"web.host {self.host} can be reached from the network: name web.tokens_file, "
                "or set web.tls with tls.authorities"
            )
        return ""
