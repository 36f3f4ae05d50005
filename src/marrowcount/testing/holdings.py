"""The part of the ledger in memory that knows which file stands for which instance."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from marrowcount.ports import EventKind, HeldFile, Holdings, ReceivedInstance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from threading import RLock

    from marrowcount.ports import LedgerEvent

__all__ = ["InMemoryHoldings"]


class InMemoryHoldings(Holdings):
    """Belongs to :class:`~marrowcount.testing.ledger.InMemoryLedger`, which is one."""

    _lock: RLock
    _instances: dict[str, ReceivedInstance]
    _events: list[LedgerEvent]

    @abstractmethod
    def _note(self, at: datetime, series_uid: str, kind: EventKind, detail: str) -> None: ...

    @abstractmethod
    def _reconsider(self, instance: ReceivedInstance) -> None: ...

    def held_files(self) -> Sequence[HeldFile]:
        """See the port."""
        with self._lock:
            return [HeldFile(uid, one.facts.series_uid, one.file) for uid, one in self._instances.items()]

    def note_missing(self, sop_instance_uid: str, now: datetime) -> bool:
        """See the port."""
        with self._lock:
            known = self._instances.get(sop_instance_uid)
            if known is None or self._is_known_missing(sop_instance_uid):
                return False
            self._note(now, known.facts.series_uid, EventKind.FILE_MISSING, sop_instance_uid)
            return True

    def restore_file(self, instance: ReceivedInstance) -> None:
        """See the port."""
        uid = instance.facts.sop_instance_uid
        with self._lock:
            before = self._instances.get(uid)
            if before is None:
                return
            known = ReceivedInstance(instance.facts, instance.file, before.sender, before.received_at)
            self._instances[uid] = known
            self._note(instance.received_at, before.facts.series_uid, EventKind.FILE_RESTORED, uid)
            if before.file.sha256 != instance.file.sha256:
                self._reconsider(instance)

    def _is_known_missing(self, sop_instance_uid: str) -> bool:
        about = (EventKind.FILE_MISSING, EventKind.FILE_RESTORED)
        told = [each.kind for each in self._events if each.kind in about and each.detail == sop_instance_uid]
        return told[-1:] == [EventKind.FILE_MISSING]
