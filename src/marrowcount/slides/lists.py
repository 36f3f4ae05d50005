"""Lists and counts of a slide's instances, held against what the node has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from marrowcount.slides.instances import WSM_SOP_CLASS_UID

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from marrowcount.slides.expectations import Expectation, ExpectationSource, ExpectedInstance, SeriesCount
    from marrowcount.slides.instances import InstanceFacts

__all__ = ["CheckedCount", "CheckedList", "awaited_of", "check_count", "check_list"]


@dataclass(frozen=True, slots=True)
class CheckedList:
    """A list that names this slide.

    Attributes:
        named: instances of this slide that it names, as far as it says to which series they belong.
        missing: those of them that the node does not hold.
        names_all: whether it names every level instance that the node holds of the slide.
    """

    source: ExpectationSource
    key: str
    said_by: str
    said_at: datetime
    named: int
    missing: tuple[str, ...]
    names_all: bool

    @property
    def gap(self) -> str:
        """What is missing by it; empty where all is held."""
        if not self.missing:
            return ""
        first = ", ".join(self.missing[:3])
        more = f" and {len(self.missing) - 3} more" if len(self.missing) > 3 else ""  # noqa: PLR2004 - as many as named
        return f"the {self.source} list of {self.said_by} names what is missing: {first}{more}"


@dataclass(frozen=True, slots=True)
class CheckedCount:
    """What an archive counts in the series, beside what the node holds of it.

    Attributes:
        stands: whether the archive said so twice or more in a row.
    """

    said_by: str
    said_at: datetime
    instances: int
    held: int
    stands: bool

    @property
    def reached(self) -> bool:
        """Whether the node holds as many, and the archive's number stands."""
        return self.stands and self.held >= self.instances

    @property
    def doubt(self) -> str:
        """Why more may be to come; empty where the node holds as many."""
        if self.held >= self.instances:
            return ""
        return f"{self.said_by} counts {self.instances} instances, {self.held} came"


def awaited_of(expectation: Expectation, series_uid: str) -> list[ExpectedInstance]:
    """What a list makes this slide wait for: slide images of its series, or of a series that is not said."""
    return [
        item
        for item in expectation.instances
        if item.series_uid in {"", series_uid} and item.sop_class_uid in {"", WSM_SOP_CLASS_UID}
    ]


def check_list(
    expectation: Expectation, instances: Sequence[InstanceFacts], series_uid: str, elsewhere: Collection[str]
) -> CheckedList:
    """Hold a list against the instances of a series.

    A concatenation may be named by the UID of the image before it was split, which is the one to refer to (PS3.3
    C.7.6.16.2.2.4): it is held as soon as one of its parts is, because the parts are counted by themselves.

    Args:
        expectation: the list.
        instances: what is held of the series.
        series_uid: the series.
        elsewhere: instances held in other series, among those whose series the list does not say.
    """
    held = {facts.sop_instance_uid for facts in instances} | {facts.image_uid for facts in instances} | set(elsewhere)
    awaited = awaited_of(expectation, series_uid)
    named = {item.sop_instance_uid for item in expectation.instances}
    levels = [facts for facts in instances if facts.is_level]
    return CheckedList(
        source=expectation.source,
        key=expectation.key,
        said_by=expectation.said_by,
        said_at=expectation.said_at,
        named=len(awaited),
        missing=tuple(dict.fromkeys(uid.sop_instance_uid for uid in awaited if uid.sop_instance_uid not in held)),
        names_all=bool(levels) and all(named & {facts.sop_instance_uid, facts.image_uid} for facts in levels),
    )


def check_count(count: SeriesCount, held: int) -> CheckedCount:
    """Hold an archive's count against how many instances of the series are held."""
    return CheckedCount(count.said_by, count.confirmed_at, count.instances, held, count.stands)
