"""What is known of a slide, as data: its levels, the lists that name it, what is missing, what may still come.

Labels, overviews and thumbnails are never awaited by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

from marrowcount.slides.instances import Flavour
from marrowcount.slides.levels import counted, levels_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from marrowcount.slides.instances import InstanceFacts
    from marrowcount.slides.levels import Level
    from marrowcount.slides.lists import CheckedCount, CheckedList

__all__ = ["Evidence", "evidence_of"]

LARGEST_STEP: Final = 4.5
"""Pyramids go down by 2 or 4 from level to level; a larger step says that a level is still to come."""

SMALL_PX: Final = 4096
"""Longer side of a level below which senders make no further ones that matter."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a slide.

    Attributes:
        coarsest_um_per_px: the coarsest resolution that is counted, in micrometres per pixel.
        levels: of this series, the largest first.
        companions: how many labels, overviews and thumbnails came, by flavour.
        others: instances that are no slide images.
        lists: that name the slide.
        counts: of archives.
        elsewhere: levels of the same pyramids that came in other series of the study, the largest first.
        gaps: what is known to be missing, in words.
        doubts: why more may be to come although nothing is known to be missing, in words.
    """

    coarsest_um_per_px: float
    levels: tuple[Level, ...]
    companions: Mapping[Flavour, int]
    others: int
    lists: tuple[CheckedList, ...]
    counts: tuple[CheckedCount, ...]
    elsewhere: tuple[Level, ...]
    gaps: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def found(self) -> str:
        """What is there, in a few words."""
        if not self.levels:
            return "only label, overview or thumbnail" if self.companions else "no whole slide image in this series"
        base = self.levels[0]
        return f"{counted(len(self.levels), 'level')}, base {base.width} x {base.height} px"

    @property
    def countable(self) -> Level | None:
        """The largest level that can be counted as it is: whole, and fine enough; None where there is none."""
        return next((level for level in self.levels if level.whole and self.is_fine(level)), None)

    @property
    def belongs_elsewhere(self) -> bool:
        """Whether only lower levels are here, and the base of their pyramid came in another series."""
        return any(map(self.is_fine, self.elsewhere)) and not any(map(self.is_fine, self.levels))

    def is_fine(self, level: Level) -> bool:
        """Whether a level has the resolution that is needed."""
        return level.um_per_px is not None and level.um_per_px <= self.coarsest_um_per_px


def evidence_of(
    instances: Sequence[InstanceFacts],
    coarsest_um_per_px: float,
    *,
    lists: Iterable[CheckedList] = (),
    counts: Iterable[CheckedCount] = (),
    elsewhere: Iterable[InstanceFacts] = (),
) -> Evidence:
    """Gather what is known of one series.

    Args:
        instances: all that came in of it, in any order.
        coarsest_um_per_px: the coarsest resolution that is counted, in micrometres per pixel.
        lists: that name it.
        counts: of archives.
        elsewhere: slide images of other series of the same study.
    """
    levels = levels_of(instances)
    flavours = [facts.flavour for facts in instances if facts.is_slide_image and not facts.is_level]
    gathered = Evidence(
        coarsest_um_per_px=coarsest_um_per_px,
        levels=tuple(levels),
        companions={flavour: flavours.count(flavour) for flavour in Flavour if flavour in flavours},
        others=sum(not facts.is_slide_image for facts in instances),
        lists=tuple(lists),
        counts=tuple(counts),
        elsewhere=tuple(_related(levels, instances, elsewhere)),
    )
    gathered = replace(gathered, gaps=tuple(_gaps(gathered)))
    return gathered if gathered.gaps or not levels else replace(gathered, doubts=tuple(_doubts(gathered)))


def _related(
    levels: Sequence[Level], instances: Iterable[InstanceFacts], elsewhere: Iterable[InstanceFacts]
) -> list[Level]:
    """Levels of the same pyramids; those of the same glass where this series has none."""
    if levels:
        known = {level.pyramid for level in levels if any(level.pyramid)}
        return [level for level in levels_of(elsewhere) if level.pyramid in known]
    glasses = {facts.container_identifier for facts in instances}
    return levels_of(facts for facts in elsewhere if facts.container_identifier in glasses)


def _gaps(evidence: Evidence) -> Iterable[str]:
    """What is known to be missing."""
    yield from (level.gap for level in evidence.levels if level.gap)
    yield from dict.fromkeys(one.gap for one in evidence.lists if one.gap)
    if not evidence.levels:
        if evidence.companions and not evidence.elsewhere:
            yield "only label, overview or thumbnail: no VOLUME image yet"
        return
    base = evidence.levels[0]
    coarse = base.um_per_px is not None and not evidence.is_fine(base)
    if base.resampled and coarse and not evidence.belongs_elsewhere:
        yield f"{base.name} of {base.um_per_px:.3g} um/px says that it was resampled: its base level is missing"


def _doubts(evidence: Evidence) -> Iterable[str]:
    """Why more may be to come although nothing is known to be missing."""
    if not all(level.counted_whole for level in evidence.levels):
        yield "frames of a level cannot be counted"
    thumbnail = Flavour.THUMBNAIL in evidence.companions
    pyramids = _pyramids([*evidence.levels, *evidence.elsewhere])
    if any(pyramid[0].resampled for pyramid in pyramids):
        yield "the largest level says that it was resampled from a larger one"
    if any(pyramid[0].um_per_px is None for pyramid in pyramids):
        yield "the base level has no pixel spacing"
    if not all(_reaches_down(pyramid, thumbnail=thumbnail) for pyramid in pyramids):
        yield "smaller levels may still come"
    yield from (count.doubt for count in evidence.counts if count.doubt)


def _pyramids(levels: Iterable[Level]) -> list[list[Level]]:
    """The levels of each pyramid, the largest first: several areas of one glass are scanned as several pyramids."""
    ordered = sorted(levels, key=lambda level: (level.pyramid, -level.width * level.height, level.image_uid))
    return [list(group) for _, group in groupby(ordered, key=lambda level: level.pyramid)]


def _reaches_down(levels: Sequence[Level], *, thumbnail: bool) -> bool:
    """Whether the levels go down without a large step to a small one, or to a thumbnail that closes the series."""
    sides = [level.longer_side for level in levels]
    if any(upper > LARGEST_STEP * lower for upper, lower in pairwise(sides)):
        return False
    return sides[-1] <= SMALL_PX or (thumbnail and len(set(sides)) > 1)
