"""Events as the XML of PS3.15 A.5.1: pure, nothing is sent here.

The schema demands of every participant object a name or a query, so a study, which has no name, is called by its UID.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import StrEnum
from functools import singledispatch
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement, tostring

from marrowcount.ports.audit import (
    AuditEvent,
    AuditOutcome,
    InstancesExported,
    InstancesImported,
    InstancesTransferred,
    NodeActivity,
    Query,
    SecurityAlert,
    TransferBegun,
    UserAuthenticated,
)
from marrowcount_adapters.audit.codes import (
    ALERT_SUBJECT,
    ALERT_TYPES,
    APPLICATION,
    DESTINATION,
    NODE_ID,
    PATIENT_NUMBER,
    SOP_CLASS,
    SOURCE,
    SOURCE_MEDIA,
    STUDY,
    URI,
    Code,
    Event,
    EventType,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from marrowcount.ports.audit import Party, Subject

__all__ = ["AuditSource", "PatientDetail", "encode_message"]

APPLICATION_SERVER: Final = "4"
"""Audit Source Type Code."""

IP_ADDRESS: Final = "2"
MACHINE_NAME: Final = "1"
"""Network Access Point Type Codes."""

PERSON: Final = "1"
SYSTEM: Final = "2"
"""Participant Object Type Codes."""

PATIENT_ROLE: Final = "1"
REPORT_ROLE: Final = "3"
SECURITY_RESOURCE_ROLE: Final = "13"
"""Participant Object Type Code Roles."""

LEFT_OUT: Final = "left out by the settings"


class PatientDetail(StrEnum):
    """How much a message says of the patient."""

    NAME = "name"
    """Identifier and name, as the standard has it."""
    ID = "id"
    """The identifier alone."""
    NONE = "none"
    """Neither; the study's UID leads to both."""


@dataclass(frozen=True, slots=True)
class AuditSource:
    """Who reports.

    Attributes:
        source_id: of the node.
        site_id: of the house; may be empty.
        ae_title: of the node.
        host: on which it runs.
    """

    source_id: str
    site_id: str
    ae_title: str
    host: str
    process_id: int
    patient: PatientDetail = PatientDetail.NAME


def encode_message(event: AuditEvent, source: AuditSource) -> bytes:
    """One AuditMessage, UTF-8, without line breaks."""
    message = Element("AuditMessage")
    _body(event, message, source)
    return bytes(tostring(message, encoding="utf-8", xml_declaration=True)).replace(b"\n", b"")


@singledispatch
def _body(event: AuditEvent, message: Element, source: AuditSource) -> None:  # noqa: ARG001 - of those registered
    """Fill a message."""
    raise TypeError(type(event))


@_body.register
def _(event: NodeActivity, message: Element, source: AuditSource) -> None:
    kind = EventType.APPLICATION_START if event.started else EventType.APPLICATION_STOP
    _identify(message, Event.APPLICATION_ACTIVITY, "E", event.at, kind=kind)
    _node(message, source, APPLICATION, requested=False)
    _reported(message, source)


@_body.register
def _(event: TransferBegun, message: Element, source: AuditSource) -> None:
    _identify(message, Event.BEGIN_TRANSFERRING, "E", event.at)
    _transfer(message, event.sender, event.receiver, source)
    _study(message, event.subject, event.sop_classes, source)


@_body.register
def _(event: InstancesTransferred, message: Element, source: AuditSource) -> None:
    _identify(
        message, Event.INSTANCES_TRANSFERRED, event.held.value, event.at, outcome=event.outcome, detail=event.detail
    )
    _transfer(message, event.sender, event.receiver, source)
    _study(message, event.subject, event.sop_classes, source)


@_body.register
def _(event: InstancesExported, message: Element, source: AuditSource) -> None:
    _identify(message, Event.EXPORT, "R", event.at, outcome=event.outcome, detail=event.detail)
    _participant(message, event.receiver, DESTINATION)
    _participant(message, event.sender, SOURCE)
    _reported(message, source)
    _study(message, event.subject, {}, source)


@_body.register
def _(event: InstancesImported, message: Element, source: AuditSource) -> None:
    _identify(message, Event.IMPORT, "C", event.at, outcome=event.outcome, detail=event.detail)
    _participant(message, event.importer, DESTINATION)
    medium = _element(message, "ActiveParticipant", UserID=event.source, UserIsRequestor="false")
    _code(medium, "RoleIDCode", SOURCE_MEDIA)
    _reported(message, source)
    _study(message, event.subject, event.sop_classes, source)


@_body.register
def _(event: Query, message: Element, source: AuditSource) -> None:
    _identify(message, Event.QUERY, "E", event.at, outcome=event.outcome)
    _participant(message, event.asking, SOURCE)
    _participant(message, event.answering, DESTINATION)
    _reported(message, source)
    asked = _object(message, event.sop_class_uid or event.answering.name, SYSTEM, REPORT_ROLE)
    _code(asked, "ParticipantObjectIDTypeCode", SOP_CLASS if event.sop_class_uid else URI)
    if source.patient is not PatientDetail.NAME:  # whoever asks may ask by a patient's name and number
        _element(asked, "ParticipantObjectName").text = LEFT_OUT
        return
    _element(asked, "ParticipantObjectQuery").text = _base64(event.query)
    if event.sop_class_uid:
        _detail(asked, "TransferSyntax", event.transfer_syntax_uid)


@_body.register
def _(event: SecurityAlert, message: Element, source: AuditSource) -> None:
    _identify(message, Event.SECURITY_ALERT, "E", event.at, outcome=event.outcome, kind=ALERT_TYPES[event.kind])
    _node(message, source, None, requested=False)
    _participant(message, event.culprit, None)
    _reported(message, source)
    subject = _object(message, event.culprit.address or event.culprit.name, SYSTEM, SECURITY_RESOURCE_ROLE)
    _code(subject, "ParticipantObjectIDTypeCode", NODE_ID)
    _element(subject, "ParticipantObjectName").text = _sound(event.culprit.name)
    _detail(subject, ALERT_SUBJECT, event.description)


@_body.register
def _(event: UserAuthenticated, message: Element, source: AuditSource) -> None:
    kind = EventType.LOGIN if event.login else EventType.LOGOUT
    _identify(message, Event.USER_AUTHENTICATION, "E", event.at, outcome=event.outcome, kind=kind)
    _participant(message, event.user, None)
    _node(message, source, None, requested=False)
    _reported(message, source)


def _identify(
    message: Element,
    event: Code,
    action: str,
    at: datetime,
    *,
    outcome: AuditOutcome = AuditOutcome.SUCCESS,
    detail: str = "",
    kind: Code | None = None,
) -> None:
    identification = _element(
        message,
        "EventIdentification",
        EventActionCode=action,
        EventDateTime=at.isoformat(timespec="milliseconds"),
        EventOutcomeIndicator=str(int(outcome)),
    )
    _code(identification, "EventID", event)
    if kind is not None:
        _code(identification, "EventTypeCode", kind)
    if detail:
        _element(identification, "EventOutcomeDescription").text = _sound(detail)


def _transfer(message: Element, sender: Party, receiver: Party, source: AuditSource) -> None:
    _participant(message, sender, SOURCE)
    _participant(message, receiver, DESTINATION)
    _reported(message, source)


def _participant(message: Element, party: Party, role: Code | None) -> None:
    attributes = {"UserID": party.name, "UserIsRequestor": "true" if party.requested else "false"}
    if party.address:
        attributes["NetworkAccessPointID"] = party.address
        attributes["NetworkAccessPointTypeCode"] = IP_ADDRESS if _is_address(party.address) else MACHINE_NAME
    participant = _element(message, "ActiveParticipant", **attributes)
    if role is not None:
        _code(participant, "RoleIDCode", role)


def _node(message: Element, source: AuditSource, role: Code | None, *, requested: bool) -> None:
    """The node itself, by its process and the AE titles it serves (PS3.15 A.5.2.1, A.5.2.2)."""
    node = _element(
        message,
        "ActiveParticipant",
        UserID=str(source.process_id),
        AlternativeUserID=f"AETITLES={source.ae_title}",
        UserIsRequestor="true" if requested else "false",
        NetworkAccessPointID=source.host,
        NetworkAccessPointTypeCode=MACHINE_NAME,
    )
    if role is not None:
        _code(node, "RoleIDCode", role)


def _reported(message: Element, source: AuditSource) -> None:
    attributes = {"AuditSourceID": source.source_id}
    if source.site_id:
        attributes["AuditEnterpriseSiteID"] = source.site_id
    reported = _element(message, "AuditSourceIdentification", **attributes)
    _element(reported, "AuditSourceTypeCode", **{"csd-code": APPLICATION_SERVER})


def _study(message: Element, subject: Subject, sop_classes: Mapping[str, int], source: AuditSource) -> None:
    study = _object(message, subject.study_uid, SYSTEM, REPORT_ROLE)
    _code(study, "ParticipantObjectIDTypeCode", STUDY)
    _element(study, "ParticipantObjectName").text = subject.study_uid
    if sop_classes:
        description = _element(study, "ParticipantObjectDescription")
        if subject.accession_number and source.patient is not PatientDetail.NONE:
            _element(description, "Accession", Number=subject.accession_number)
        for uid, instances in sorted(sop_classes.items()):
            _element(description, "SOPClass", UID=uid, NumberOfInstances=str(instances))
    _patient(message, subject, source.patient)


def _patient(message: Element, subject: Subject, detail: PatientDetail) -> None:
    known = detail is not PatientDetail.NONE
    patient = _object(message, subject.patient_id if known else LEFT_OUT, PERSON, PATIENT_ROLE)
    _code(patient, "ParticipantObjectIDTypeCode", PATIENT_NUMBER)
    name = subject.patient_name if detail is PatientDetail.NAME else LEFT_OUT
    _element(patient, "ParticipantObjectName").text = _sound(name)


def _object(message: Element, object_id: str, kind: str, role: str) -> Element:
    return _element(
        message,
        "ParticipantObjectIdentification",
        ParticipantObjectID=object_id,
        ParticipantObjectTypeCode=kind,
        ParticipantObjectTypeCodeRole=role,
    )


def _detail(parent: Element, kind: str, value: str) -> None:
    _element(parent, "ParticipantObjectDetail", type=kind, value=_base64(value.encode()))


def _code(parent: Element, name: str, code: Code) -> None:
    attributes = {"csd-code": code.value, "codeSystemName": code.scheme, "originalText": code.meaning}
    _element(parent, name, **attributes)


def _element(parent: Element, name: str, **attributes: str) -> Element:
    return SubElement(parent, name, {key: _sound(value) for key, value in attributes.items()})


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _sound(text: str) -> str:
    """Without what XML 1.0 cannot hold: a header may carry control characters, and halves of surrogate pairs."""
    return "".join(character if _allowed(ord(character)) else "\N{REPLACEMENT CHARACTER}" for character in text)


def _allowed(point: int) -> bool:
    return 0x20 <= point < 0xD800 or 0xE000 <= point < 0xFFFE or point >= 0x10000 or point == 0x09  # noqa: PLR2004


def _is_address(text: str) -> bool:
    return ":" in text or text.replace(".", "").isdigit()
