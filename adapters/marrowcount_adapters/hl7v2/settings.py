"""What a site must say before results can go through its interface engine."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.loinc import CodePolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AccessionAs", "Acknowledgement", "Authority", "CharacterSet", "Hl7Settings"]

OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
LONGEST_NAMESPACE: Final = 20
LONGEST_UNIVERSAL_ID: Final = 199
"""Characters that the parts of an HD hold in 2.5.1."""

URIS: Final[Mapping[str, str]] = MappingProxyType({"urn:oid:": "ISO", "urn:uuid:": "UUID"})
"""Beginnings of URIs that stand for a universal id of a type."""


class CharacterSet(StrEnum):
    """How a message's characters become bytes, as MSH-18 says it (HL7 table 0211)."""

    UTF_8 = "UNICODE UTF-8"
    LATIN_1 = "8859/1"

    @property
    def codec(self) -> str:
        """What Python calls it."""
        return "utf-8" if self is CharacterSet.UTF_8 else "iso-8859-1"


class Acknowledgement(StrEnum):
    """Which acknowledgement is asked for (HL7 2.5.1, 2.9)."""

    ORIGINAL = "original"
    """The application's: AA, AE, AR. MSH-15 and MSH-16 are empty."""
    ENHANCED = "enhanced"
    """The receiving system's: CA, CE, CR. MSH-15 is AL, MSH-16 NE."""


class AccessionAs(StrEnum):
    """Where a slide's accession number stands, beside OBR-18."""

    FIELD = "field"
    """In OBR-18 alone, where IHE puts it; ORC-3 and OBR-3 are the node's own number of the slide's report."""
    PLACER = "placer"
    """In ORC-2 and OBR-2, too: the number by which the order was placed."""
    FILLER = "filler"
    """In ORC-3 and OBR-3 instead of the node's own number: for sites where an accession has one slide only."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Who gives identifiers out, or an application, or a facility (data type HD; HL7 2.5.1, 2.A.33).

    Attributes:
        universal_id_type: of HL7 table 0301.
    """

    namespace: str = ""
    universal_id: str = ""
    universal_id_type: str = ""

    @classmethod
    def parse(cls, text: str) -> Authority:
        """As people write it: ``HOSP``, ``HOSP&1.2.3.4&ISO`` or ``&1.2.3.4&ISO``; empty text for none."""
        return cls(*(part.strip() for part in text.split("&")))

    @classmethod
    def of_uri(cls, uri: str) -> Authority:
        """The authority of an identifier system; none where there is no URI, or one that fits no universal id."""
        if not 0 < len(uri) <= LONGEST_UNIVERSAL_ID:
            return cls()
        for beginning, kind in URIS.items():
            if uri.startswith(beginning):
                return cls("", uri.removeprefix(beginning), kind)
        return cls("", uri, "URI")

    @classmethod
    def of_issuer(cls, issuer: str) -> Authority:
        """The authority that a header's text names; none where it fits no namespace."""
        if OID.fullmatch(issuer):
            return cls("", issuer, "ISO")
        return cls(issuer) if len(issuer) <= LONGEST_NAMESPACE else cls()


@dataclass(frozen=True, slots=True)
class Hl7Settings:
    """How a receiver wants its messages.

    Attributes:
        authorities: assigning authority for each text of an issuer in a header (0010,0021), ``""`` for headers that
            name none, and for each URI of a header's own universal entity id.
        patient_id_systems: URI for each text of Issuer of Patient ID; stands in where ``authorities`` has none.
        organisation: the laboratory, as performing organisation.
        timezone: IANA zone of times in headers that give none.
        processing_id: P for production, T for training, D for debugging (HL7 table 0103).
        code_policy: which LOINC terms a class carries once a person answers for the count.
        ratio_as_number: the M:E ratio as a plain number (NM) instead of a ratio to 1 (SN).
        with_details: raw counts, bounds of intervals and the histogram, too.
        with_document: the report as PDF, too.
    """

    sending_application: Authority = field(default_factory=lambda: Authority("MARROWCOUNT"))
    sending_facility: Authority = field(default_factory=Authority)
    receiving_application: Authority = field(default_factory=Authority)
    receiving_facility: Authority = field(default_factory=Authority)
    authorities: Mapping[str, Authority] = field(default_factory=dict)
    patient_id_systems: Mapping[str, str] = field(default_factory=dict)
    organisation: str = ""
    timezone: str = "UTC"
    processing_id: str = "P"
    character_set: CharacterSet = CharacterSet.UTF_8
    acknowledgement: Acknowledgement = Acknowledgement.ORIGINAL
    accession_as: AccessionAs = AccessionAs.FIELD
    code_policy: CodePolicy = CodePolicy.STRICT
    ratio_as_number: bool = False
    with_details: bool = True
    with_document: bool = False
