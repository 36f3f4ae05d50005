"""The message profile: which fields of which segments stand in a message, how long they may be, what they hold.

The conformance document is made of it, every message is checked against it before it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROFILE", "SEGMENTS", "FieldRule", "SegmentRule", "Usage"]


class Usage(StrEnum):
    """Whether a field is there (HL7 2.5.1, 2.12.6.5)."""

    REQUIRED = "R"
    """Always valued."""
    IF_KNOWN = "RE"
    """Valued where the node knows it."""
    CONDITIONAL = "C"
    """Valued under the condition that is told, and never else."""


R, RE, C = Usage.REQUIRED, Usage.IF_KNOWN, Usage.CONDITIONAL


@dataclass(frozen=True, slots=True)
class FieldRule:
    """A field.

    Attributes:
        most: repetitions; 0 for any number.
        length: characters of one repetition, escapes included; 0 for no limit.
        table: number of its HL7 table; empty for none.
        holds: what, and under which condition.
    """

    number: int
    name: str
    datatype: str
    usage: Usage
    length: int
    holds: str
    table: str = ""
    most: int = 1


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """A segment.

    Attributes:
        cardinality: least and most within its group, such as ``1..1``.
    """

    name: str
    usage: Usage
    cardinality: str
    about: str
    fields: tuple[FieldRule, ...]


ENTITY: Final = 427
"""Longest EI by its own components (2.A.28); the 22 of older field tables hold no assigning authority."""

SEGMENTS: Final = (
    SegmentRule(
        "MSH",
        R,
        "1..1",
        "message header",
        (
            FieldRule(2, "Encoding Characters", "ST", R, 4, "`^~\\&`; the field separator is `|`"),
            FieldRule(3, "Sending Application", "HD", R, 227, "setting `sending_application`"),
            FieldRule(4, "Sending Facility", "HD", RE, 227, "setting `sending_facility`"),
            FieldRule(5, "Receiving Application", "HD", RE, 227, "setting `receiving_application`"),
            FieldRule(6, "Receiving Facility", "HD", RE, 227, "setting `receiving_facility`"),
            FieldRule(7, "Date/Time Of Message", "TS", R, 26, "when this version of the report was issued"),
            FieldRule(9, "Message Type", "MSG", R, 15, "`ORU^R01^ORU_R01`", "0076, 0003, 0354"),
            FieldRule(10, "Message Control ID", "ST", R, 20, "made of all else in the message: the same when repeated"),
            FieldRule(11, "Processing ID", "PT", R, 3, "setting `processing_id`", "0103"),
            FieldRule(12, "Version ID", "VID", R, 60, "`2.5.1`", "0104"),
            FieldRule(15, "Accept Acknowledgment Type", "ID", C, 2, "`AL` in enhanced mode", "0155"),
            FieldRule(16, "Application Acknowledgment Type", "ID", C, 2, "`NE` in enhanced mode", "0155"),
            FieldRule(18, "Character Set", "ID", R, 16, "setting `character_set`", "0211"),
        ),
    ),
    SegmentRule(
        "PID",
        R,
        "1..1",
        "patient",
        (
            FieldRule(1, "Set ID", "SI", R, 4, "`1`"),
            FieldRule(
                3,
                "Patient Identifier List",
                "CX",
                R,
                250,
                "Patient ID (0010,0020) with its assigning authority, type `MR`",
                "0203, 0301",
            ),
            FieldRule(
                5,
                "Patient Name",
                "XPN",
                R,
                250,
                "Patient's Name (0010,0010), a repetition for each script; type `U` where there is none",
                "0200, 0465",
                3,
            ),
            FieldRule(7, "Date/Time of Birth", "TS", RE, 26, "Patient's Birth Date (0010,0030)"),
            FieldRule(8, "Administrative Sex", "IS", RE, 1, "Patient's Sex (0010,0040)", "0001"),
        ),
    ),
    SegmentRule(
        "PV1",
        R,
        "1..1",
        "visit, of which the node knows nothing",
        (
            FieldRule(1, "Set ID", "SI", R, 4, "`1`"),
            FieldRule(2, "Patient Class", "IS", R, 1, "`U`, unknown", "0004"),
        ),
    ),
    SegmentRule(
        "ORC",
        R,
        "1..1",
        "order",
        (
            FieldRule(1, "Order Control", "ID", R, 2, "`RE`, observations to follow", "0119"),
            FieldRule(2, "Placer Order Number", "EI", C, ENTITY, "as OBR-2"),
            FieldRule(3, "Filler Order Number", "EI", R, ENTITY, "as OBR-3"),
        ),
    ),
    SegmentRule(
        "OBR",
        R,
        "1..1",
        "the differential as a whole",
        (
            FieldRule(1, "Set ID", "SI", R, 4, "`1`"),
            FieldRule(2, "Placer Order Number", "EI", C, ENTITY, "the accession number where `accession_as` is placer"),
            FieldRule(
                3,
                "Filler Order Number",
                "EI",
                R,
                ENTITY,
                "the node's number of the slide's report, the same in all messages about the slide; "
                "the accession number where `accession_as` is filler",
            ),
            FieldRule(4, "Universal Service Identifier", "CE", R, 250, "LOINC 47286-0"),
            FieldRule(7, "Observation Date/Time", "TS", R, 26, "when the slide was scanned, else when it was counted"),
            FieldRule(18, "Placer Field 1", "ST", RE, 60, "Accession Number (0008,0050)"),
            FieldRule(22, "Results Rpt/Status Chng", "TS", R, 26, "when this version of the report was issued"),
            FieldRule(24, "Diagnostic Serv Sect ID", "ID", R, 10, "`LAB`", "0074"),
            FieldRule(25, "Result Status", "ID", R, 1, "see the statuses", "0123"),
            FieldRule(32, "Principal Result Interpreter", "NDL", C, 400, "who answers for it, where a person does"),
        ),
    ),
    SegmentRule(
        "NTE",
        R,
        "1..*",
        "what must be known of the report, behind OBR; of one figure, behind its OBX",
        (
            FieldRule(1, "Set ID", "SI", R, 4, "from 1 behind each OBR or OBX"),
            FieldRule(2, "Source of Comment", "ID", R, 8, "`L`", "0105"),
            FieldRule(3, "Comment", "FT", R, 65536, "one remark"),
            FieldRule(4, "Comment Type", "CE", R, 250, "`RE`, remark", "0364"),
        ),
    ),
    SegmentRule(
        "OBX",
        R,
        "15..*",
        "one figure",
        (
            FieldRule(1, "Set ID", "SI", R, 4, "from 1"),
            FieldRule(2, "Value Type", "ID", R, 2, "see the figures", "0125"),
            FieldRule(3, "Observation Identifier", "CE", R, 250, "see the figures"),
            FieldRule(4, "Observation Sub-ID", "ST", R, 20, "see the figures; the same in all messages"),
            FieldRule(5, "Observation Value", "varies", C, 0, "where there is one; never where OBX-11 is X or W"),
            FieldRule(6, "Units", "CE", C, 250, "of numbers and ratios that have a value, in UCUM"),
            FieldRule(11, "Observation Result Status", "ID", R, 1, "see the statuses", "0085"),
            FieldRule(14, "Date/Time of the Observation", "TS", RE, 26, "when the slide was scanned"),
            FieldRule(16, "Responsible Observer", "XCN", C, 400, "who answers for it, where a person does"),
            FieldRule(17, "Observation Method", "CE", R, 250, "`IMAGE_ANALYSIS`, or `REVISED_BY_PERSON`"),
            FieldRule(18, "Equipment Instance Identifier", "EI", R, ENTITY, "the software, then its models", most=0),
            FieldRule(19, "Date/Time of the Analysis", "TS", R, 26, "when the software counted"),
            FieldRule(23, "Performing Organization Name", "XON", RE, 567, "setting `organisation`"),
        ),
    ),
    SegmentRule(
        "SPM",
        R,
        "1..1",
        "the smear",
        (
            FieldRule(1, "Set ID", "SI", R, 4, "`1`"),
            FieldRule(2, "Specimen ID", "EIP", RE, ENTITY, "Container Identifier (0040,0512), as the filler's number"),
            FieldRule(4, "Specimen Type", "CWE", R, 705, "SNOMED CT 396997002 and `MAR`", "0487"),
            FieldRule(8, "Specimen Source Site", "CWE", R, 705, "SNOMED CT 14016003"),
        ),
    ),
)
"""In the order in which they stand in a message; NTE stands behind OBR and behind OBX."""

PROFILE: Final[Mapping[str, Mapping[int, FieldRule]]] = MappingProxyType(
    {each.name: MappingProxyType({field.number: field for field in each.fields}) for each in SEGMENTS}
)
"""The same, to look a field up."""
