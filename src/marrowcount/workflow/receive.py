"""Taking over one instance, by whatever protocol it came: check it, keep it, answer for it, only then say so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import InstanceError, StorageError
from marrowcount.ports import ReceivedInstance, Recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from marrowcount.ports import Clock, InstanceStore, KeptFile, Ledger
    from marrowcount.slides.instances import InstanceFacts

__all__ = ["Outcome", "Receipt", "ReceiveLimits", "Receiving"]

LOG: Final = structlog.get_logger()
GIB: Final = 1 << 30


class Outcome(StrEnum):
    """What became of a received instance."""

    NEW = "new"
    """The node holds it and answers for it."""
    IDENTICAL = "identical"
    """The node held it already; sending again did no harm."""
    CONFLICT = "conflict"
    """Another data set with the same SOP Instance UID came first and stands; this one lies in the quarantine."""
    REJECTED = "rejected"
    """It cannot be taken; the code says why."""


@dataclass(frozen=True, slots=True)
class ReceiveLimits:
    """How much a sender may fill.

    Attributes:
        max_instance_bytes: the largest instance taken; the base level of a whole slide weighs 1 to 10 GB.
        min_free_bytes: space that stays free for the ledger, the results and what is already being received.
    """

    max_instance_bytes: int = 64 * GIB
    min_free_bytes: int = 2 * GIB


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a sender.

    Attributes:
        code: stable, empty where the instance was taken.
        message: in words, without patient data; empty where the instance was taken.
    """

    outcome: Outcome
    code: str = ""
    message: str = ""

    @property
    def taken(self) -> bool:
        """Whether the node answers for the instance."""
        return self.outcome in {Outcome.NEW, Outcome.IDENTICAL}


class Receiving:
    """Takes instances over for the node; knows no protocol and may be called from several threads."""

    def __init__(
        self,
        store: InstanceStore,
        ledger: Ledger,
        clock: Clock,
        read_facts: Callable[[Path], InstanceFacts],
        limits: ReceiveLimits,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._read_facts = read_facts
        self._limits = limits

    @property
    def incoming(self) -> Path:
        """Folder into which listeners stream what they then hand to :meth:`take`."""
        return self._store.incoming

    def may_continue(self, received_bytes: int) -> bool:
        """Whether a transfer that has brought so many bytes may go on.

        Half of the space to be kept free is the reserve of transfers that were begun while there was room.
        """
        reserve = self._limits.min_free_bytes // 2
        return received_bytes <= self._limits.max_instance_bytes and self._store.free_bytes() >= reserve

    def sweep(self, older_than_s: float) -> int:
        """Delete what dead transfers left behind; how many files."""
        swept = self._store.sweep(older_than_s)
        if swept:
            LOG.info("inbox.swept", files=swept)
        return swept

    def take(self, incoming: Path, sender: str, expected_class: str, expected_instance: str) -> Receipt:
        """Take over a complete file; when the receipt says so, it survives a power failure.

        Args:
            incoming: on the store's file system; may be deleted afterwards.
            sender: calling AE title or user agent.
            expected_class: SOP Class UID that the sender announced; empty where the protocol announces none.
            expected_instance: SOP Instance UID that the sender announced; empty where the protocol announces none.

        Raises:
            StorageError: the disk or the ledger cannot take it now; the sender should try again later.
        """
        if self._store.free_bytes() < self._limits.min_free_bytes:
            raise StorageError("disk-full", "Less space is free than the settings keep; make room or enlarge the disk.")
        try:
            return self._judged(incoming, sender, expected_class, expected_instance)
        except OSError as error:
            if error.errno is None:  # not the system's: pydicom raises it bare where a data set breaks off
                broken = InstanceError("not-dicom", "The data set breaks off, or is none.")
                return self._rejected(incoming, sender, expected_instance, broken)
            raise StorageError("disk-failed", "A received file cannot be read back; see the system's log.") from error

    def _judged(self, incoming: Path, sender: str, expected_class: str, expected_instance: str) -> Receipt:
        if incoming.stat().st_size > self._limits.max_instance_bytes:
            return Receipt(Outcome.REJECTED, "too-large", "The instance is larger than the settings allow.")
        try:
            facts = self._checked(incoming, expected_class, expected_instance)
        except InstanceError as error:
            return self._rejected(incoming, sender, expected_instance, error)
        return self._recorded(incoming, sender, facts)

    def _checked(self, incoming: Path, expected_class: str, expected_instance: str) -> InstanceFacts:
        facts = self._read_facts(incoming)
        if expected_class not in {"", facts.sop_class_uid} or expected_instance not in {"", facts.sop_instance_uid}:
            raise InstanceError("identifier-mismatch", "The data set is not the instance that the sender announced.")
        if facts.is_level and (facts.matrix is None or facts.frame is None):
            raise InstanceError("missing-attribute", "A slide image lacks its total pixel matrix or frame size.")
        return facts

    def _recorded(self, incoming: Path, sender: str, facts: InstanceFacts) -> Receipt:
        known = self._ledger.instance(facts.sop_instance_uid)
        if known is not None:
            return self._repeated(incoming, sender, facts, known.file)
        kept = self._store.keep(incoming, facts.series_uid, facts.sop_instance_uid)
        instance = ReceivedInstance(facts, kept, sender, self._clock.now())
        recording = self._ledger.record_instance(instance)
        if recording is Recording.CONFLICT:  # another association was faster by a moment
            return self._conflict(self._store.path(kept.path), sender, facts)
        return _taken(Outcome(recording), sender, facts, kept)

    def _repeated(self, incoming: Path, sender: str, facts: InstanceFacts, known: KeptFile) -> Receipt:
        if self._store.path(known.path).exists():
            repeated = self._store.same_data_set(incoming, known.path)
        else:  # deleted since, by retention or by hand: take it anew
            repeated = self._store.keep(incoming, facts.series_uid, facts.sop_instance_uid).sha256 == known.sha256
        if repeated:
            return _taken(Outcome.IDENTICAL, sender, facts, known)
        return self._conflict(incoming, sender, facts)

    def _conflict(self, path: Path, sender: str, facts: InstanceFacts) -> Receipt:
        message = "Another data set with this SOP Instance UID was received before; the first one stands."
        kept = self._quarantined(path, sender, facts.sop_instance_uid, InstanceError("instance-conflict", message))
        # So that the slide's history tells of it.
        self._ledger.record_instance(ReceivedInstance(facts, kept, sender, self._clock.now()))
        return Receipt(Outcome.CONFLICT, "instance-conflict", message)

    def _rejected(self, path: Path, sender: str, announced: str, error: InstanceError) -> Receipt:
        self._quarantined(path, sender, announced, error)
        return Receipt(Outcome.REJECTED, error.code, error.message)

    def _quarantined(self, path: Path, sender: str, sop_instance_uid: str, error: InstanceError) -> KeptFile:
        at = f"{self._clock.now():%Y-%m-%d %H:%M:%S%z}"
        kept = self._store.quarantine(path, f"{error} SOP Instance UID {sop_instance_uid!r}, from {sender!r}, {at}")
        LOG.warning(
            "instance.quarantined",
            code=error.code,
            sop_instance_uid=sop_instance_uid,
            sender=sender,
            file=kept.path,
        )
        return kept


def _taken(outcome: Outcome, sender: str, facts: InstanceFacts, file: KeptFile) -> Receipt:
    LOG.info(
        "instance.received",
        outcome=outcome.value,
        sop_instance_uid=facts.sop_instance_uid,
        series_instance_uid=facts.series_uid,
        sender=sender,
        size_bytes=file.size_bytes,
    )
    return Receipt(outcome)
