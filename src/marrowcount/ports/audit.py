"""What the node answers for before a privacy officer: the events of PS3.15 A.5.3, in the core's own words.

These are the one place beside the instances themselves where a patient is named; the ordinary log never names one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = [
    "AlertKind",
    "Audit",
    "AuditEvent",
    "AuditOutcome",
    "Held",
    "InstancesExported",
    "InstancesImported",
    "InstancesTransferred",
    "NodeActivity",
    "OnQuery",
    "OutgoingQuery",
    "Party",
    "Query",
    "SecurityAlert",
    "Subject",
    "TransferBegun",
    "UserAuthenticated",
    "untold",
]


class AuditOutcome(IntEnum):
    """Event Outcome Indicator (PS3.15 A.5.1.1)."""

    SUCCESS = 0
    MINOR_FAILURE = 4
    """It will be tried again, or failed in part."""
    SERIOUS_FAILURE = 8
    """It was ended."""
    MAJOR_FAILURE = 12
    """The node can do no more of the kind."""


class Held(StrEnum):
    """What the receiver of instances held of them before: the Event Action Code of PS3.15 A.5.3.7."""

    NOTHING = "C"
    THE_SAME = "R"
    """The same, or nobody knows."""


class AlertKind(StrEnum):
    """What a security alert is about (PS3.16 CID 403)."""

    NODE_AUTHENTICATION = "node authentication"
    """Who called was not who it should be: a certificate, an AE title, an address."""
    NETWORK_CONFIGURATION = "network configuration"
    SECURITY_CONFIGURATION = "security configuration"
    """Certificates, keys or access rules."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who took part.

    Attributes:
        name: AE title, user name, URL or address.
        address: IP address or host name; empty where it is not known.
        requested: whether it began what happened.
    """

    name: str
    address: str = ""
    requested: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data, and which study of theirs.

    Attributes:
        patient_id: as the header has it, with its issuer as ``ID^^^issuer`` where one is given; may be empty.
        accession_number: may be empty.
    """

    patient_id: str
    patient_name: str
    study_uid: str
    accession_number: str = ""


@dataclass(frozen=True, slots=True)
class NodeActivity:
    """The node began or ended its work (PS3.15 A.5.3.1)."""

    at: datetime
    started: bool


@dataclass(frozen=True, slots=True)
class TransferBegun:
    """The first instance of a study is on its way (PS3.15 A.5.3.3); without a later end, the transfer was cut off."""

    at: datetime
    sender: Party
    receiver: Party
    subject: Subject
    sop_classes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class InstancesTransferred:
    """All that one association or request brought of one study (PS3.15 A.5.3.7).

    Attributes:
        sop_classes: number of instances by SOP Class UID.
        detail: why, where it failed; in words, without patient data.
    """

    at: datetime
    sender: Party
    receiver: Party
    subject: Subject
    sop_classes: Mapping[str, int]
    held: Held = Held.THE_SAME
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    detail: str = ""


@dataclass(frozen=True, slots=True)
class InstancesImported:
    """Files were taken in from a folder or medium (PS3.15 A.5.3.5).

    Attributes:
        importer: the user or process.
        source: the folder or medium, as the person named it.
    """

    at: datetime
    importer: Party
    source: str
    subject: Subject
    sop_classes: Mapping[str, int]
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    detail: str = ""


@dataclass(frozen=True, slots=True)
class InstancesExported:
    """Results left for a system of another kind, such as a health record (PS3.15 A.5.3.4)."""

    at: datetime
    sender: Party
    receiver: Party
    subject: Subject
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """Somebody asked what is held, by the node or by another (PS3.15 A.5.3.10).

    Attributes:
        sop_class_uid: of the query model; empty for a query that is not DIMSE.
        query: the identifier data set as encoded, or the URL with its parameters.
        transfer_syntax_uid: in which the data set is encoded; empty for a URL.
    """

    at: datetime
    asking: Party
    answering: Party
    sop_class_uid: str
    query: bytes
    transfer_syntax_uid: str = ""
    outcome: AuditOutcome = AuditOutcome.SUCCESS


@dataclass(frozen=True, slots=True)
class OutgoingQuery:
    """A query that the node makes of another, as it goes over the wire.

    Attributes:
        query: the identifier data set as encoded, or the path of the URL with its parameters; may name a patient.
        sop_class_uid: of the query model; empty for a query that is not DIMSE.
        transfer_syntax_uid: in which the data set is encoded; empty for a URL.
    """

    query: bytes = field(repr=False)
    sop_class_uid: str = ""
    transfer_syntax_uid: str = ""


OnQuery: TypeAlias = Callable[[OutgoingQuery], None]
"""Told of each query before it goes out; neither raises nor waits for a network."""


def untold(query: OutgoingQuery) -> None:
    """Nobody audits what is asked."""


@dataclass(frozen=True, slots=True)
class SecurityAlert:
    """Something a security officer should know of (PS3.15 A.5.3.11).

    Attributes:
        culprit: who brought it about.
        description: in words, without patient data.
    """

    at: datetime
    kind: AlertKind
    culprit: Party
    description: str
    outcome: AuditOutcome = AuditOutcome.SERIOUS_FAILURE


@dataclass(frozen=True, slots=True)
class UserAuthenticated:
    """A person or program logged in or out, or tried to (PS3.15 A.5.3.12)."""

    at: datetime
    user: Party
    login: bool
    outcome: AuditOutcome = AuditOutcome.SUCCESS


AuditEvent: TypeAlias = (
    NodeActivity
    | TransferBegun
    | InstancesTransferred
    | InstancesImported
    | InstancesExported
    | Query
    | SecurityAlert
    | UserAuthenticated
)


class Audit(Protocol):
    """Takes events down for good."""

    def record(self, event: AuditEvent) -> None:
        """Take an event down; when this returns, it survives a crash and will be handed on.

        Never raises and waits for no network: what is audited must not fail for want of its audit. An event that
        cannot be taken down, because the disk is full for example, is told in the log with the code ``audit-lost``.
        May be called from several threads.
        """
        ...
