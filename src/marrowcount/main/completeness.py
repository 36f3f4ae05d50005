"""When a slide counts as complete, as the settings say, and what finds it out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from marrowcount.slides.completeness import CompletenessSettings
from marrowcount.slides.expectations import ExpectationSource
from marrowcount.workflow.readiness import Readiness
from marrowcount_adapters.schedule import SystemClock
from marrowcount_adapters.sql import SqlDecisions, SqlExpectations, open_ledger

if TYPE_CHECKING:
    from collections.abc import Generator

    from marrowcount.settings import Settings

__all__ = ["completeness_settings", "opened_readiness"]


def completeness_settings(settings: Settings) -> CompletenessSettings:
    """The settings in the core's words."""
    return CompletenessSettings(
        settle_s=settings.receive.settle_s,
        quiet_s=settings.receive.quiet_s,
        incomplete_s=settings.receive.incomplete_s,
        coarsest_um_per_px=settings.count.coarsest_um_per_px,
        whole_lists=frozenset(ExpectationSource(kind) for kind in settings.completeness.whole_lists),
    )


@contextmanager
def opened_readiness(settings: Settings) -> Generator[Readiness]:
    """What finds out, for a command beside the node.

    Raises:
        SettingsError: the database is not usable.
        StorageError: the database cannot be reached.
    """
    ledger = open_ledger(settings.database_url)
    try:
        yield Readiness(
            ledger, SqlDecisions(ledger), SqlExpectations(ledger), SystemClock(), completeness_settings(settings)
        )
    finally:
        ledger.close()
