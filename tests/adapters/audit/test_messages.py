"""Events as the XML of PS3.15 A.5."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_schema import coded, complaints, parsed
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
    UserAuthenticated,
)
from marrowcount_adapters.audit import AuditSource, PatientDetail, encode_message

AT = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
SOURCE = AuditSource("MARROW-1", "HOUSE", "MARROWCOUNT", "node.example.org", 4711)
SCANNER = Party("SCANNER", "10.1.2.3", requested=True)
NODE = Party("MARROWCOUNT", "node.example.org")
SUBJECT = Subject("17^^^LAB", "Doe^Jane", "1.2.3", "A-5")
SLIDES = {"1.2.840.10008.5.1.4.1.1.77.1.6": 9, "1.2.840.10008.5.1.4.1.1.91.1": 1}

EVENTS: tuple[tuple[AuditEvent, str, str, list[str]], ...] = (
    (NodeActivity(AT, started=True), "110100", "E", ["110120"]),
    (NodeActivity(AT, started=False), "110100", "E", ["110121"]),
    (TransferBegun(AT, SCANNER, NODE, SUBJECT, SLIDES), "110102", "E", []),
    (InstancesTransferred(AT, SCANNER, NODE, SUBJECT, SLIDES, Held.NOTHING), "110104", "C", []),
    (InstancesTransferred(AT, SCANNER, NODE, SUBJECT, SLIDES), "110104", "R", []),
    (InstancesExported(AT, NODE, Party("https://ehr.example.org/fhir"), SUBJECT), "110106", "R", []),
    (InstancesImported(AT, NODE, "file:///mnt/slides", SUBJECT, SLIDES), "110107", "C", []),
    (Query(AT, SCANNER, NODE, "1.2.840.10008.5.1.4.1.2.2.1", b"\0\1", "1.2.840.10008.1.2.1"), "110112", "E", []),
    (Query(AT, SCANNER, NODE, "", b"/studies?PatientID=17"), "110112", "E", []),
    (SecurityAlert(AT, AlertKind.NODE_AUTHENTICATION, SCANNER, "TLS: unknown ca"), "110113", "E", ["110126"]),
    (UserAuthenticated(AT, SCANNER, login=True, outcome=AuditOutcome.MINOR_FAILURE), "110114", "E", ["110122"]),
    (UserAuthenticated(AT, SCANNER, login=False), "110114", "E", ["110123"]),
)


@pytest.mark.parametrize(("event", "code", "action", "types"), EVENTS)
def test_every_event_has_its_message(event: AuditEvent, code: str, action: str, types: list[str]) -> None:
    """Each is structured as A.5.1 demands and carries the event, action and type codes of its table in A.5.3."""
    message = parsed(encode_message(event, SOURCE))
    assert complaints(message) == []
    assert [found[:2] for found in coded(message, "EventID")] == [(code, "DCM")]
    assert [found[0] for found in coded(message, "EventTypeCode")] == types
    identification = message.find("EventIdentification")
    assert identification is not None
    assert identification.attrib["EventActionCode"] == action
    assert identification.attrib["EventDateTime"] == "2026-11-22T20:00:00.000+00:00"
    assert identification.attrib["EventOutcomeIndicator"] == str(int(getattr(event, "outcome", 0)))
    reported = message.find("AuditSourceIdentification")
    assert reported is not None
    assert reported.attrib == {"AuditSourceID": "MARROW-1", "AuditEnterpriseSiteID": "HOUSE"}


def test_transfer_names_sender_receiver_study_and_patient() -> None:
    """A.5.3.7: source, destination, the study with its classes and numbers, and one patient."""
    message = parsed(encode_message(InstancesTransferred(AT, SCANNER, NODE, SUBJECT, SLIDES), SOURCE))
    participants = message.findall("ActiveParticipant")
    roles = [(each.attrib["UserID"], coded(each, "RoleIDCode")[0][0]) for each in participants]
    assert roles == [("SCANNER", "110153"), ("MARROWCOUNT", "110152")]
    assert [each.attrib["NetworkAccessPointTypeCode"] for each in participants] == ["2", "1"]
    assert [each.attrib["UserIsRequestor"] for each in participants] == ["true", "false"]
    study, patient = message.findall("ParticipantObjectIdentification")
    assert study.attrib["ParticipantObjectID"] == "1.2.3"
    assert coded(study, "ParticipantObjectIDTypeCode") == [("110180", "DCM", "Study Instance UID")]
    counted = {each.attrib["UID"]: each.attrib["NumberOfInstances"] for each in study.iter("SOPClass")}
    assert counted == {uid: str(number) for uid, number in SLIDES.items()}
    assert [each.attrib["Number"] for each in study.iter("Accession")] == ["A-5"]
    assert patient.attrib["ParticipantObjectID"] == "17^^^LAB"
    assert coded(patient, "ParticipantObjectIDTypeCode") == [("2", "RFC-3881", "Patient Number")]
    assert patient.findtext("ParticipantObjectName") == "Doe^Jane"


@pytest.mark.parametrize(
    ("detail", "told"), [(PatientDetail.NAME, {"17", "Doe", "A-5"}), (PatientDetail.ID, {"17", "A-5"}), ("none", set())]
)
def test_patient_can_be_left_out(detail: PatientDetail, told: set[str]) -> None:
    """As the settings want it; the message stays whole without."""
    source = replace(SOURCE, patient=PatientDetail(detail))
    content = encode_message(InstancesTransferred(AT, SCANNER, NODE, SUBJECT, SLIDES), source)
    assert complaints(parsed(content)) == []
    assert {
        secret
        for secret in ("17", "Doe", "A-5")
        if secret.encode() in content.replace(b"10.1.2.3", b"").replace(b"77.1", b"")
    } == told


def test_query_is_kept_as_it_was_asked() -> None:
    """A.5.3.10: the data set in base64 with its transfer syntax, or the URL."""
    asked = parsed(encode_message(EVENTS[7][0], SOURCE)).find("ParticipantObjectIdentification")
    assert asked is not None
    assert base64.b64decode(asked.findtext("ParticipantObjectQuery") or "") == b"\0\1"
    (detail,) = asked.iter("ParticipantObjectDetail")
    assert detail.attrib["type"] == "TransferSyntax"
    assert base64.b64decode(detail.attrib["value"]) == b"1.2.840.10008.1.2.1"


@pytest.mark.parametrize("detail", ["id", "none"])
@pytest.mark.parametrize("number", [7, 8])
def test_query_that_may_name_a_patient_is_left_out_where_names_are(detail: str, number: int) -> None:
    """Who asked whom stays, and the message stays whole."""
    message = parsed(encode_message(EVENTS[number][0], replace(SOURCE, patient=PatientDetail(detail))))
    assert complaints(message) == []
    assert message.findtext(".//ParticipantObjectQuery") is None
    assert [each.attrib["UserID"] for each in message.findall("ActiveParticipant")] == ["SCANNER", "MARROWCOUNT"]


def test_alert_says_who_and_what() -> None:
    """A.5.3.11: the node that is the subject, and what happened in words."""
    alert = parsed(encode_message(EVENTS[9][0], SOURCE)).find("ParticipantObjectIdentification")
    assert alert is not None
    assert alert.attrib["ParticipantObjectID"] == "10.1.2.3"
    (detail,) = alert.iter("ParticipantObjectDetail")
    assert detail.attrib["type"] == "Alert Description"
    assert base64.b64decode(detail.attrib["value"]) == b"TLS: unknown ca"


TEXTS = st.text(max_size=20)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_whatever_a_header_holds_the_message_is_sound(name: str, identifier: str, title: str, detail: str) -> None:
    """Control characters, markup and halves of characters neither break the XML nor leave their place in it."""
    event = InstancesTransferred(AT, Party(title), NODE, Subject(identifier, name, "1.2.3"), SLIDES, detail=detail)
    content = encode_message(event, SOURCE)
    assert b"\n" not in content
    assert complaints(parsed(content)) == []


def test_names_in_any_script_arrive() -> None:
    """UTF-8 throughout."""
    subject = replace(SUBJECT, patient_name="Müller^Jürgen=山田^太郎")
    message = parsed(encode_message(InstancesTransferred(AT, SCANNER, NODE, subject, SLIDES), SOURCE))
    assert "Müller^Jürgen=山田^太郎" in [name.text for name in message.iter("ParticipantObjectName")]
