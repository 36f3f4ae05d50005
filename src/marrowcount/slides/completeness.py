"""Whether a slide has come in whole: DICOM has no signal that says so, so evidence is gathered and weighed.

Strongest first:

1. A gap: a frame or part is missing by count, a list names what is not held, a level says that it was made from a
   larger one that is not there. No wait makes such a slide complete; in the end it is incomplete.
2. A list that names all of the slide, with everything that it names held, unless whoever said it counts more than it
   names; or an archive's count that stands and is reached: complete at once.
3. Counting frames and levels says that nothing is missing: complete after a short rest, senders pause.
4. Counting cannot tell: complete after a long quiet.

Labels, overviews and thumbnails are never awaited by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from marrowcount.slides.expectations import ExpectationSource

if TYPE_CHECKING:
    from marrowcount.slides.evidence import Evidence
    from marrowcount.slides.lists import CheckedList

__all__ = ["Assessment", "Basis", "Completeness", "CompletenessSettings", "assess"]

SINGLE_REQUEST: Final = 1
"""Some scanners ask for commitment after each instance: a request for one says nothing of the whole."""


class Completeness(StrEnum):
    """Whether to count a slide now."""

    COMPLETE = "complete"
    WAITING = "waiting"
    """More is expected."""
    INCOMPLETE = "incomplete"
    """More was expected, and did not come in time."""
    NOTHING = "nothing"
    """There is nothing to count in this series, and nothing to wait for."""


class Basis(StrEnum):
    """What kind of evidence decides."""

    GAP = "gap"
    """Something is known to be missing."""
    LIST = "list"
    """A list names all of it."""
    COUNT = "count"
    """An archive counts no more."""
    FRAMES = "frames"
    """Counting frames and levels says that nothing is missing."""
    QUIET = "quiet"
    """Nothing can be counted; only quiet tells."""
    NO_SLIDE = "no-slide"
    """There is no level to count in the series."""


@dataclass(frozen=True, slots=True)
class CompletenessSettings:
    """How long to wait, in seconds, and for what.

    Attributes:
        settle_s: quiet, where counting frames and levels says that nothing is missing; senders pause between instances.
        quiet_s: quiet, where counting cannot tell.
        incomplete_s: without anything new, before a slide with known gaps is given up.
        coarsest_um_per_px: the coarsest resolution that is counted, in micrometres per pixel.
        whole_lists: kinds of list that name a slide whole, so that it is complete at once when all of it is held.
    """

    settle_s: float = 10.0
    quiet_s: float = 120.0
    incomplete_s: float = 1800.0
    coarsest_um_per_px: float = 0.30
    whole_lists: frozenset[ExpectationSource] = frozenset(ExpectationSource)


@dataclass(frozen=True, slots=True)
class Assessment:
    """The verdict and what it rests on.

    Attributes:
        needed_s: quiet, or time without anything new, that the verdict needed or still needs, in seconds.
        waits_s: how much of it is left, in seconds; 0 where the verdict stands.
    """

    verdict: Completeness
    basis: Basis
    evidence: Evidence
    needed_s: float
    waits_s: float

    @property
    def sentence(self) -> str:
        """For a person, without patient data."""
        return f"{self._reasons()}; {self._wait()}"

    def _reasons(self) -> str:
        evidence = self.evidence
        if self.basis is Basis.GAP:
            return "; ".join(evidence.gaps)
        if self.basis is Basis.NO_SLIDE:
            base = evidence.elsewhere and "the base of its pyramid came in another series"
            return f"{evidence.found}: {base or 'nothing to count'}"
        if self.basis is Basis.QUIET:
            return f"{evidence.found}; {'; '.join(evidence.doubts)}"
        if self.basis is Basis.LIST:
            whole = next(one for one in evidence.lists if one.names_all and not one.missing)
            return f"{evidence.found}, all that the {whole.source} list of {whole.said_by} names"
        if self.basis is Basis.COUNT:
            reached = next(count for count in evidence.counts if count.reached)
            return f"{evidence.found}, all {reached.instances} instances that {reached.said_by} counts"
        return f"{evidence.found}, all frames there"

    def _wait(self) -> str:
        if self.verdict is Completeness.WAITING:
            news = "anything new" if self.basis is Basis.GAP else "a new instance"
            return f"waiting for {self.needed_s:g} s without {news}"
        return f"nothing new for {self.needed_s:g} s" if self.needed_s else "complete at once"


def assess(
    evidence: Evidence, *, quiet_s: float, settings: CompletenessSettings, waited_s: float | None = None
) -> Assessment:
    """Judge what is known of one series.

    Never complete while something is known to be missing.

    Args:
        evidence: from :func:`marrowcount.slides.evidence.evidence_of`.
        quiet_s: seconds since the last instance came.
        settings: how long to wait for more.
        waited_s: seconds since anything new was heard that a gap may be waited for: an instance, a list, a person who
            resumed the slide; ``quiet_s`` where only instances tell.
    """
    verdict, basis, needed_s = _rule(evidence, settings)
    passed = quiet_s if waited_s is None or basis is not Basis.GAP else waited_s
    if passed >= needed_s:
        return Assessment(verdict, basis, evidence, needed_s, 0.0)
    return Assessment(Completeness.WAITING, basis, evidence, needed_s, needed_s - passed)


def _rule(evidence: Evidence, settings: CompletenessSettings) -> tuple[Completeness, Basis, float]:
    """Verdict, what it rests on, and how long it takes."""
    if evidence.gaps:
        return Completeness.INCOMPLETE, Basis.GAP, settings.incomplete_s
    if not evidence.levels or evidence.belongs_elsewhere:
        return Completeness.NOTHING, Basis.NO_SLIDE, settings.quiet_s
    contradicted = {count.said_by for count in evidence.counts if count.doubt}
    if any(_tells_all(one, settings) and one.said_by not in contradicted for one in evidence.lists):
        return Completeness.COMPLETE, Basis.LIST, 0.0
    if any(count.reached for count in evidence.counts):
        return Completeness.COMPLETE, Basis.COUNT, 0.0
    if evidence.doubts:
        return Completeness.COMPLETE, Basis.QUIET, settings.quiet_s
    return Completeness.COMPLETE, Basis.FRAMES, settings.settle_s


def _tells_all(one: CheckedList, settings: CompletenessSettings) -> bool:
    alone = one.source is ExpectationSource.COMMITMENT and one.named <= SINGLE_REQUEST
    return one.source in settings.whole_lists and one.names_all and not one.missing and not alone
