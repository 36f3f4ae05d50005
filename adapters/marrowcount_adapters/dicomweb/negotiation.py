"""Which representation a user agent gets (PS3.18 section 8.7): what is held, as it is held, or 406."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount_adapters.dicomweb.media_types import accepted_ranges
from marrowcount_adapters.dicomweb.part10 import EXPLICIT_LITTLE_ENDIAN
from marrowcount_adapters.dicomweb.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from starlette.requests import Request

    from marrowcount_adapters.dicomweb.media_types import MediaRange

__all__ = [
    "DICOM",
    "JSON",
    "OCTETS",
    "Representation",
    "bulk_representation",
    "dicom_representation",
    "frame_media_type",
    "frames_representation",
    "not_acceptable",
    "plain_media_type",
    "ranges_of",
]

DICOM: Final = "application/dicom"
JSON: Final = "application/dicom+json"
OCTETS: Final = "application/octet-stream"

FRAME_MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "1.2.840.10008.1.2.4.50": "image/jpeg",
        "1.2.840.10008.1.2.4.51": "image/jpeg",
        "1.2.840.10008.1.2.4.57": "image/jpeg",
        "1.2.840.10008.1.2.4.70": "image/jpeg",
        "1.2.840.10008.1.2.5": "image/dicom-rle",
        "1.2.840.10008.1.2.4.80": "image/jls",
        "1.2.840.10008.1.2.4.81": "image/jls",
        "1.2.840.10008.1.2.4.90": "image/jp2",
        "1.2.840.10008.1.2.4.91": "image/jp2",
        "1.2.840.10008.1.2.4.92": "image/jpx",
        "1.2.840.10008.1.2.4.93": "image/jpx",
        "1.2.840.10008.1.2.4.201": "image/jphc",
        "1.2.840.10008.1.2.4.202": "image/jphc",
        "1.2.840.10008.1.2.4.203": "image/jphc",
        "1.2.840.10008.1.2.4.110": "image/jxl",
        "1.2.840.10008.1.2.4.111": "image/jxl",
        "1.2.840.10008.1.2.4.112": "image/jxl",
    }
)
"""PS3.18 Table 8.7.3-5."""

ANY_SYNTAX: Final = frozenset({"", "*"})


@dataclass(frozen=True, slots=True)
class Representation:
    """What is sent.

    Attributes:
        multipart: whether as ``multipart/related``.
        media_type: of each part, or of the whole where it is none.
    """

    multipart: bool
    media_type: str


def ranges_of(request: Request) -> Sequence[MediaRange]:
    """What the user agent takes, by the query parameter ``accept`` (PS3.18 section 8.3.3.1) or else the header.

    Raises:
        InstanceError: ``bad-accept``.
    """
    accept = request.query_params.get("accept") or ",".join(request.headers.getlist("accept"))
    return [one for one in accepted_ranges(accept) if one.quality > 0]


def dicom_representation(ranges: Iterable[MediaRange], transfer_syntax_uid: str) -> Representation | None:
    """For an instance held in this transfer syntax; None where it is not acceptable so.

    ``application/dicom`` without a transfer syntax means Explicit VR Little Endian (PS3.18 Table 8.7.3-2); a wildcard
    for the media type leaves the choice of both to the server.
    """
    for one in ranges:
        named = one.essence == DICOM
        syntax = one.transfer_syntax or (EXPLICIT_LITTLE_ENDIAN if named else "*")
        if one.covers(DICOM) and syntax in {"*", transfer_syntax_uid}:
            return Representation(one.multipart or not named, DICOM)
    return None


def frame_media_type(transfer_syntax_uid: str, *, encapsulated: bool) -> str:
    """The media type that frames have by themselves."""
    return FRAME_MEDIA_TYPES.get(transfer_syntax_uid, OCTETS) if encapsulated else OCTETS


def frames_representation(
    ranges: Iterable[MediaRange], transfer_syntax_uid: str, *, encapsulated: bool, count: int
) -> Representation | None:
    """For so many frames; None where they are not acceptable as they are held.

    A media type without a transfer syntax takes whatever of that type is held: a decoder of JPEG knows each kind by
    its own header, and each part names its syntax. Octets without one are uncompressed pixels, as Table 8.7.3-4 has it.
    """
    own = frame_media_type(transfer_syntax_uid, encapsulated=encapsulated)
    allowed = {"", "*", transfer_syntax_uid} | (set() if encapsulated else {EXPLICIT_LITTLE_ENDIAN})
    for one in ranges:
        media_type = own
        if one.essence == OCTETS and encapsulated:
            media_type, fits = OCTETS, one.transfer_syntax in {"*", transfer_syntax_uid}
        else:
            fits = one.covers(own) and one.transfer_syntax in allowed
        alone = not one.multipart and one.essence != "*/*"
        if fits and (count == 1 or not alone):
            return Representation(not alone, media_type)
    return None


def bulk_representation(ranges: Iterable[MediaRange]) -> Representation | None:
    """For values as octets."""
    for one in ranges:
        if one.covers(OCTETS) and one.transfer_syntax in {"", "*", EXPLICIT_LITTLE_ENDIAN}:
            return Representation(one.multipart or one.essence != OCTETS, OCTETS)
    return None


def plain_media_type(ranges: Iterable[MediaRange], offered: Sequence[str]) -> str | None:
    """The first of what is offered, in the user agent's order; None where nothing is acceptable."""
    for one in ranges:
        if one.multipart:
            continue
        for media_type in offered:
            if one.covers(media_type):
                return media_type
    return None


def not_acceptable(message: str) -> ProblemError:
    """406, with what would be acceptable."""
    return ProblemError(406, "not-acceptable", message)
