"""Asking the archive that the settings name how many instances the slides have that are being received."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from marrowcount.main.archives import archive_of, section_of
from marrowcount.workflow.asking import ArchiveCounts, Asking
from marrowcount_adapters.schedule import Tick, ticking

if TYPE_CHECKING:
    from collections.abc import Generator

    from marrowcount.main.parts import Announced, Parts

__all__ = ["series_count_service"]

LOOK_EVERY_S: Final = 2.0
"""Between two looks for slides that are due to be asked about."""


@contextmanager
def series_count_service(parts: Parts) -> Generator[Announced]:
    """Ask for the block; nothing where the settings name no archive for it.

    Raises:
        SettingsError: ``unknown-archive`` or ``wrong-way``.
    """
    section = parts.settings.completeness
    if not section.counted_at:
        yield {}
        return
    archive = archive_of(section_of(parts.settings, section.counted_at), parts, parts.receiving)
    asking = Asking(parts.readiness, ArchiveCounts(archive), section.count_every_s)
    with ticking(Tick("count-series", LOOK_EVERY_S, lambda: bool(asking.ask()))):
        yield {}
