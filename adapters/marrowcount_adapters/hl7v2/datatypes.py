"""The data types of HL7 v2.5.1 (chapter 2.A) that a result needs, each as the text of a field."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import LOCAL_SCHEME
from marrowcount_adapters.hl7v2.er7 import components, repetitions, subcomponents, text
from marrowcount_adapters.hl7v2.settings import Authority

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from marrowcount.cytology.cell_types import Code
    from marrowcount.result import Patient, PersonName
    from marrowcount.review import Practitioner, Signature

__all__ = [
    "coded",
    "entity",
    "interpreter",
    "number",
    "observer",
    "party",
    "patient_names",
    "patient_number",
    "ratio",
    "specimen_identifier",
    "timestamp",
    "unit",
]

SYSTEMS: Final = frozenset({"LN", "SCT", "HL70487", LOCAL_SCHEME})
"""Coding schemes that table 0396 calls as DICOM does; local ones begin with 99 in both."""

UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "%": "percent",
        "{ratio}": "ratio",
        "{cells}": "cells",
        "{objects}": "objects",
        "{tiles}": "tiles",
        "1": "no units",
    }
)
"""Words for each UCUM unit used."""


def coded(*codes: Code) -> str:
    """CE: one concept in one or two systems.

    Raises:
        ValueError: HL7 calls a code's system otherwise, or knows none.
    """
    if strange := {code.scheme for code in codes} - SYSTEMS:
        msg = f"no coding systems of HL7: {strange}"
        raise ValueError(msg)
    return components(*(text(part) for code in codes for part in (code.value, code.meaning, code.scheme)))


def unit(ucum: str) -> str:
    """CE: a unit."""
    return components(ucum, UNITS[ucum], "UCUM")


def number(value: Decimal | int) -> str:
    """NM: a point, never a comma, whatever the locale."""
    return f"{value:f}" if not isinstance(value, int) else str(value)


def ratio(value: Decimal) -> str:
    """SN: a ratio to 1."""
    return components("", number(value), ":", "1")


def timestamp(moment: datetime) -> str:
    """TS: to the second, with its offset from UTC."""
    return f"{moment:%Y%m%d%H%M%S%z}"


def party(authority: Authority) -> str:
    """HD as a field: an application or a facility."""
    return components(*map(text, (authority.namespace, authority.universal_id, authority.universal_id_type)))


def _assigned(authority: Authority) -> str:
    """HD as a component."""
    return subcomponents(*map(text, (authority.namespace, authority.universal_id, authority.universal_id_type)))


def entity(identifier: str, authority: Authority) -> str:
    """EI: a number and who gave it; empty without one."""
    return components(text(identifier), party(authority)) if identifier else ""


def specimen_identifier(identifier: str, authority: Authority) -> str:
    """EIP: a number that the laboratory gave."""
    return components("", subcomponents(text(identifier), _assigned(authority))) if identifier else ""


def patient_number(identifier: str, authority: Authority) -> str:
    """CX: a medical record number and who gave it."""
    return components(text(identifier), "", "", _assigned(authority), "MR")


def patient_names(patient: Patient) -> str:
    """XPN: a repetition for each script; a patient without a name has the type U, unspecified (HL7 table 0200)."""
    return repetitions(*map(_name, patient.names)) or components("", "", "", "", "", "", "U")


def _name(name: PersonName) -> str:
    # DICOM has the prefix before the suffix, HL7 behind it.
    parts = (subcomponents(text(name.family)), name.given, name.middle, name.suffix, name.prefix)
    return components(parts[0], *map(text, parts[1:]), "", "L", name.script)


def observer(person: Practitioner) -> str:
    """XCN: who answers for a figure."""
    authority = _assigned(Authority.of_uri(person.system))
    return components(text(person.number), text(person.family_name), text(person.given_name), *[""] * 5, authority, "L")


def interpreter(signature: Signature) -> str:
    """NDL: who answers for the report, and since when."""
    person, authority = signature.by, Authority.of_uri(signature.by.system)
    name = subcomponents(
        *map(text, (person.number, person.family_name, person.given_name)),
        *[""] * 5,
        *map(text, (authority.namespace, authority.universal_id, authority.universal_id_type)),
    )
    return components(name, timestamp(signature.at))
