"""How connections are secured (PS3.15 B.12)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from marrowcount.settings.kinds import Port, Section

__all__ = ["TlsSection"]


class TlsSection(Section):
    """How connections are secured (PS3.15 B.12). Files are read again when they change; no restart is needed."""

    certificate: Path | None = None
    """PEM file: the node's certificate, then those of the authorities between it and the root."""
    key: Path | None = None
    """PEM file: its private key. Refused where others than the owner and the group can read it."""
    key_password_file: Path | None = None
    """File that holds the key's password, where it has one."""
    authorities: Path | None = None
    """PEM file of those who sign the certificates of callers and peers. Unset: callers are not asked for one."""
    revocations_file: Path | None = None
    """PEM file of the authorities' revocation lists, each of them current: an outdated list lets nobody in."""
    require_certificate: bool = True
    """Callers over TLS must show a certificate, where ``authorities`` are named."""
    minimum_version: Literal["1.2", "1.3"] = "1.2"
    """Oldest version of TLS spoken. The profile demands 1.2; it forbids older ones."""
    dicom_port: Port | None = None
    """TCP port of the DICOM listener over TLS (2762 is registered for it), beside ``node.port``. Unset: none."""
    plain_dicom: bool = True
    """Listen on ``node.port`` in plain text, too. Turn it off once every caller speaks TLS."""
    warn_days: Annotated[int, Field(ge=0, le=3650)] = 30
    """Days before a certificate expires from which the log and ``marrowcount check`` warn of it."""

    @model_validator(mode="after")
    def _consistent(self) -> TlsSection:
        if (self.certificate is None) != (self.key is None):
            msg = "tls.certificate and tls.key belong together: name both or none"
            raise ValueError(msg)
        if self.dicom_port is not None and self.certificate is None:
            msg = "tls.dicom_port needs tls.certificate and tls.key"
            raise ValueError(msg)
        if not self.plain_dicom and self.dicom_port is None:
            msg = "without plain_dicom the node listens on tls.dicom_port alone: name it"
            raise ValueError(msg)
        if self.revocations_file is not None and self.authorities is None:
            msg = "tls.revocations_file needs tls.authorities, whose lists they are"
            raise ValueError(msg)
        return self
