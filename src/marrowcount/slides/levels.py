"""The levels of a slide as its instances make them up: which frames and parts are held, which are missing.

What can be counted: the frames of a TILED_FULL level (PS3.3 C.7.6.17.3), over all of its focal planes and optical
paths, and the parts of a concatenation (C.7.6.16.1.1). What cannot: how many frames a sparse level should have, unless
it holds as many as a full one would, or its concatenation says how many parts there are.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from marrowcount.slides.geometry import SizePx
    from marrowcount.slides.instances import InstanceFacts

__all__ = ["Level", "counted", "levels_of", "without_gaps"]

RESAMPLED: Final = "RESAMPLED"
"""Image Type, value 4, of every level but the base (PS3.3 C.8.12.4.1.1)."""

MOST_NAMED: Final = 100
"""Missing parts that are named; a damaged header may claim billions."""


@dataclass(frozen=True, slots=True)
class Level:
    """One image of a pyramid, put together from its instances.

    Attributes:
        image_uid: the SOP Instance UID to refer to; for a concatenation that of the image before the split.
        width: of the total pixel matrix, in pixels.
        height: of the total pixel matrix, in pixels.
        um_per_px: resolution in micrometres per pixel; None where no spacing is given.
        tiled_full: whether it says that all frames are there, in the implicit order.
        focal_planes: how many there are.
        optical_paths: how many there are.
        frames_held: different frames of the image in the instances held.
        frames_full: frames of the whole image, as TILED_FULL has them; the most that a sparse one has.
        parts_held: numbers of the concatenation's parts held; empty where the image is one instance.
        parts_needed: how many parts the image surely has; None where it is one instance.
        parts_total_known: whether a part says how many there are (0020,9163).
        parts_missing: numbers of the first parts that are missing.
        placed: whether every part says which of the image's frames it holds (0020,9228).
        resampled: whether it says of itself that it is no base level.
        pyramid: the same for all levels of a pyramid (Frame of Reference UID, Pyramid UID).
    """

    image_uid: str
    width: int
    height: int
    um_per_px: float | None
    tiled_full: bool
    focal_planes: int
    optical_paths: int
    frames_held: int
    frames_full: int
    parts_held: tuple[int, ...]
    parts_needed: int | None
    parts_total_known: bool
    parts_missing: tuple[int, ...]
    placed: bool
    resampled: bool
    pyramid: tuple[str, str]

    @property
    def longer_side(self) -> int:
        """In pixels."""
        return max(self.width, self.height)

    @property
    def frames_needed(self) -> int | None:
        """Frames that it must have; None where nothing says how many."""
        return self.frames_full if self.tiled_full and self.placed else None

    @property
    def missing_parts(self) -> int:
        """How many parts are known to be missing."""
        return (self.parts_needed or 0) - len(self.parts_held)

    @property
    def gap(self) -> str:
        """What is known to be missing of it; empty where nothing is known to be."""
        if self.missing_parts > 0:
            named = ", ".join(map(str, self.parts_missing[:5]))
            return f"{self.name}: concatenation lacks {counted(self.missing_parts, 'part')} ({named})"
        if self.frames_needed is not None and self.frames_held < self.frames_needed:
            return f"{self.name}: {self.frames_held} of {self.frames_needed} frames"
        return ""

    @property
    def counted_whole(self) -> bool:
        """Whether it was counted that nothing is missing."""
        if self.gap:
            return False
        all_parts = self.parts_needed is not None and self.parts_total_known
        return self.frames_needed is not None or all_parts or self.frames_held >= self.frames_full

    @property
    def whole(self) -> bool:
        """Whether it can be read as it is: counted whole, or one instance, which came with all that it has."""
        return self.counted_whole or (not self.gap and self.parts_needed is None)

    @property
    def name(self) -> str:
        """For people."""
        return f"level {self.width} x {self.height} px"


def levels_of(instances: Iterable[InstanceFacts]) -> list[Level]:
    """Levels among the instances, the largest first."""
    levels = [level for _, level in _images(instances)]
    return sorted(levels, key=lambda level: (-level.width * level.height, level.image_uid))


def without_gaps(instances: Sequence[InstanceFacts]) -> frozenset[str]:
    """The SOP Instance UIDs of those instances that belong to no level with a known gap.

    A slide is counted from these: all of them, unless a person accepted the gaps.
    """
    broken = {facts.sop_instance_uid for members, level in _images(instances) if level.gap for facts in members}
    return frozenset(facts.sop_instance_uid for facts in instances) - broken


def counted(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _images(instances: Iterable[InstanceFacts]) -> list[tuple[list[InstanceFacts], Level]]:
    members: defaultdict[str, list[InstanceFacts]] = defaultdict(list)
    for facts in instances:
        if facts.is_level and facts.matrix is not None:
            members[facts.image_key].append(facts)
    return [(image, _level(image, image[0].matrix)) for image in members.values() if image[0].matrix is not None]


def _level(members: Sequence[InstanceFacts], matrix: SizePx) -> Level:
    first = min(members, key=lambda facts: facts.sop_instance_uid)
    parts = sorted({facts.concatenation_number for facts in members if facts.concatenation_number is not None})
    totals = [facts.concatenation_total for facts in members if facts.concatenation_total is not None]
    last = max([*parts, *totals], default=0)
    full = _full(first, matrix)
    concatenated = first.concatenation_uid is not None
    spacing = next((facts.spacing for facts in members if facts.spacing is not None), None)
    return Level(
        image_uid=first.image_uid,
        width=matrix.width,
        height=matrix.height,
        um_per_px=None if spacing is None else spacing.um_per_px,
        tiled_full=first.tiled_full,
        focal_planes=first.focal_planes,
        optical_paths=first.optical_paths,
        frames_held=_held(members, full),
        frames_full=full,
        parts_held=tuple(parts) if concatenated else (),
        parts_needed=last if concatenated else None,
        parts_total_known=bool(totals),
        parts_missing=_missing(parts, last) if concatenated else (),
        placed=all(facts.concatenation_uid is None or facts.concatenation_offset is not None for facts in members),
        resampled=RESAMPLED in first.image_type[3:4],
        pyramid=(first.frame_of_reference_uid or "", first.pyramid_uid or ""),
    )


def _full(facts: InstanceFacts, matrix: SizePx) -> int:
    if facts.frame is None:
        return facts.number_of_frames
    across, down = math.ceil(matrix.width / facts.frame.width), math.ceil(matrix.height / facts.frame.height)
    return across * down * facts.focal_planes * facts.optical_paths


def _held(members: Sequence[InstanceFacts], full: int) -> int:
    """How many of the image's frames stand in one instance or another."""
    if not all(facts.tiled_full for facts in members):
        return sum(facts.number_of_frames for facts in members)
    covered, reached = 0, 0
    for start, count in sorted((facts.concatenation_offset or 0, facts.number_of_frames) for facts in members):
        end = min(start + count, full)
        covered += max(0, end - max(start, reached))
        reached = max(reached, end)
    return covered


def _missing(parts: Sequence[int], last: int) -> tuple[int, ...]:
    held = set(parts)
    return tuple(islice((number for number in range(1, last + 1) if number not in held), MOST_NAMED))
