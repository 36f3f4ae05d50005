"""What the listener takes, and when a slide counts as complete."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from marrowcount.settings.kinds import Caller, Section

__all__ = ["ReceiveSection"]


class ReceiveSection(Section):
    """What the listener takes, and when a slide counts as complete."""

    allowed_callers: tuple[Caller, ...] = ()
    """Who may call, for every service: ``AE``, ``AE@address`` or ``AE@network`` (10.1.2.0/24). Empty, and without
    tables ``caller``, allows any, which only a loopback listener may do."""
    allow_any_caller: bool = False
    """Confirm that a listener on a network address takes slides from anybody."""
    max_associations: Annotated[int, Field(ge=1, le=100)] = 10
    """Associations at the same time; more are rejected as a passing congestion."""
    max_instance_gib: Annotated[float, Field(gt=0)] = 32.0
    """Largest instance taken, in GiB."""
    disk_watermark_gib: Annotated[float, Field(ge=0)] = 2.0
    """Free space below which sending is refused as out of resources (A700), in GiB."""
    settle_s: Annotated[float, Field(ge=0)] = 10.0
    """Quiet time after the last instance of a slide whose frames are arithmetically complete, in seconds."""
    quiet_s: Annotated[float, Field(ge=0)] = 120.0
    """Quiet time where arithmetic cannot tell (sparse tiling, concatenations of unknown length), in seconds."""
    incomplete_s: Annotated[float, Field(ge=1)] = 1800.0
    """Time without a new instance or list after which a slide with known gaps is called incomplete, in seconds."""
