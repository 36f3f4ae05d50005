"""What is audited, and where to (PS3.15 A.5)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from marrowcount.settings.kinds import Port, Section

__all__ = ["AuditSection"]


class AuditSection(Section):
    """What is audited, and where to (PS3.15 A.5). Messages wait on the disk until they could be handed on."""

    to: Literal["file", "syslog-tls", "syslog-udp", "off"] = "file"
    """``file``: in the data folder; ``syslog-tls``: to an audit repository (RFC 5425); ``syslog-udp``: in the clear and
    without knowing what arrives (RFC 5426); ``off``: nothing is audited."""
    host: str = ""
    """Host name or address of the audit repository."""
    port: Port = 6514
    """Its TCP port for TLS (6514 is registered), or its UDP port (514)."""
    tls_authorities: Path | None = None
    """PEM file of those who sign its certificate; unset: those of section ``tls``, else those the system trusts."""
    tls_show_certificate: bool = True
    """Show it the certificate of section ``tls``, where that names one: audit repositories ask for it."""
    confirm: bool = True
    """Messages sent over TLS count as arrived when the repository answers close_notify with its own, as RFC 5425
    demands, and are sent again when it does not. Turn it off for one that never does; some may then be lost."""
    patient: Literal["name", "id", "none"] = "name"
    """How much messages say of the patient: identifier and name as the standard has it, the identifier, or neither."""
    source_id: str = ""
    """Audit Source ID: by what the repository knows this node. Empty: its AE title."""
    site_id: str = ""
    """Audit Enterprise Site ID: by what it knows the house."""
    spool_mib: Annotated[float, Field(gt=0)] = 512.0
    """Room for messages that wait, in MiB (a message has about 2 KiB). The log warns from 80 %; beyond it messages are
    lost, each with an alarm in the log."""
    rotate_mib: Annotated[float, Field(gt=0)] = 64.0
    """Size from which the file is put aside under another name, in MiB. The node never deletes one."""

    @model_validator(mode="after")
    def _consistent(self) -> AuditSection:
        if self.to.startswith("syslog") and not self.host:
            msg = f"audit.to = {self.to} needs audit.host"
            raise ValueError(msg)
        return self
