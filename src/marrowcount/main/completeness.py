"""When a slide counts as complete, as the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.slides.completeness import CompletenessSettings

if TYPE_CHECKING:
    from marrowcount.settings import ReceiveSection

__all__ = ["completeness_settings"]


def completeness_settings(section: ReceiveSection) -> CompletenessSettings:
    """The settings in the core's words."""
    return CompletenessSettings(settle_s=section.settle_s, quiet_s=section.quiet_s, incomplete_s=section.incomplete_s)
