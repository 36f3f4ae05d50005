"""Whether a level can be counted at all: resolution, size, pixel format, completeness."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
)

from marrowcount.errors import Refusal, SlideError
from marrowcount.slides.tiles import TILE_PX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydicom.dataset import Dataset

    from marrowcount.slides.geometry import SpacingMm
    from marrowcount_adapters.wsi.series import Level

__all__ = [
    "AllowedResolution",
    "require_attributes",
    "require_complete",
    "require_decodable",
    "require_resolution",
    "require_tile",
]

_JPEG_2000_COLOURS: Final = frozenset({"RGB", "YBR_ICT", "YBR_RCT"})
_NATIVE_COLOURS: Final = frozenset({"RGB"})

DECODABLE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        ImplicitVRLittleEndian: _NATIVE_COLOURS,
        ExplicitVRLittleEndian: _NATIVE_COLOURS,
        JPEGBaseline8Bit: frozenset({"RGB", "YBR_FULL", "YBR_FULL_422"}),
        JPEG2000: _JPEG_2000_COLOURS,
        JPEG2000Lossless: _JPEG_2000_COLOURS,
        HTJ2K: _JPEG_2000_COLOURS,
        HTJ2KLossless: _JPEG_2000_COLOURS,
        HTJ2KLosslessRPCL: _JPEG_2000_COLOURS,
    }
)
"""Transfer syntax to the photometric interpretations that come out of its decoder in their true colours.

A model sees wrong colours without a word, so whatever was not shown to come out right is refused.
"""

REQUIRED: Final = (
    "BitsStored",
    "ImagedVolumeHeight",
    "ImagedVolumeWidth",
    "PhotometricInterpretation",
    "SamplesPerPixel",
)
"""What a level must say (PS3.3 A.32.8) and wsidicom needs, beside what its facts already hold."""

RGB_SAMPLES: Final = 3
BITS: Final = 8


@dataclass(frozen=True, slots=True)
class AllowedResolution:
    """The resolutions that the models were made for, in micrometres per pixel of the base level.

    Attributes:
        maximum_inequality: of the spacings along rows and columns, as a share of their mean.
    """

    minimum_um_per_px: float = 0.20
    maximum_um_per_px: float = 0.30
    maximum_inequality: float = 0.05


def require_attributes(header: Dataset) -> None:
    """Refuse a level that lacks what its class requires.

    Raises:
        SlideError: ``NOT_DICOM``.
    """
    absent = [keyword for keyword in REQUIRED if header.get(keyword) in (None, "")]
    if absent:
        raise SlideError(Refusal.NOT_DICOM, f"The base level lacks {', '.join(absent)}, which its class requires.")


def require_resolution(spacing: SpacingMm | None, allowed: AllowedResolution) -> SpacingMm:
    """The spacing, if there is one and it is right.

    A cell at 20x is half as wide as at 40x: a count at another resolution is not a poorer count, it is none.

    Raises:
        SlideError: ``NO_RESOLUTION``, ``WRONG_RESOLUTION``.
    """
    if spacing is None:
        raise SlideError(Refusal.NO_RESOLUTION, "The base level has no Pixel Spacing, so cell sizes are unknown.")
    low, high = allowed.minimum_um_per_px, allowed.maximum_um_per_px
    measured = spacing.um_per_px
    if not low <= measured <= high:
        raise SlideError(
            Refusal.WRONG_RESOLUTION,
            f"The base level has {measured:.4g} um/px; allowed are {low:.4g} to {high:.4g} um/px (about 40x).",
        )
    if abs(spacing.x_mm - spacing.y_mm) * 1000 > allowed.maximum_inequality * measured:
        raise SlideError(
            Refusal.WRONG_RESOLUTION,
            f"Pixels are not square: {spacing.x_mm * 1000:.4g} x {spacing.y_mm * 1000:.4g} um; the sides may differ "
            f"by {allowed.maximum_inequality:.0%}.",
        )
    return spacing


def require_tile(level: Level) -> None:
    """Refuse a matrix that holds not one whole tile.

    Raises:
        SlideError: ``TOO_SMALL``.
    """
    if min(level.size.width, level.size.height) < TILE_PX:
        raise SlideError(
            Refusal.TOO_SMALL,
            f"The base level has {level.size.width} x {level.size.height} px; one tile needs {TILE_PX} x {TILE_PX}.",
        )


def require_decodable(header: Dataset) -> None:
    """Refuse pixels that would not come out as 8 bit RGB in their true colours.

    Raises:
        SlideError: ``UNSUPPORTED_SYNTAX``.
    """
    syntax = str(header.file_meta.TransferSyntaxUID)
    photometric = str(header.get("PhotometricInterpretation"))
    samples, bits = header.get("SamplesPerPixel"), header.get("BitsAllocated")
    if samples != RGB_SAMPLES or bits != BITS:
        raise SlideError(
            Refusal.UNSUPPORTED_SYNTAX,
            f"Pixels are {photometric}, {samples} sample(s) of {bits} bit; read are 3 samples of 8 bit (colour).",
        )
    if syntax not in DECODABLE:
        raise SlideError(Refusal.UNSUPPORTED_SYNTAX, f"Transfer syntax {syntax} is not read here; convert the slide.")
    if photometric not in DECODABLE[syntax] or header.get("PlanarConfiguration"):
        raise SlideError(
            Refusal.UNSUPPORTED_SYNTAX,
            f"Colours as {photometric} (planar configuration {header.get('PlanarConfiguration')}) in transfer syntax "
            f"{syntax} are not read here.",
        )


def require_complete(levels: Iterable[Level]) -> None:
    """Refuse levels that lack frames or members of a concatenation.

    Raises:
        SlideError: ``INCOMPLETE``.
    """
    for level in levels:
        _require_members(level)
        _require_frames(level)


def _require_members(level: Level) -> None:
    """Numbers from 1 without gap, offsets that join, as many as the total says where it is said (PS3.3 C.7.6.16)."""
    if level.facts.concatenation_uid is None:
        return
    numbers = [member.facts.concatenation_number for member in level.members]
    total = max([member.facts.concatenation_total or 0 for member in level.members])
    missing = sorted(set(range(1, max(total, *(number or 0 for number in numbers)) + 1)) - set(numbers))
    if missing:
        raise SlideError(
            Refusal.INCOMPLETE,
            f"The level of {level.size.width} x {level.size.height} px lacks {len(missing)} part(s) of its "
            f"concatenation, the first being number {missing[0]}; send the slide again.",
        )


def _require_frames(level: Level) -> None:
    """Frame numbers that join without gap, up to all that TILED_FULL asks for (PS3.3 C.7.6.17.3)."""
    present = 0
    for member in level.members:
        if (member.facts.concatenation_offset or 0) > present:
            break
        present = max(present, (member.facts.concatenation_offset or 0) + member.facts.number_of_frames)
    expected = level.facts.tiles if level.facts.tiled_full else _claimed(level)
    if present < expected:
        raise SlideError(
            Refusal.INCOMPLETE,
            f"The level of {level.size.width} x {level.size.height} px has {present} of {expected} frames; "
            "send the slide again.",
        )


def _claimed(level: Level) -> int:
    last = level.members[-1].facts
    return (last.concatenation_offset or 0) + last.number_of_frames
