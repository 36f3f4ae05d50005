"""The codes of PS3.15 A.5.3: those of the scheme DCM (PS3.16 Annex D) and those of RFC 3881."""

from __future__ import annotations

from typing import Final, NamedTuple

from marrowcount.ports.audit import AlertKind

__all__ = [
    "ALERT_SUBJECT",
    "ALERT_TYPES",
    "APPLICATION",
    "DESTINATION",
    "NODE_ID",
    "PATIENT_NUMBER",
    "SOP_CLASS",
    "SOURCE",
    "SOURCE_MEDIA",
    "STUDY",
    "URI",
    "Code",
    "Event",
    "EventType",
]


class Code(NamedTuple):
    """A coded concept."""

    value: str
    meaning: str
    scheme: str = "DCM"


class Event:
    """Event IDs (PS3.16 CID 400)."""

    APPLICATION_ACTIVITY: Final = Code("110100", "Application Activity")
    BEGIN_TRANSFERRING: Final = Code("110102", "Begin Transferring DICOM Instances")
    INSTANCES_TRANSFERRED: Final = Code("110104", "DICOM Instances Transferred")
    EXPORT: Final = Code("110106", "Export")
    IMPORT: Final = Code("110107", "Import")
    QUERY: Final = Code("110112", "Query")
    SECURITY_ALERT: Final = Code("110113", "Security Alert")
    USER_AUTHENTICATION: Final = Code("110114", "User Authentication")


class EventType:
    """Event Type Codes (PS3.16 CID 401)."""

    APPLICATION_START: Final = Code("110120", "Application Start")
    APPLICATION_STOP: Final = Code("110121", "Application Stop")
    LOGIN: Final = Code("110122", "Login")
    LOGOUT: Final = Code("110123", "Logout")


ALERT_TYPES: Final = {
    AlertKind.NODE_AUTHENTICATION: Code("110126", "Node Authentication"),
    AlertKind.NETWORK_CONFIGURATION: Code("110128", "Network Configuration"),
    AlertKind.SECURITY_CONFIGURATION: Code("110129", "Security Configuration"),
}
"""PS3.16 CID 403."""

APPLICATION: Final = Code("110150", "Application")
DESTINATION: Final = Code("110152", "Destination Role ID")
SOURCE: Final = Code("110153", "Source Role ID")
SOURCE_MEDIA: Final = Code("110155", "Source Media")
"""Role ID Codes (PS3.16 CID 402)."""

STUDY: Final = Code("110180", "Study Instance UID")
SOP_CLASS: Final = Code("110181", "SOP Class UID")
NODE_ID: Final = Code("110182", "Node ID")
PATIENT_NUMBER: Final = Code("2", "Patient Number", "RFC-3881")
URI: Final = Code("12", "URI", "RFC-3881")
"""Participant Object ID Type Codes (PS3.16 CID 404, PS3.15 A.5.1.2.4)."""

ALERT_SUBJECT: Final = "Alert Description"
"""Type of the detail that PS3.15 A.5.3.11 demands."""
