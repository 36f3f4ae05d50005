"""Whether a slide has come in whole: DICOM has no signal that says so, so frames are counted and quiet is timed.

What is counted: the frames of a TILED_FULL level (PS3.3 C.7.6.17.3) and of a concatenation (C.7.6.16.1.1). What no
count can tell: whether another, larger level is still to come, and how many frames a sparse level should have. For
these the time without a new instance decides.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from marrowcount.slides.instances import Flavour

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from marrowcount.slides.instances import InstanceFacts

__all__ = ["Assessment", "Completeness", "CompletenessSettings", "assess"]

LARGEST_STEP: Final = 4.5
"""Pyramids go down by 2 or 4 from level to level; a larger step says that a level is still to come."""

SMALL_PX: Final = 4096
"""Longer side of a level below which senders make no further ones that matter."""

RESAMPLED: Final = "RESAMPLED"
"""Image Type, value 4, of every level but the base (PS3.3 C.8.12.4.1.1)."""


class Completeness(StrEnum):
    """Whether to count a slide now."""

    COMPLETE = "complete"
    WAITING = "waiting"
    """More is expected."""
    INCOMPLETE = "incomplete"
    """More was expected, and did not come in time."""


@dataclass(frozen=True, slots=True)
class CompletenessSettings:
    """How long a slide must be quiet (no new instance), in seconds.

    Attributes:
        settle_s: where counting frames and levels says that nothing is missing; senders pause between instances.
        quiet_s: where counting cannot tell.
        incomplete_s: before a slide with known gaps is given up.
    """

    settle_s: float = 10.0
    quiet_s: float = 120.0
    incomplete_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class Assessment:
    """The verdict and, in words for a person, what it rests on."""

    verdict: Completeness
    evidence: str


@dataclass(frozen=True, slots=True)
class _Level:
    """One image of a pyramid, put together from its instances.

    Attributes:
        gap: what is known to be missing, empty where nothing is.
        counted: whether its frames could be counted, and were all there.
        resampled: whether it says of itself that it is no base level.
    """

    width: int
    height: int
    gap: str
    counted: bool
    resampled: bool
    has_spacing: bool

    @property
    def longer_side(self) -> int:
        return max(self.width, self.height)


def assess(instances: Sequence[InstanceFacts], *, quiet_s: float, settings: CompletenessSettings) -> Assessment:
    """Judge the instances of one series.

    Never complete while frames are known to be missing.

    Args:
        instances: all that came in, in any order.
        quiet_s: seconds since the last of them came.
        settings: how long to wait for more.
    """
    levels = _levels(instances)
    if not levels:
        return _without_levels(instances, quiet_s, settings)
    gaps = [level.gap for level in levels if level.gap]
    if gaps:
        return _timed(Completeness.INCOMPLETE, "; ".join(gaps), quiet_s, settings.incomplete_s)
    found = f"{_counted(len(levels), 'level')}, base {levels[0].width} x {levels[0].height} px"
    doubts = _doubts(levels, thumbnail=any(facts.flavour is Flavour.THUMBNAIL for facts in instances))
    if doubts:
        return _timed(Completeness.COMPLETE, f"{found}; {'; '.join(doubts)}", quiet_s, settings.quiet_s)
    return _timed(Completeness.COMPLETE, f"{found}, all frames there", quiet_s, settings.settle_s)


def _timed(verdict: Completeness, evidence: str, quiet_s: float, needed_s: float) -> Assessment:
    """The verdict once it has been quiet for long enough; waiting until then."""
    if quiet_s >= needed_s:
        return Assessment(verdict, f"{evidence}; nothing new for {needed_s:g} s")
    return Assessment(Completeness.WAITING, f"{evidence}; waiting for {needed_s:g} s without a new instance")


def _without_levels(instances: Sequence[InstanceFacts], quiet_s: float, settings: CompletenessSettings) -> Assessment:
    if any(facts.is_slide_image for facts in instances):
        evidence = "only label, overview or thumbnail: no VOLUME image yet"
        return _timed(Completeness.INCOMPLETE, evidence, quiet_s, settings.incomplete_s)
    evidence = "no whole slide image in this series: nothing to count"
    return _timed(Completeness.INCOMPLETE, evidence, quiet_s, settings.quiet_s)


def _levels(instances: Iterable[InstanceFacts]) -> list[_Level]:
    """Levels of the series, the largest first."""
    members: defaultdict[str, list[InstanceFacts]] = defaultdict(list)
    for facts in instances:
        if facts.is_level and facts.matrix is not None:
            members[facts.image_key].append(facts)
    levels = [_level(image) for image in members.values()]
    return sorted(levels, key=lambda level: level.width * level.height, reverse=True)


def _level(members: Sequence[InstanceFacts]) -> _Level:
    first = members[0]
    width, height = (first.matrix.width, first.matrix.height) if first.matrix else (0, 0)
    gap = _gap(members)
    return _Level(
        width=width,
        height=height,
        gap=f"level {width} x {height} px: {gap}" if gap else "",
        counted=not gap and _countable(members),
        resampled=RESAMPLED in first.image_type[3:4],
        has_spacing=any(facts.spacing is not None for facts in members),
    )


def _gap(members: Sequence[InstanceFacts]) -> str:
    """What is known to be missing of an image, empty where nothing is known to be."""
    missing = _missing_members(members)
    if missing:
        return f"concatenation lacks {_counted(len(missing), 'part')} ({', '.join(map(str, missing[:5]))})"
    if not members[0].tiled_full or not _placed(members):
        return ""
    expected = members[0].tiles
    there = _covered(members, expected)
    return f"{there} of {expected} frames" if there < expected else ""


def _missing_members(members: Sequence[InstanceFacts]) -> list[int]:
    """Numbers of the concatenation's parts that must exist and are not there."""
    numbers = {facts.concatenation_number for facts in members if facts.concatenation_number is not None}
    totals = [facts.concatenation_total for facts in members if facts.concatenation_total is not None]
    last = max([*numbers, *totals], default=0)
    return sorted(set(range(1, last + 1)) - numbers)


def _placed(members: Sequence[InstanceFacts]) -> bool:
    """Whether each instance says which of the image's frames it holds."""
    return all(facts.concatenation_uid is None or facts.concatenation_offset is not None for facts in members)


def _covered(members: Sequence[InstanceFacts], expected: int) -> int:
    """How many of the image's frames stand in one instance or another."""
    covered, reached = 0, 0
    for start, count in sorted((facts.concatenation_offset or 0, facts.number_of_frames) for facts in members):
        end = min(start + count, expected)
        covered += max(0, end - max(start, reached))
        reached = max(reached, end)
    return covered


def _countable(members: Sequence[InstanceFacts]) -> bool:
    """Whether having no known gap means that nothing is missing."""
    return members[0].tiled_full and _placed(members)


def _doubts(levels: Sequence[_Level], *, thumbnail: bool) -> list[str]:
    """Why more may be to come although nothing is known to be missing."""
    found = {
        "frames of a level cannot be counted": not all(level.counted for level in levels),
        "the largest level says that it was resampled from a larger one": levels[0].resampled,
        "the base level has no pixel spacing": not levels[0].has_spacing,
        "smaller levels may still come": not _reaches_down(levels, thumbnail=thumbnail),
    }
    return [doubt for doubt, holds in found.items() if holds]


def _reaches_down(levels: Sequence[_Level], *, thumbnail: bool) -> bool:
    """Whether the levels go down without a large step to a small one, or to a thumbnail that closes the series."""
    sides = [level.longer_side for level in levels]
    if any(upper > LARGEST_STEP * lower for upper, lower in pairwise(sides)):
        return False
    return sides[-1] <= SMALL_PX or (thumbnail and len(set(sides)) > 1)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
