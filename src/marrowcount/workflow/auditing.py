"""From what happens to what is audited: one message for each association and study, and no flood of alerts."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from marrowcount.errors import MarrowcountError
from marrowcount.ports.audit import (
    AlertKind,
    AuditOutcome,
    Held,
    InstancesExported,
    InstancesImported,
    InstancesTransferred,
    NodeActivity,
    Party,
    Query,
    SecurityAlert,
    Subject,
    TransferBegun,
)
from marrowcount.workflow.audited_queries import AuditedQueries
from marrowcount.workflow.receive import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from marrowcount.ports import Clock
    from marrowcount.ports.audit import Audit
    from marrowcount.workflow.access import Claim
    from marrowcount.workflow.receive import Receipt

__all__ = ["AuditTrail", "ReadSubject", "Reception", "SubjectOf"]

LOG: Final = structlog.get_logger()

LONGEST_RECEPTION: Final = timedelta(minutes=10)
"""An association that lasts longer is told of in parts."""

ALERT_PAUSE: Final = timedelta(minutes=1)
"""Alerts of the same kind, caller and description are counted for so long before the next is told."""

MOST_ALERTS: Final = 1000
"""Different alerts that are remembered; the oldest is forgotten for the next."""


@dataclass(frozen=True, slots=True)
class SubjectOf:
    """What an audit message says of one file.

    Attributes:
        sop_class_uid: of the instance in it.
    """

    subject: Subject
    sop_class_uid: str


ReadSubject: TypeAlias = "Callable[[Path], SubjectOf]"
"""Reads it from a file's header; raises a MarrowcountError where the file is no sound DICOM."""


class AuditTrail:
    """Tells an audit what happens at a node; never raises, whatever it is told."""

    def __init__(self, audit: Audit, clock: Clock, node: Party, read_subject: ReadSubject) -> None:
        self._audit = audit
        self._clock = clock
        self._node = node
        self._read_subject = read_subject
        self._alerts = _Alerts()

    def activity(self, *, started: bool) -> None:
        """The node began or ended its work."""
        if not started:
            self.repeated_alerts()
        self._audit.record(NodeActivity(self._clock.now(), started))

    def refused(self, claim: Claim, reason: str) -> None:
        """An association was rejected."""
        party = Party(claim.ae_title or claim.address, claim.address, requested=True)
        self.alert(AlertKind.NODE_AUTHENTICATION, party, f"association rejected: {reason.lower().replace('_', ' ')}")

    def handshake_failed(self, address: str, reason: str) -> None:
        """A connection did not get through its TLS handshake."""
        party = Party(address, address, requested=True)
        self.alert(AlertKind.NODE_AUTHENTICATION, party, f"TLS handshake failed: {reason}")

    def alert(self, kind: AlertKind, culprit: Party, description: str) -> None:
        """Something a security officer should know of."""
        told = self._alerts.next(kind, culprit, description, self._clock.now())
        if told is not None:
            self._audit.record(told)

    def repeated_alerts(self) -> None:
        """Tell how often what was told once happened since."""
        for told in self._alerts.repeated(self._clock.now()):
            self._audit.record(told)

    def reception(self, claim: Claim) -> Reception:
        """The first instance of an association is there."""
        sender = Party(claim.ae_title, claim.address, requested=True)
        return Reception(self._audit, self._clock, sender, self._node, self._read_subject)

    def fetching(self, archive: Party) -> Reception:
        """The node fetches from an archive: it asked for the transfer itself."""
        return Reception(self._audit, self._clock, archive, self._acting_node(), self._read_subject)

    def asking(self, peer: Party) -> AuditedQueries:
        """The node makes queries of a peer; to be told of each."""
        return AuditedQueries(self._audit, self._clock, self._acting_node(), peer)

    def importing(self, source: str) -> Reception:
        """Somebody lets the node take files in, from where they said."""
        return _Import(self._audit, self._clock, self._acting_node(), source, self._read_subject)

    def sent(self, receiver: Party, files: Sequence[Path], outcome: AuditOutcome, detail: str = "") -> None:
        """The node sent DICOM files, or tried to."""
        sender = self._acting_node()
        for subject, classes in self._studies(files).items():
            self._audit.record(
                InstancesTransferred(
                    self._clock.now(), sender, receiver, subject, classes, outcome=outcome, detail=detail
                )
            )

    def fetched(self, receiver: Party, files: Sequence[Path]) -> None:
        """Somebody fetched from the node; these are the files of the study."""
        for subject, classes in self._studies(files).items():
            self._audit.record(InstancesTransferred(self._clock.now(), self._node, receiver, subject, classes))

    def queried(
        self, asking: Party, answering: Party, query: bytes, sop_class_uid: str = "", transfer_syntax_uid: str = ""
    ) -> None:
        """Somebody asked what is held; ``query`` is a URL, or a data set of that class in that transfer syntax."""
        event = Query(self._clock.now(), asking, answering, sop_class_uid, query, transfer_syntax_uid)
        self._audit.record(event)

    def exported(self, receiver: Party, files: Sequence[Path], outcome: AuditOutcome, detail: str = "") -> None:
        """The node sent something else about the study of these DICOM files, or tried to."""
        sender = self._acting_node()
        for subject in self._studies(files):
            self._audit.record(
                InstancesExported(self._clock.now(), sender, receiver, subject, outcome=outcome, detail=detail)
            )

    def _acting_node(self) -> Party:
        return replace(self._node, requested=True)

    def _studies(self, files: Sequence[Path]) -> dict[Subject, Counter[str]]:
        studies: dict[Subject, Counter[str]] = {}
        for file in files:
            found = _subject_of(file, self._read_subject)
            if found is not None:
                studies.setdefault(found.subject, Counter())[found.sop_class_uid] += 1
        return studies


class Reception:
    """What one association brings, added up by study."""

    def __init__(self, audit: Audit, clock: Clock, sender: Party, receiver: Party, read_subject: ReadSubject) -> None:
        self._audit = audit
        self._clock = clock
        self._parties = sender, receiver
        self._read_subject = read_subject
        self._begun: set[Subject] = set()
        self._tallies: dict[tuple[Subject, Held, str], Counter[str]] = {}
        self._since = clock.now()

    def arrived(self, file: Path) -> Callable[[Receipt], None]:
        """An instance is there, and will be judged; to be told how, when the file may be gone."""
        found = _subject_of(file, self._read_subject)
        if found is None:
            return _untold
        self._begin(found)
        return partial(self._judged, found)

    def _judged(self, found: SubjectOf, receipt: Receipt) -> None:
        held = Held.NOTHING if receipt.outcome is Outcome.NEW else Held.THE_SAME
        self._tallies.setdefault((found.subject, held, receipt.code), Counter())[found.sop_class_uid] += 1
        if self._clock.now() - self._since > LONGEST_RECEPTION:
            self.ended()

    def ended(self) -> None:
        """No more will come, or enough came to be told of."""
        tallies, self._tallies = self._tallies, {}
        self._since = now = self._clock.now()
        for (subject, held, code), classes in tallies.items():
            self._record(now, subject, held, code, classes)

    def _record(self, now: datetime, subject: Subject, held: Held, code: str, classes: Counter[str]) -> None:
        outcome = AuditOutcome.SERIOUS_FAILURE if code else AuditOutcome.SUCCESS
        event = InstancesTransferred(now, *self._parties, subject, classes, held, outcome, code)
        self._audit.record(event)

    def _begin(self, found: SubjectOf) -> None:
        """Told at once, so that a node that dies within leaves a trace of what was on its way."""
        if found.subject not in self._begun:
            self._begun.add(found.subject)
            classes = Counter({found.sop_class_uid: 1})
            self._audit.record(TransferBegun(self._clock.now(), *self._parties, found.subject, classes))


class _Import(Reception):
    """What somebody lets the node take in, added up by study; told as an import, at its end."""

    def __init__(self, audit: Audit, clock: Clock, importer: Party, source: str, read_subject: ReadSubject) -> None:
        super().__init__(audit, clock, importer, importer, read_subject)
        self._importer = importer
        self._source = source

    def _begin(self, found: SubjectOf) -> None:
        """There is no message for it."""

    def _record(self, now: datetime, subject: Subject, held: Held, code: str, classes: Counter[str]) -> None:
        del held
        outcome = AuditOutcome.SERIOUS_FAILURE if code else AuditOutcome.SUCCESS
        self._audit.record(InstancesImported(now, self._importer, self._source, subject, classes, outcome, code))


def _untold(_receipt: Receipt) -> None:
    """Of an instance that is no sound DICOM nobody can tell whose it is."""


def _subject_of(file: Path, read: ReadSubject) -> SubjectOf | None:
    try:
        return read(file)
    except (MarrowcountError, OSError):
        return None


@dataclass(slots=True)
class _Told:
    at: datetime
    again: int = 0


@dataclass(slots=True)
class _Alerts:
    """Keeps one who knocks a thousand times a second from filling the audit repository."""

    told: dict[tuple[AlertKind, Party, str], _Told] = field(
        default_factory=dict[tuple["AlertKind", "Party", str], "_Told"]
    )
    changing: threading.Lock = field(default_factory=threading.Lock)

    def next(self, kind: AlertKind, culprit: Party, description: str, now: datetime) -> SecurityAlert | None:
        key = kind, culprit, description
        with self.changing:
            before = self.told.get(key)
            if before is not None and now - before.at < ALERT_PAUSE:
                before.again += 1
                return None
            self.told.pop(key, None)
            self.told[key] = _Told(now)
            if len(self.told) > MOST_ALERTS:
                del self.told[next(iter(self.told))]
        return _alert(kind, culprit, description, now, before.again + 1 if before else 1)

    def repeated(self, now: datetime) -> list[SecurityAlert]:
        with self.changing:
            again = {key: told.again for key, told in self.told.items() if told.again}
            for told in self.told.values():
                told.again = 0
        return [_alert(*key, now, times) for key, times in again.items()]


def _alert(kind: AlertKind, culprit: Party, description: str, now: datetime, times: int) -> SecurityAlert:
    said = description if times == 1 else f"{description} ({times} times since it was last told)"
    return SecurityAlert(now, kind, culprit, said)
