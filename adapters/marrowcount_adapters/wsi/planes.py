"""Which focal plane and optical path of a slide is counted, where it has several (PS3.3 C.8.12.4.1.2).

A count looks at one picture of the ground. The middle of a focus stack is where a scanner that focuses well puts the
cells, and the first optical path is the one that a scanner with brightfield optics lists first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from marrowcount_adapters.wsi.header import read_header
from marrowcount_adapters.wsi.series import told_of
from marrowcount_adapters.wsi.values import sound_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from marrowcount_adapters.wsi.series import Level

__all__ = ["Planes", "middle", "with_middle_plane_first"]


@dataclass(frozen=True, slots=True)
class Planes:
    """What a base level has, and what of it is counted.

    Attributes:
        focal_um: heights of the focal planes above the slide's surface in micrometres, from the glass upwards.
        counted_um: the one that is counted.
        optical_paths: their number.
    """

    focal_um: tuple[float, ...]
    counted_um: float
    optical_paths: int

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of the result should know, each beginning with a code; nothing of a slide without choice."""
        said: list[str] = []
        if len(self.focal_um) > 1:
            place = self.focal_um.index(self.counted_um) + 1
            said.append(
                f"focal-planes: the slide has {len(self.focal_um)} focal planes; only number {place} from the glass "
                f"upwards, at {self.counted_um:g} um, was counted"
            )
        if self.optical_paths > 1:
            said.append(f"optical-paths: the slide has {self.optical_paths} optical paths; only the first was counted")
        return tuple(said)


def middle(heights_um: Sequence[float]) -> float:
    """The focal plane nearest to the middle of a stack, the lower one of two."""
    centre = (min(heights_um) + max(heights_um)) / 2
    return min(heights_um, key=lambda height: (abs(height - centre), height))


def with_middle_plane_first(levels: Sequence[Level]) -> tuple[tuple[Level, ...], tuple[float, ...]]:
    """The levels, largest first, led by the middle one of a stack whose planes are instances of their own.

    Returns:
        the levels, and the heights of the base level's planes in micrometres, from the glass upwards; none where
        the planes are not instances of their own.

    Raises:
        SlideError: ``NOT_DICOM``: a header is damaged.
        StorageError: ``unreadable``.
    """
    first = levels[0]
    stack = [level for level in levels if level.size == first.size and level.facts.spacing == first.facts.spacing]
    if len(stack) == 1:
        return tuple(levels), ()
    heights = [_height_um(level) for level in stack]
    chosen = stack[heights.index(middle(heights))]
    return (chosen, *(level for level in levels if level is not chosen)), tuple(sorted(set(heights)))


def _height_um(level: Level) -> float:
    """Z Offset in Slide Coordinate System (0040,074A), in micrometres, of the first place that names one."""
    path = level.paths[0]
    with told_of(path):
        header = read_header(path)
        with sound_values():
            return next((float(height) for height in _heights(header) if height is not None), 0.0)


def _heights(header: Dataset) -> list[float | None]:
    shared = header.get("SharedFunctionalGroupsSequence") or []
    places = [place for group in shared for place in group.get("PlanePositionSlideSequence") or []]
    origins = list(header.get("TotalPixelMatrixOriginSequence") or [])
    return [place.get("ZOffsetInSlideCoordinateSystem") for place in (*places, *origins)]
