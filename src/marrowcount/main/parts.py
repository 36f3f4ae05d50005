"""What the services of a node share: settings, ledger, store, clock, receipt."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from marrowcount.main.auditing import audit_trail
from marrowcount.main.completeness import completeness_settings
from marrowcount.workflow.audited_receiving import AuditedReceiving
from marrowcount.workflow.news import WorkitemNews
from marrowcount.workflow.readiness import Readiness
from marrowcount.workflow.receive import ReceiveLimits, Receiving
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.schedule import SystemClock
from marrowcount_adapters.sql import SqlCommitments, SqlDecisions, SqlExpectations, SqlTasks, open_ledger
from marrowcount_adapters.wsi.header import read_facts

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from marrowcount.ports import Clock, Commitments, Expectations, InstanceStore, Ledger, SlideDecisions, TaskLedger
    from marrowcount.settings import ReceiveSection, Settings
    from marrowcount.workflow.auditing import AuditTrail, Reception

__all__ = ["Announced", "Parts", "Service", "audited_receiving", "open_parts", "receive_limits"]

GIB: Final = 2**30

Announced: TypeAlias = "Mapping[str, object]"
"""What a service adds to the line by which the node says where it can be reached."""

Service: TypeAlias = "AbstractContextManager[Announced]"
"""Runs for as long as the block does."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the services share."""

    settings: Settings
    ledger: Ledger
    store: InstanceStore
    clock: Clock
    receiving: Receiving
    expectations: Expectations
    """Fed by :func:`marrowcount.workflow.expecting.expect`."""
    decisions: SlideDecisions
    tasks: TaskLedger
    news: WorkitemNews
    """What worklists tell the listener."""
    commitments: Commitments
    trail: AuditTrail
    """Told what a privacy officer can read of."""

    @property
    def readiness(self) -> Readiness:
        """What finds out which slides are whole."""
        settings = completeness_settings(self.settings)
        return Readiness(self.ledger, self.decisions, self.expectations, self.clock, settings)


@contextmanager
def open_parts(settings: Settings) -> Generator[Parts]:
    """Open them for the block.

    Raises:
        SettingsError: the database or the folder is not usable.
        StorageError: the database cannot be reached.
    """
    ledger, store, clock = open_ledger(settings.database_url), FolderStore(settings.node.data_folder), SystemClock()
    receiving = Receiving(store, ledger, clock, read_facts, receive_limits(settings.receive))
    expectations, tasks = SqlExpectations(ledger), SqlTasks(ledger)
    try:
        yield Parts(
            settings,
            ledger,
            store,
            clock,
            receiving,
            expectations,
            SqlDecisions(ledger),
            tasks,
            WorkitemNews(),
            SqlCommitments(ledger),
            audit_trail(settings, clock),
        )
    finally:
        ledger.close()


@contextmanager
def audited_receiving(parts: Parts, reception: Reception) -> Generator[Receiving]:
    """Receipt of what no listener brings; for the block, the audit trail is told of it."""
    limits = receive_limits(parts.settings.receive)
    receiving = AuditedReceiving(parts.store, parts.ledger, parts.clock, read_facts, limits)
    with receiving.told_to(reception):
        yield receiving


def receive_limits(section: ReceiveSection) -> ReceiveLimits:
    """The limits of receipt in the core's words."""
    return ReceiveLimits(int(section.max_instance_gib * GIB), int(section.disk_watermark_gib * GIB))
