"""Taking over one instance, by whatever protocol it came: check it, keep it, answer for it, only then say so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import InstanceError, MarrowcountError, StorageError
from marrowcount.ports import ReceivedInstance, Recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from marrowcount.ports import ArrivingFile, Clock, Digest, InstanceStore, KeptFile, Ledger
    from marrowcount.slides.instances import InstanceFacts

__all__ = ["Outcome", "Receipt", "ReceiveLimits", "Receiving"]

LOG: Final = structlog.get_logger()
GIB: Final = 1 << 30
TOO_LARGE: Final = InstanceError("too-large", "The instance is larger than the settings allow.")


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


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A complete file, with what was announced of it and what is known of it without reading."""

    path: Path
    sender: str
    expected_class: str
    expected_instance: str
    digest: Digest | None


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

    def arriving(self) -> ArrivingFile:
        """A new file for a listener to stream into, then to hand to :meth:`take` with its digest.

        Raises:
            StorageError: too little space is free, or the disk fails; the sender should try again later.
        """
        self._check_room(self._limits.min_free_bytes)
        return self._store.arriving()

    def check_transfer(self, received_bytes: int) -> None:
        """Let a transfer that has brought so many bytes go on, or refuse it.

        Half of the space to be kept free is the reserve of transfers that were begun while there was room.

        Raises:
            InstanceError: ``too-large``.
            StorageError: ``disk-full``; the sender should try again later.
        """
        if received_bytes > self._limits.max_instance_bytes:
            raise InstanceError(TOO_LARGE.code, TOO_LARGE.message)
        self._check_room(self._limits.min_free_bytes // 2)

    def may_continue(self, received_bytes: int) -> bool:
        """Whether a transfer that has brought so many bytes may go on; see :meth:`check_transfer`."""
        try:
            self.check_transfer(received_bytes)
        except MarrowcountError:
            return False
        return True

    def _check_room(self, needed_bytes: int) -> None:
        if self._store.free_bytes() < needed_bytes:
            raise StorageError("disk-full", "Less space is free than the settings keep; make room or enlarge the disk.")

    def sweep(self, older_than_s: float) -> int:
        """Delete what dead transfers left behind; how many files."""
        swept = self._store.sweep(older_than_s)
        if swept:
            LOG.info("inbox.swept", files=swept)
        return swept

    def take(
        self,
        incoming: Path,
        sender: str,
        expected_class: str,
        expected_instance: str,
        digest: Digest | None = None,
    ) -> Receipt:
        """Take over a complete file; when the receipt says so, it survives a power failure.

        Args:
            incoming: on the store's file system; may be deleted afterwards.
            sender: calling AE title or user agent.
            expected_class: SOP Class UID that the sender announced; empty where the protocol announces none.
            expected_instance: SOP Instance UID that the sender announced; empty where the protocol announces none.
            digest: where :meth:`arriving` made it on the way; otherwise the file is read once more.

        Raises:
            StorageError: the disk or the ledger cannot take it now; the sender should try again later.
        """
        self._check_room(self._limits.min_free_bytes)
        arrival = _Arrival(incoming, sender, expected_class, expected_instance, digest)
        try:
            return self._judged(arrival)
        except OSError as error:
            if error.errno is None:  # not the system's: pydicom raises it bare where a data set breaks off
                return self._rejected(arrival, InstanceError("not-dicom", "The data set breaks off, or is none."))
            raise StorageError("disk-failed", "A received file cannot be read back; see the system's log.") from error

    def _judged(self, arrival: _Arrival) -> Receipt:
        if arrival.path.stat().st_size > self._limits.max_instance_bytes:
            return Receipt(Outcome.REJECTED, TOO_LARGE.code, TOO_LARGE.message)
        try:
            facts = self._checked(arrival)
        except InstanceError as error:
            return self._rejected(arrival, error)
        return self._recorded(arrival, facts)

    def _checked(self, arrival: _Arrival) -> InstanceFacts:
        facts = self._read_facts(arrival.path)
        announced = arrival.expected_class, arrival.expected_instance
        if announced[0] not in {"", facts.sop_class_uid} or announced[1] not in {"", facts.sop_instance_uid}:
            raise InstanceError("identifier-mismatch", "The data set is not the instance that the sender announced.")
        if facts.is_level and (facts.matrix is None or facts.frame is None):
            raise InstanceError("missing-attribute", "A slide image lacks its total pixel matrix or frame size.")
        return facts

    def _recorded(self, arrival: _Arrival, facts: InstanceFacts) -> Receipt:
        known = self._ledger.instance(facts.sop_instance_uid)
        if known is not None:
            return self._repeated(arrival, facts, known.file)
        kept = self._kept(arrival, facts)
        recording = self._ledger.record_instance(self._instance(arrival, facts, kept))
        if recording is Recording.CONFLICT:  # another association was faster by a moment
            return self._conflict(replace(arrival, path=self._store.path(kept.path)), facts)
        return _taken(Outcome(recording), arrival, facts, kept)

    def _repeated(self, arrival: _Arrival, facts: InstanceFacts, known: KeptFile) -> Receipt:
        if not self._store.path(known.path).exists():  # lost, or cleared away by hand: what comes now stands for it
            kept = self._kept(arrival, facts)
            self._ledger.restore_file(self._instance(arrival, facts, kept))
            return _taken(Outcome.IDENTICAL, arrival, facts, kept)
        if self._store.same_data_set(arrival.path, known.path):
            return _taken(Outcome.IDENTICAL, arrival, facts, known)
        return self._conflict(arrival, facts)

    def _kept(self, arrival: _Arrival, facts: InstanceFacts) -> KeptFile:
        return self._store.keep(arrival.path, facts.series_uid, facts.sop_instance_uid, arrival.digest)

    def _instance(self, arrival: _Arrival, facts: InstanceFacts, kept: KeptFile) -> ReceivedInstance:
        return ReceivedInstance(facts, kept, arrival.sender, self._clock.now())

    def _conflict(self, arrival: _Arrival, facts: InstanceFacts) -> Receipt:
        message = "Another data set with this SOP Instance UID was received before; the first one stands."
        error = InstanceError("instance-conflict", message)
        kept = self._quarantined(replace(arrival, expected_instance=facts.sop_instance_uid), error)
        # So that the slide's history tells of it.
        self._ledger.record_instance(self._instance(arrival, facts, kept))
        return Receipt(Outcome.CONFLICT, error.code, message)

    def _rejected(self, arrival: _Arrival, error: InstanceError) -> Receipt:
        self._quarantined(arrival, error)
        return Receipt(Outcome.REJECTED, error.code, error.message)

    def _quarantined(self, arrival: _Arrival, error: InstanceError) -> KeptFile:
        at, uid = f"{self._clock.now():%Y-%m-%d %H:%M:%S%z}", arrival.expected_instance
        kept = self._store.quarantine(arrival.path, f"{error} SOP Instance UID {uid!r}, from {arrival.sender!r}, {at}")
        # Two data sets under one identifier are an alarm: somebody's identifiers are not unique.
        tell = LOG.error if error.code == "instance-conflict" else LOG.warning
        tell("instance.quarantined", code=error.code, sop_instance_uid=uid, sender=arrival.sender, file=kept.path)
        return kept


def _taken(outcome: Outcome, arrival: _Arrival, facts: InstanceFacts, file: KeptFile) -> Receipt:
    LOG.info(
        "instance.received",
        outcome=outcome.value,
        sop_instance_uid=facts.sop_instance_uid,
        series_instance_uid=facts.series_uid,
        sender=arrival.sender,
        size_bytes=file.size_bytes,
    )
    return Receipt(outcome)
