"""One version of what is said of a slide: the machine's count, and what persons made of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.differential import differential_of
from marrowcount.cytology.histogram import Histogram
from marrowcount.result import CountResult
from marrowcount.review.people import Act

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.cytology.differential import Differential
    from marrowcount.errors import Refusal
    from marrowcount.result import ModelIdentity, SlideContext
    from marrowcount.review.people import Signature

__all__ = ["DECIDED", "RELEASED", "Report", "ReportStatus", "Uncounted"]


class ReportStatus(StrEnum):
    """How far a report may be relied upon (FHIR R4, ObservationStatus; HL7 table 0085 in brackets)."""

    PRELIMINARY = "preliminary"
    """A machine counted, nobody verified (P)."""
    FINAL = "final"
    """A person answers for it (F)."""
    CORRECTED = "corrected"
    """A person put right what had been final (C)."""
    AMENDED = "amended"
    """A person added to what had been final; its figures stand (A)."""
    ENTERED_IN_ERROR = "entered-in-error"
    """It should never have been (W)."""
    CANCELLED = "cancelled"
    """The slide was looked at and could not be counted (X)."""


RELEASED: Final = frozenset({ReportStatus.FINAL, ReportStatus.CORRECTED, ReportStatus.AMENDED})
"""A person answers for it: no machine may change it."""

DECIDED: Final = RELEASED | {ReportStatus.ENTERED_IN_ERROR}
"""What only a person makes of a report."""


@dataclass(frozen=True, slots=True)
class Uncounted:
    """A slide that was looked at and not counted.

    Attributes:
        code: why.
        message: why, in words, without patient data.
        judged_at: when, with zone.
    """

    context: SlideContext
    code: Refusal
    message: str
    models: tuple[ModelIdentity, ...]
    judged_at: datetime


@dataclass(frozen=True)
class Report:
    """One version; the next one is made by the functions of :mod:`marrowcount.review.life`.

    Attributes:
        count: the machine's; never changed by anybody.
        version: 1 at first; counts on over all revisions of the slide.
        issued: when this version was released, with zone.
        signatures: of persons on this count, in their order.
        counts: of the classes of the differential, as a person counted them; None where the machine's stand.
        was_released: an earlier version of the slide's report was answered for by a person, or withdrawn by one, and
            may lie in a health record.
    """

    count: CountResult | Uncounted
    status: ReportStatus
    version: int
    issued: datetime
    signatures: tuple[Signature, ...] = ()
    counts: Mapping[CellType, int] | None = None
    was_released: bool = False

    @property
    def context(self) -> SlideContext:
        """Whose slide it is."""
        return self.count.context

    @property
    def models(self) -> tuple[ModelIdentity, ...]:
        """Which looked at the slide."""
        return self.count.models

    @property
    def result(self) -> CountResult:
        """The machine's count.

        Raises:
            ValueError: it could not count the slide.
        """
        if not isinstance(self.count, CountResult):
            raise ValueError("nothing was counted")  # noqa: TRY004 - a report of another kind, not another type
        return self.count

    @property
    def is_held(self) -> bool:
        """Whether it waits for a person: a machine's result never takes the place of what one answered for."""
        return self.was_released and not self.signatures

    @cached_property
    def differential(self) -> Differential | None:
        """The one that holds: the person's where there is one, else the machine's; None where nothing was counted."""
        if not isinstance(self.count, CountResult):
            return None
        if self.counts is None:
            return self.count.differential
        others = {cell_type: count for cell_type, count in self.count.histogram if cell_type not in self.counts}
        return differential_of(Histogram.from_counts({**others, **self.counts}))

    @property
    def changed(self) -> Mapping[CellType, tuple[int, int]]:
        """Classes whose counts a person changed: the machine's count and the person's."""
        if self.counts is None or not isinstance(self.count, CountResult):
            return MappingProxyType({})
        before = self.count.histogram
        return {each: (before[each], count) for each, count in self.counts.items() if before[each] != count}

    @property
    def verifier(self) -> Signature | None:
        """The last who answered for the figures; None where nobody did."""
        vouching = [each for each in self.signatures if each.act not in {Act.WITHDRAWN, Act.KEPT}]
        return vouching[-1] if vouching else None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What persons added, in their order."""
        return tuple(each.comment for each in self.signatures if each.comment and each.act is not Act.KEPT)
