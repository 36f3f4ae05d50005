"""Coded concepts of workitems, among them why one is given up (PS3.16 CID 9300)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Code", "Discontinuation", "Reasons", "reason_of_refusal"]


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept; two of them mean the same where value and scheme agree.

    Attributes:
        scheme: Coding Scheme Designator, such as ``DCM`` or ``99MARROW``.
    """

    value: str
    scheme: str
    meaning: str

    def same_as(self, other: Code) -> bool:
        """Whether it is the same concept; the meaning is words for people."""
        return (self.value, self.scheme) == (other.value, other.scheme)


@dataclass(frozen=True, slots=True)
class Discontinuation:
    """Why a workitem is given up.

    Attributes:
        words: for people, without patient data.
    """

    reason: Code
    words: str


class Reasons:
    """Of PS3.16 CID 9300 those that the node gives."""

    DOCTOR = Code("110500", "DCM", "Doctor canceled procedure")
    EQUIPMENT_FAILURE = Code("110501", "DCM", "Equipment failure")
    UNSPECIFIED = Code("110513", "DCM", "Discontinued for unspecified reason")
    WRONG_FORMAT = Code("110521", "DCM", "Objects incorrectly formatted")
    WRONG_TYPE = Code("110522", "DCM", "Object Types not supported")
    OBJECTS_MISSING = Code("110523", "DCM", "Object Set incomplete")


_OF_REFUSAL: Final[Mapping[Refusal, Code]] = MappingProxyType(
    {
        Refusal.NO_IMAGE: Reasons.WRONG_TYPE,
        Refusal.UNSUPPORTED_SYNTAX: Reasons.WRONG_TYPE,
        Refusal.WRONG_RESOLUTION: Reasons.WRONG_TYPE,
        Refusal.NO_RESOLUTION: Reasons.WRONG_FORMAT,
        Refusal.DAMAGED: Reasons.WRONG_FORMAT,
        Refusal.NOT_DICOM: Reasons.WRONG_FORMAT,
        Refusal.SEVERAL_SLIDES: Reasons.WRONG_FORMAT,
        Refusal.INCOMPLETE: Reasons.OBJECTS_MISSING,
    }
)
"""The other refusals are about the specimen; CID 9300 has no concept for these."""


def reason_of_refusal(code: str) -> Code:
    """The concept for a refusal's code; an unspecified reason where CID 9300 has none."""
    try:
        return _OF_REFUSAL.get(Refusal(code), Reasons.UNSPECIFIED)
    except ValueError:  # a code of a later version, read from the ledger
        return Reasons.UNSPECIFIED
