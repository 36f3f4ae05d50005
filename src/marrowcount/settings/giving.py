"""How results are given back, and who answers for what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from marrowcount.settings.kinds import AeTitle, Section

__all__ = ["CommitmentSection", "OutboxSection", "RequesterSection"]


class OutboxSection(Section):
    """How long the node tries to give results back."""

    give_up_after_h: Annotated[float, Field(gt=0)] = 72.0
    """Time for which a result is sent again while its destination fails, in hours: a long weekend. Then it is a dead
    letter, for `marrowcount outbox retry`."""
    pause_after_failures: Annotated[int, Field(ge=1, le=1000)] = 5
    """Failures of a destination in a row after which nothing is sent to it for a while; deliveries wait without using
    up attempts. One that does not let the node in (HTTP 401) is paused at once."""
    pause_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    """First pause of such a destination, in seconds; then one delivery is tried. Each further pause is twice as long,
    up to ten minutes."""
    recheck_identity_min: Annotated[float, Field(gt=0)] = 30.0
    """Time after which a delivery that the node holds, because an EHR does not know the patient or knows several, is
    looked at again, in minutes."""


class CommitmentSection(Section):
    """Storage commitment, asked for and answered."""

    ask_again_after_h: Annotated[float, Field(gt=0)] = 24.0
    """Time without an answer after which an archive is asked again for commitment, in hours; tapes are slow."""
    most_asks: Annotated[int, Field(ge=1, le=100)] = 3
    """Times that an archive is asked before the delivery is called uncommitted."""
    verify: Literal["exists", "size", "digest"] = "digest"
    """What is looked at before the node answers for an instance: that its file exists, also its size, or also each of
    its bytes, which takes some seconds for a slide."""
    wait_s: Annotated[float, Field(ge=0)] = 600.0
    """Time to wait for instances that a request names before they came, in seconds: senders ask early."""
    give_up_after_h: Annotated[float, Field(gt=0)] = 72.0
    """Time for which a requester that does not answer is called, in hours."""
    most_instances: Annotated[int, Field(ge=1)] = 20_000
    """Instances that one request may name; a longer one is refused (0213H)."""


class RequesterSection(Section):
    """Who asks the node for storage commitment, and where it listens for the answer; a PACS need not stand here."""

    ae_title: AeTitle
    """Its AE title, as it calls."""
    host: Annotated[str, Field(min_length=1)]
    """Host name or address."""
    port: Annotated[int, Field(ge=1, le=65535)]
    """TCP port."""
    tls: bool = False
    """Call it over TLS, as a PACS."""
    tls_authorities: Path | None = None
    """PEM file of those who sign its certificate; unset: those of section ``tls``, else those the system trusts."""
    tls_check_host: bool = True
    """Its certificate must name the host."""
