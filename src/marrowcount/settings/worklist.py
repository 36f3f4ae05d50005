"""On whose worklists the node looks for work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from marrowcount.settings.kinds import AeTitle, Section
from marrowcount.workitems import Code

__all__ = ["WorklistSection", "code_of"]

MOST_PARTS = 3


def _code(text: str) -> str:
    parts = [part.strip() for part in text.split("^")]
    if len(parts) != MOST_PARTS or not all(parts):
        msg = "a code is written VALUE^SCHEME^MEANING, as in 110004^DCM^Computer Aided Detection"
        raise ValueError(msg)
    return "^".join(parts)


CodeText = Annotated[str, AfterValidator(_code)]


def code_of(text: str) -> Code:
    """The code that a setting writes as VALUE^SCHEME^MEANING."""
    value, scheme, meaning = text.split("^")
    return Code(value, scheme, meaning)


class WorklistSection(Section):
    """A worklist on which workitems for this node are scheduled (IHE AIW-I Task Manager)."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    """Name in tables and logs; unique."""
    kind: Literal["upsrs", "dimse"] = "upsrs"
    """``upsrs``: web services (PS3.18 section 11). ``dimse``: UPS Pull and Watch (PS3.4 Annex CC)."""
    url: Annotated[str, Field(pattern=r"^(https?://[^\s?#]+)?$")] = ""
    """UPS-RS: the service's base, to which ``/workitems`` is added."""
    token_file: Path | None = None
    """UPS-RS: file that holds a bearer token; read for each request, never logged."""
    requester_in_path: bool = False
    """UPS-RS: put the node's AE title behind ``/state``, as dcm4chee wants it."""
    ae_title: AeTitle | None = None
    """DIMSE: its AE title."""
    host: str = ""
    """DIMSE: host name or address."""
    port: Annotated[int, Field(ge=0, le=65535)] = 104
    """DIMSE: TCP port."""
    tls: bool = False
    """DIMSE: call it over TLS (PS3.15 B.12)."""
    tls_authorities: Path | None = None
    """PEM file of those who sign its certificate; unset: those of section ``tls``, else those the system trusts."""
    tls_show_certificate: bool = False
    """Show the certificate of section ``tls`` to a peer that asks for one (mutual TLS)."""
    station: CodeText = "MARROWCOUNT^99MARROW^marrowcount"
    """Scheduled Station Name Code (0040,4025) of workitems for this node, and by which it says that it did the work."""
    unassigned: bool = False
    """Take on workitems that are scheduled for no station in particular, too."""
    station_class: CodeText | None = None
    """Scheduled Station Class Code (0040,4026) that workitems must have, where they have one; unset: any."""
    workitem_codes: tuple[CodeText, ...] = ()
    """Scheduled Workitem Codes (0040,4018) that the node takes on; empty: any that is scheduled for it."""
    poll_s: Annotated[float, Field(ge=1)] = 30.0
    """Pause between two looks for new workitems, in seconds; with a subscription it is the safety net only."""
    look_s: Annotated[float, Field(ge=0.1)] = 5.0
    """Pause between two looks at a workitem in work, and so between two reports of its progress, in seconds."""
    subscribe: bool = True
    """Ask to be told of new workitems and of wishes to cancel: by WebSocket, or by N-EVENT-REPORT to the listener."""
    most_open: Annotated[int, Field(ge=1, le=1000)] = 4
    """Workitems held at a time; the rest is left to others until one of them ends."""
    input_wait_s: Annotated[float, Field(ge=1)] = 3600.0
    """Time for a workitem's instances to come before it is cancelled as incomplete, in seconds."""

    @model_validator(mode="after")
    def _can_be_reached(self) -> WorklistSection:
        if self.kind == "upsrs" and not self.url:
            msg = "a worklist of kind upsrs needs its url"
            raise ValueError(msg)
        if self.kind == "dimse" and not (self.ae_title and self.host and self.port):
            msg = "a worklist of kind dimse needs ae_title, host and port"
            raise ValueError(msg)
        return self
