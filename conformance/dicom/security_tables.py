"""TLS and the audit trail, from the profile that is set and from messages that are really made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, get_args
from xml.etree import ElementTree as ET

from tabulating import documented, table

from marrowcount.ports.audit import (
    AlertKind,
    AuditEvent,
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
from marrowcount.workflow import auditing
from marrowcount.workflow.access import Service
from marrowcount_adapters.audit import AuditSource, encode_message
from marrowcount_adapters.audit.syslog import MESSAGE_ID, SECURITY, SEVERITIES
from marrowcount_adapters.tls.profile import CIPHERS, VERSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
SENDER: Final = Party("SENDER", "10.1.2.3", requested=True)
NODE: Final = Party("MARROWCOUNT", "10.1.2.9")
SOURCE: Final = AuditSource("MARROWCOUNT", "", "MARROWCOUNT", "node", 1)
SUBJECT: Final = Subject("ID", "Name", "1.2", "NUMBER")
CLASSES: Final = {"1.2.840.10008.5.1.4.1.1.77.1.6": 1}

SAMPLES: Final[Mapping[type[AuditEvent], tuple[Sequence[AuditEvent], str]]] = {
    NodeActivity: ((NodeActivity(AT, started=True), NodeActivity(AT, started=False)), "the node starts; the node ends"),
    TransferBegun: (
        (TransferBegun(AT, SENDER, NODE, SUBJECT, CLASSES),),
        "the first instance of a study comes by an association or request; without an end, it was cut off",
    ),
    InstancesTransferred: (
        tuple(InstancesTransferred(AT, SENDER, NODE, SUBJECT, CLASSES, held) for held in Held),
        (
            "by study, when an association or request has ended (every 10 minutes if it lasts): received new (C) or "
            "held before (R); results sent, or tried; a study fetched by DICOMweb, or a slide looked at on the "
            "node's page, once in 10 minutes; what the node fetched"
        ),
    ),
    InstancesImported: (
        (InstancesImported(AT, NODE, "folder", SUBJECT, CLASSES),),
        "files are taken in by `marrowcount ingest`",
    ),
    InstancesExported: ((InstancesExported(AT, NODE, SENDER, SUBJECT),), "the differential goes to a health record"),
    Query: (
        (Query(AT, SENDER, NODE, "", b"/studies"),),
        "a search by QIDO-RS, with its URL; what the node asks by C-FIND or QIDO-RS",
    ),
    SecurityAlert: (
        (SecurityAlert(AT, AlertKind.NODE_AUTHENTICATION, SENDER, "words"),),
        (
            "an association is rejected; a TLS handshake fails; an HTTP request is answered 401, 403 or 421; the same "
            "again is told once a minute, with its number"
        ),
    ),
}
"""Each kind of event that the trail records, with when it does."""


def recorded_kinds() -> set[type[AuditEvent]]:
    """The kinds of events that the audit trail makes."""
    return {kind for kind in get_args(AuditEvent) if kind.__name__ in vars(auditing)}


def suites() -> Iterator[str]:
    """Cipher suites of TLS 1.2."""
    return table(
        ("TLS 1.2 cipher suite, the preferred first", "OpenSSL's name"), ((_registered(n), f"`{n}`") for n in CIPHERS)
    )


def _registered(name: str) -> str:
    """The name in the IANA registry of a suite with ephemeral keys and authenticated encryption."""
    exchange, authentication, *cipher = name.split("-")
    words = "_".join(cipher).replace("AES", "AES_")
    hashed = words if words.rpartition("_")[2].startswith("SHA") else f"{words}_SHA256"
    return f"TLS_{exchange}_{authentication}_WITH_{hashed}"


def versions() -> Iterator[str]:
    """Versions of TLS."""
    spoken = list(VERSIONS)
    rows = ((version, "yes" if version in spoken else "no") for version in ("1.0", "1.1", *spoken))
    return table(("TLS version", "spoken"), rows)


def services() -> Iterator[str]:
    """What a caller's rule may allow."""
    said = documented(Service)
    return table(("service", "allows"), ((f"`{each}`", said[each.name]) for each in Service))


def messages() -> Iterator[str]:
    """Audit messages, as they are made of each kind of event."""
    rows = (_row([ET.fromstring(encode_message(one, SOURCE)) for one in made], when) for made, when in SAMPLES.values())  # noqa: S314 - our own
    return table(("event", "type", "action", "participants", "objects", "when"), rows)


def _row(made: Sequence[ET.Element], when: str) -> tuple[str, ...]:
    return (
        _joined(made, "EventIdentification/EventID"),
        _joined(made, "EventIdentification/EventTypeCode"),
        ", ".join(dict.fromkeys(each.find("EventIdentification").attrib["EventActionCode"] for each in made)),  # type: ignore[union-attr]
        _joined(made, "ActiveParticipant/RoleIDCode"),
        _joined(made, "ParticipantObjectIdentification/ParticipantObjectIDTypeCode"),
        when,
    )


def _joined(made: Sequence[ET.Element], path: str) -> str:
    codes = (code for each in made for code in each.findall(path))
    return "; ".join(dict.fromkeys(f"{code.attrib['csd-code']} {code.attrib['originalText']}" for code in codes))


def outcomes() -> Iterator[str]:
    """Event Outcome Indicators, and the severity of their syslog messages."""
    said = documented(AuditOutcome)
    rows = ((str(int(each)), said.get(each.name, "It succeeded."), str(SEVERITIES[each])) for each in AuditOutcome)
    return table(("Event Outcome Indicator", "meaning", "syslog severity"), rows)


def syslog() -> Iterator[str]:
    """How messages travel."""
    yield f"Syslog messages (RFC 5424): facility {SECURITY}, MSGID `{MESSAGE_ID}`, UTF-8 with a byte order mark."


SECURITY_TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "tls-versions": versions,
    "tls-suites": suites,
    "caller-services": services,
    "audit-messages": messages,
    "audit-outcomes": outcomes,
    "audit-syslog": syslog,
}
