"""What a scanner knows about a slide beside its pixels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.uid import UID

if TYPE_CHECKING:
    from datetime import date, datetime

__all__ = ["Patient", "SlideHeader"]


@dataclass(frozen=True, slots=True)
class Patient:
    """Whose marrow it is.

    Attributes:
        name: family and given name joined by ``^`` (PS3.5 6.2.1).
        issuer: who gave the identifier, free text.
        issuer_uri: the same as a URI, for the issuer's universal entity id (0040,0032).
        sex: ``F``, ``M`` or ``O``.
    """

    name: str
    identifier: str
    issuer: str
    issuer_uri: str
    birth_date: date
    sex: str


@dataclass(frozen=True, slots=True)
class SlideHeader:
    """The facts that every instance of a slide's series carries.

    Attributes:
        identity: any text that is one slide's own; all UIDs are derived from it, so that the same slide written twice
            is the same series.
        acquired: when the slide was scanned, with zone.
        container_identifier: the slide's barcode.
        spacing_mm: between pixel centres of the base level.
        objective_power: of the scanner's lens, 40 for 0.25 um.
        label_text: lines printed on the slide's label.
    """

    identity: str
    patient: Patient
    accession_number: str
    accession_issuer: str
    study_description: str
    acquired: datetime
    container_identifier: str
    container_issuer: str
    specimen_identifier: str
    label_text: tuple[str, ...]
    spacing_mm: float = 0.00025
    objective_power: int = 40
    manufacturer: str = "marrowcount"
    model_name: str = "Digital marrow phantom"
    serial_number: str = "0001"
    software_version: str = "1"

    def uid(self, part: str) -> UID:
        """The UID of a part of this slide: 2.25 and 128 bits of a digest (PS3.5 B.2)."""
        digest = hashlib.sha256(f"{self.identity}/{part}".encode()).digest()
        return UID(f"2.25.{int.from_bytes(digest[:16])}")
