"""What PS3.15 A.5.1 says of an audit message's structure, as far as a program can check it.

Written from the standard's tables; each complaint names the element and what is wrong with it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from xml.etree.ElementTree import Element, fromstring

__all__ = ["coded", "complaints", "parsed"]

CODE = {"csd-code", "codeSystemName", "originalText"}
"""Attributes that a coded value must have; displayName may stand, too."""

CHILDREN = {
    "AuditMessage": "EventIdentification ActiveParticipant+ AuditSourceIdentification ParticipantObjectIdentification*",
    "EventIdentification": "EventID EventTypeCode* EventOutcomeDescription?",
    "ActiveParticipant": "RoleIDCode* MediaIdentifier?",
    "AuditSourceIdentification": "AuditSourceTypeCode*",
    "ParticipantObjectIdentification": (
        "ParticipantObjectIDTypeCode (ParticipantObjectName|ParticipantObjectQuery) ParticipantObjectDetail* "
        "ParticipantObjectDescription*"
    ),
    "ParticipantObjectDescription": "MPPS* Accession* SOPClass* ParticipantObjectContainsStudy? Encrypted? Anonymized?",
    "SOPClass": "Instance*",
}
"""Children in their order, as a regular expression over names."""

NEEDED = {
    "EventIdentification": {"EventDateTime", "EventOutcomeIndicator"},
    "ActiveParticipant": {"UserID", "UserIsRequestor"},
    "AuditSourceIdentification": {"AuditSourceID"},
    "ParticipantObjectIdentification": {"ParticipantObjectID"},
    "ParticipantObjectDetail": {"type", "value"},
    "Accession": {"Number"},
    "SOPClass": {"NumberOfInstances"},
    "AuditSourceTypeCode": {"csd-code"},
    **dict.fromkeys(("EventID", "EventTypeCode", "RoleIDCode", "ParticipantObjectIDTypeCode"), CODE),
}

ALLOWED = {
    "EventIdentification": {"EventActionCode"},
    "ActiveParticipant": {"AlternativeUserID", "UserName", "NetworkAccessPointID", "NetworkAccessPointTypeCode"},
    "AuditSourceIdentification": {"AuditEnterpriseSiteID"},
    "ParticipantObjectIdentification": {
        "ParticipantObjectTypeCode",
        "ParticipantObjectTypeCodeRole",
        "ParticipantObjectDataLifeCycle",
        "ParticipantObjectSensitivity",
    },
    "SOPClass": {"UID"},
}

VALUES = {
    "EventActionCode": {"C", "R", "U", "D", "E"},
    "EventOutcomeIndicator": {"0", "4", "8", "12"},
    "UserIsRequestor": {"true", "false"},
    "NetworkAccessPointTypeCode": set("12345"),
    "ParticipantObjectTypeCode": set("1234"),
    "ParticipantObjectTypeCodeRole": {str(role) for role in range(1, 27)},
}


def parsed(content: bytes) -> Element:
    return fromstring(content)  # noqa: S314 - our own encoder's


def complaints(message: Element) -> list[str]:
    """Everything that is wrong; empty where nothing is."""
    if message.tag != "AuditMessage":
        return [f"the root is {message.tag}"]
    return [complaint for element in message.iter() for complaint in _of(element)]


def coded(element: Element, name: str) -> list[tuple[str, str, str]]:
    """Code, scheme and meaning of every such child, at any depth."""
    return [
        (child.attrib["csd-code"], child.attrib["codeSystemName"], child.attrib["originalText"])
        for child in element.iter(name)
    ]


def _of(element: Element) -> Iterator[str]:
    names = "".join(f"{child.tag} " for child in element)
    if not re.fullmatch(_pattern(CHILDREN.get(element.tag, "")), names):
        yield f"{element.tag} holds {names or 'nothing'}"
    given, needed = set(element.attrib), NEEDED.get(element.tag, set())
    if needed - given:
        yield f"{element.tag} lacks {needed - given}"
    if given - needed - ALLOWED.get(element.tag, set()):
        yield f"{element.tag} has {given - needed}"
    yield from _values(element.tag, element.attrib)
    if element.tag == "ParticipantObjectQuery":
        base64.b64decode(element.text or "", validate=True)


def _pattern(order: str) -> str:
    return "".join(_part(part) for part in order.split())


def _part(part: str) -> str:
    names, how_often = (part[:-1], part[-1]) if part[-1] in "*+?" else (part, "")
    choices = "|".join(f"{name} " for name in names.strip("()").split("|"))
    return f"({choices}){how_often}"


def _values(tag: str, attributes: Mapping[str, str]) -> Iterator[str]:
    for name, value in attributes.items():
        if name in VALUES and value not in VALUES[name]:
            yield f"{tag} has {name} = {value}"
    if "EventDateTime" in attributes and datetime.fromisoformat(attributes["EventDateTime"]).utcoffset() is None:
        yield f"{tag} has a time without a zone"
    if tag == "ParticipantObjectDetail":
        base64.b64decode(attributes["value"], validate=True)
