"""What a setting may be: application entity titles, callers, ports, zones, classes."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Annotated, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from marrowcount.cytology.cell_types import NDC_CLASSES
from marrowcount.workflow.access import ANYBODY, certificate_name

__all__ = [
    "LOOPBACK",
    "Address",
    "AeTitle",
    "Authority",
    "Caller",
    "CallingAeTitle",
    "CellClass",
    "CertificateName",
    "Port",
    "Section",
    "Zone",
]

AE_TITLE_LENGTH: Final = 16
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
HD_PARTS: Final = 3
NAMESPACE_LENGTH: Final = 20
UNIVERSAL_ID_LENGTH: Final = 199
UNIVERSAL_ID_TYPES: Final = frozenset(
    {"", "DNS", "GUID", "HCD", "HL7", "ISO", "L", "M", "N", "URI", "UUID", "x400", "x500"}
)
NDC_LABELS: Final = tuple(cell_type.label for cell_type in NDC_CLASSES)


def _ae_title(text: str) -> str:
    title = text.strip()
    if not 1 <= len(title) <= AE_TITLE_LENGTH or "\\" in title or not title.isascii() or not title.isprintable():
        msg = "an AE title has 1 to 16 printable ASCII characters without backslash (PS3.5 6.2)"
        raise ValueError(msg)
    return title


def _caller(text: str) -> str:
    title, at, address = text.partition("@")
    return f"{_ae_title(title)}@{_address(address.strip('[]'))}" if at else _ae_title(title)


def _address(text: str) -> str:
    """An IP address, or a network such as 10.1.2.0/24."""
    return str(ip_network(text)) if "/" in text else str(ip_address(text))


def _ndc_class(label: str) -> str:
    if label not in NDC_LABELS:
        msg = f"one of {', '.join(NDC_LABELS)}"
        raise ValueError(msg)
    return label


def _authority(text: str) -> str:
    """An HL7 hierarchic designator (2.5.1, 2.A.33): a namespace, a universal id with its type, or both."""
    parts = [part.strip() for part in text.split("&")]
    namespace, universal_id, kind = [*parts, "", ""][:3]
    named = bool(namespace or universal_id) and bool(universal_id) == bool(kind)
    short = len(namespace) <= NAMESPACE_LENGTH and len(universal_id) <= UNIVERSAL_ID_LENGTH
    if len(parts) > HD_PARTS or not named or not short or kind not in UNIVERSAL_ID_TYPES or set(text) & set("|^~\\"):
        msg = (
            f"write NAME of at most {NAMESPACE_LENGTH} characters, NAME&UNIVERSAL-ID&TYPE or &UNIVERSAL-ID&TYPE, "
            f"with a type of HL7 table 0301: {', '.join(sorted(UNIVERSAL_ID_TYPES - {''}))}"
        )
        raise ValueError(msg)
    return "&".join(parts)


def _zone(name: str) -> str:
    if name not in available_timezones():
        msg = "a zone of the IANA database, such as Europe/Berlin"
        raise ValueError(msg)
    return name


AeTitle = Annotated[str, AfterValidator(_ae_title)]
Authority = Annotated[str, AfterValidator(_authority)]
Caller = Annotated[str, AfterValidator(_caller)]
Address = Annotated[str, AfterValidator(_address)]
CertificateName = Annotated[str, AfterValidator(certificate_name)]
CallingAeTitle = Annotated[str, AfterValidator(lambda text: text if text == ANYBODY else _ae_title(text))]
Zone = Annotated[str, AfterValidator(_zone)]
CellClass = Annotated[str, AfterValidator(_ndc_class)]
Port = Annotated[int, Field(ge=0, le=65535)]


class Section(BaseModel):
    """A table of settings: every field has a docstring with its unit, which is its documentation."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
