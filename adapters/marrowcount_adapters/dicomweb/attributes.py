"""Attributes of studies, series and instances as a search returns them (PS3.18 Tables 10.6.3-3 to 10.6.3-5)."""

from __future__ import annotations

import re
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword

from marrowcount.errors import InstanceError
from marrowcount_adapters.dicomweb.json_values import plain_vr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "AVAILABILITY",
    "COUNTED",
    "MODALITIES_IN_STUDY",
    "RETRIEVE_URL",
    "RETURNED",
    "SERIES_INSTANCES",
    "STUDY_INSTANCES",
    "STUDY_SERIES",
    "SYNTAXES",
    "Level",
    "attribute_path",
    "brief_tags",
    "vr_of",
]


class Level(IntEnum):
    """What is searched for."""

    STUDY = 1
    SERIES = 2
    INSTANCE = 3


MODALITIES_IN_STUDY: Final = "00080061"
STUDY_SERIES: Final = "00201206"
STUDY_INSTANCES: Final = "00201208"
SERIES_INSTANCES: Final = "00201209"
RETRIEVE_URL: Final = "00081190"
AVAILABILITY: Final = "00080056"
SYNTAXES: Final = "00083002"

COUNTED: Final = frozenset({STUDY_SERIES, STUDY_INSTANCES, SERIES_INSTANCES, RETRIEVE_URL, AVAILABILITY, SYNTAXES})
"""Attributes that the node adds; nothing is matched against them."""

RETURNED: Final[Mapping[Level, Sequence[str]]] = MappingProxyType(
    {
        Level.STUDY: (
            "00080020",  # Study Date
            "00080030",  # Study Time
            "00080050",  # Accession Number
            AVAILABILITY,
            MODALITIES_IN_STUDY,
            "00080090",  # Referring Physician's Name
            "00080201",  # Timezone Offset From UTC
            "00081030",  # Study Description
            RETRIEVE_URL,
            "00100010",  # Patient's Name
            "00100020",  # Patient ID
            "00100021",  # Issuer of Patient ID
            "00100030",  # Patient's Birth Date
            "00100040",  # Patient's Sex
            "0020000D",  # Study Instance UID
            "00200010",  # Study ID
            STUDY_SERIES,
            STUDY_INSTANCES,
        ),
        Level.SERIES: (
            "00080060",  # Modality
            "00080201",  # Timezone Offset From UTC
            "0008103E",  # Series Description
            RETRIEVE_URL,
            "0020000D",  # Study Instance UID
            "0020000E",  # Series Instance UID
            "00200011",  # Series Number
            SERIES_INSTANCES,
            "00400244",  # Performed Procedure Step Start Date
            "00400245",  # Performed Procedure Step Start Time
            "00400275",  # Request Attributes Sequence
        ),
        Level.INSTANCE: (
            "00080016",  # SOP Class UID
            "00080018",  # SOP Instance UID
            AVAILABILITY,
            "00080201",  # Timezone Offset From UTC
            RETRIEVE_URL,
            SYNTAXES,
            "0020000D",  # Study Instance UID
            "0020000E",  # Series Instance UID
            "00200013",  # Instance Number
            "00280008",  # Number of Frames
            "00280010",  # Rows
            "00280011",  # Columns
            "00280100",  # Bits Allocated
        ),
    }
)

NAMED_BY_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}")


def brief_tags() -> frozenset[str]:
    """Attributes that all instances of a series share."""
    return frozenset(RETURNED[Level.STUDY]) | frozenset(RETURNED[Level.SERIES])


def attribute_path(name: str) -> tuple[str, ...]:
    """The tags of an attribute, those of the sequences around it first.

    Args:
        name: keyword or tag, joined by dots within sequences: ``RequestAttributesSequence.00400009``.

    Raises:
        InstanceError: ``bad-query``, the dictionary has no such attribute.
    """
    return tuple(_tag(part) for part in name.split("."))


def vr_of(tag: str) -> str:
    """The value representation of an attribute; UN where the dictionary has none."""
    try:
        return plain_vr(dictionary_VR(int(tag, 16)), signed=False)
    except KeyError:
        return "UN"


def _tag(name: str) -> str:
    if NAMED_BY_TAG.fullmatch(name):
        return name.upper()
    tag = tag_for_keyword(name)
    if tag is None:
        raise InstanceError("bad-query", "A query parameter is neither a keyword nor a tag of the DICOM dictionary.")
    return f"{tag:08X}"
