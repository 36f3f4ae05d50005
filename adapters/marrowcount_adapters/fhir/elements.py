"""Data types of FHIR, as this bundle needs them."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from unicodedata import category

from fhir.resources.R4B.annotation import Annotation
from fhir.resources.R4B.attachment import Attachment
from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.identifier import Identifier
from fhir.resources.R4B.quantity import Quantity
from fhir.resources.R4B.reference import Reference

from marrowcount.cytology.cell_types import LOCAL_SCHEME
from marrowcount.cytology.concepts import LOCAL_SCHEME_UID

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from marrowcount.cytology.cell_types import Code

__all__ = [
    "DICOM_UID_SYSTEM",
    "TERMINOLOGY",
    "URI_SYSTEM",
    "absent",
    "attachment",
    "clean",
    "coding",
    "concept",
    "count_quantity",
    "note",
    "number_quantity",
    "percent_quantity",
    "ratio_quantity",
    "reference",
    "term",
    "uid_identifier",
    "urn",
    "uuid_identifier",
]

UCUM: Final = "http://unitsofmeasure.org"
URI_SYSTEM: Final = "urn:ietf:rfc:3986"
DICOM_UID_SYSTEM: Final = "urn:dicom:uid"
TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"

SYSTEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "LN": "http://loinc.org",
        "SCT": "http://snomed.info/sct",
        "DCM": "http://dicom.nema.org/resources/ontology/DCM",
        LOCAL_SCHEME: f"urn:oid:{LOCAL_SCHEME_UID}",
    }
)
"""FHIR code system of each DICOM coding scheme designator used."""

DISTANCE_PLACES: Final = Decimal("1E-9")


def coding(code: Code) -> Coding:
    """A code of the core with its system's URI."""
    return Coding(system=SYSTEMS[code.scheme], code=code.value, display=code.meaning)


def concept(*codes: Code, text: str | None = None) -> CodeableConcept:
    """One concept in one or more code systems; in words the last code's meaning, unless said otherwise."""
    return CodeableConcept(coding=[coding(code) for code in codes], text=text or codes[-1].meaning)


def term(system: str, code: str, display: str) -> CodeableConcept:
    """A concept of HL7's own terminology (THO)."""
    return CodeableConcept(coding=[Coding(system=f"{TERMINOLOGY}{system}", code=code, display=display)])


def urn(uuid: UUID) -> str:
    """How entries of a bundle are called and referred to."""
    return f"urn:uuid:{uuid}"


def reference(uuid: UUID) -> Reference:
    """To another entry of the same bundle."""
    return Reference(reference=urn(uuid))


def uuid_identifier(uuid: UUID) -> Identifier:
    """A business identifier that stays the same over all deliveries."""
    return Identifier(system=URI_SYSTEM, value=urn(uuid))


def uid_identifier(uid: str) -> Identifier:
    """A DICOM UID as identifier."""
    return Identifier(system=DICOM_UID_SYSTEM, value=f"urn:oid:{uid}")


def percent_quantity(value: Decimal) -> Quantity:
    """Percent, as rounded by the core."""
    return Quantity(value=value, unit="%", system=UCUM, code="%")


def ratio_quantity(value: Decimal) -> Quantity:
    """A ratio, as rounded by the core."""
    return Quantity(value=value, unit="ratio", system=UCUM, code="{ratio}")


def count_quantity(value: int, thing: str) -> Quantity:
    """How many things, whose name stands in the plural."""
    return Quantity(value=Decimal(value), unit=thing, system=UCUM, code=f"{{{thing}}}")


def number_quantity(value: float) -> Quantity:
    """A plain number, such as a distance, to nine places."""
    return Quantity(value=Decimal(value).quantize(DISTANCE_PLACES), unit="1", system=UCUM, code="1")


def attachment(content: bytes, media_type: str, title: str, created: datetime | None = None) -> Attachment:
    """A document within the resource; its size and SHA-1, which R4 asks for (2.24.0.7), are of the document itself."""
    return Attachment(
        contentType=media_type,
        language="en",
        data=b64encode(content),
        size=len(content),
        hash=b64encode(hashlib.sha1(content, usedforsecurity=False).digest()),
        title=title,
        creation=created,
    )


def absent(reason: str, display: str) -> CodeableConcept:
    """Why there is no value."""
    return term("data-absent-reason", reason, display)


def clean(text: str) -> str:
    """Text that people typed, without the control characters that neither JSON strings of FHIR nor XHTML may hold."""
    return "".join(letter for letter in text if letter in "\t\n" or category(letter) not in {"Cc", "Cs"}).strip()


def note(words: str) -> Annotation:
    """A remark that nobody signs."""
    return Annotation(text=clean(words))
