"""What may become of a report: each function makes the next version, or says why there is none.

::

    counted ──▶ preliminary ──verified──▶ final ──amended──▶ amended ┐
    not counted ▶ cancelled                 └──corrected──▶ corrected ┴──▶ (again)
    any that was counted ──withdrawn──▶ entered in error

A machine never changes what a person answered for: a new count of such a slide is a preliminary one that waits, and a
person who verifies it corrects the report that is out. A person may as well keep the one that is out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from marrowcount.cytology.cell_types import NDC_CLASSES
from marrowcount.errors import DecisionError
from marrowcount.result import CountResult
from marrowcount.review.people import Act, Signature
from marrowcount.review.report import DECIDED, RELEASED, Report, ReportStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.review.people import Practitioner
    from marrowcount.review.report import Uncounted

__all__ = ["amended", "counted", "kept", "not_counted", "verified", "withdrawn"]


def counted(result: CountResult, before: Sequence[ReportStatus] = ()) -> Report:
    """A machine's count; it takes the place of an earlier one that nobody answered for.

    Args:
        result: the count.
        before: of all versions of the slide's report until now, the first one first.
    """
    return _by_machine(result, ReportStatus.PRELIMINARY, result.counted_at, before)


def not_counted(uncounted: Uncounted, before: Sequence[ReportStatus] = ()) -> Report:
    """A machine's refusal; the arguments as of :func:`counted`."""
    return _by_machine(uncounted, ReportStatus.CANCELLED, uncounted.judged_at, before)


def _by_machine(
    count: CountResult | Uncounted, status: ReportStatus, issued: datetime, before: Sequence[ReportStatus]
) -> Report:
    return Report(count, status, len(before) + 1, issued, was_released=not DECIDED.isdisjoint(before))


def verified(
    report: Report, by: Practitioner, at: datetime, counts: Mapping[CellType, int] | None = None, comment: str = ""
) -> Report:
    """A person answers for a machine's count, as it is or with their own figures.

    Args:
        report: preliminary.
        by: who.
        at: when, with zone.
        counts: of classes of the differential, as the person counted them; classes left out stay as they are.
        comment: in their words.

    Raises:
        DecisionError: ``not-preliminary``, or the counts are none (``wrong-counts``).
    """
    if report.status is not ReportStatus.PRELIMINARY:
        raise DecisionError(
            "not-preliminary", f"the report is {report.status}; only a preliminary one can be verified, others amended"
        )
    status = ReportStatus.CORRECTED if report.was_released else ReportStatus.FINAL
    return _signed(report, status, Signature(Act.VERIFIED, by, at, comment), _whole(report, counts))


def amended(
    report: Report, by: Practitioner, at: datetime, counts: Mapping[CellType, int] | None = None, comment: str = ""
) -> Report:
    """A person changes what somebody answered for: other figures make it corrected, words alone amended.

    The arguments are those of :func:`verified`.

    Raises:
        DecisionError: ``not-released``, ``nothing-changed``, or the counts are none (``wrong-counts``).
    """
    if report.status not in RELEASED:
        raise DecisionError("not-released", f"the report is {report.status}; it must be verified before it is amended")
    whole = _whole(report, counts)
    if whole != _whole(report, None):
        return _signed(report, ReportStatus.CORRECTED, Signature(Act.CORRECTED, by, at, comment), whole)
    if not comment.strip():
        raise DecisionError("nothing-changed", "the counts are those of the report, and nothing is said: give either")
    return _signed(report, ReportStatus.AMENDED, Signature(Act.AMENDED, by, at, comment), report.counts)


def withdrawn(report: Report, by: Practitioner, at: datetime, reason: str) -> Report:
    """A person says that the report should never have been, and why.

    Raises:
        DecisionError: ``nothing-to-withdraw`` or ``no-reason``.
    """
    if report.status in {ReportStatus.CANCELLED, ReportStatus.ENTERED_IN_ERROR}:
        raise DecisionError("nothing-to-withdraw", f"the report is {report.status}: it holds no figures any more")
    if not reason.strip():
        raise DecisionError("no-reason", "say why the report is withdrawn: whoever read it must be able to follow")
    return _signed(report, ReportStatus.ENTERED_IN_ERROR, Signature(Act.WITHDRAWN, by, at, reason), report.counts)


def kept(report: Report, out: Report, by: Practitioner, at: datetime, comment: str = "") -> Report:
    """A person leaves the report that is out as it is, and the machine's new count unused.

    Args:
        report: the machine's, which waits.
        out: the version that was given out last.
        by: who.
        at: when, with zone.
        comment: in their words; not for whoever reads the report, to whom nothing changed.

    Raises:
        DecisionError: ``nothing-held``.
    """
    if not report.is_held:
        raise DecisionError("nothing-held", "no new count waits beside a report that is out")
    signatures = (*out.signatures, Signature(Act.KEPT, by, at, comment))
    return replace(out, version=report.version + 1, signatures=signatures)


def _signed(
    report: Report, status: ReportStatus, signature: Signature, counts: Mapping[CellType, int] | None
) -> Report:
    return replace(
        report,
        status=status,
        version=report.version + 1,
        issued=signature.at,
        signatures=(*report.signatures, signature),
        counts=counts,
    )


def _whole(report: Report, counts: Mapping[CellType, int] | None) -> Mapping[CellType, int] | None:
    """Counts of all classes of the differential, those given in the place of those that held; None: the machine's."""
    differential = report.differential
    if differential is None or not isinstance(report.count, CountResult):
        raise DecisionError("wrong-counts", "nothing was counted on the slide")
    given = counts or {}
    if strange := [each.label for each in given if each not in NDC_CLASSES]:
        raise DecisionError("wrong-counts", f"not in the differential: {', '.join(strange)}")
    if any(count < 0 for count in given.values()):
        raise DecisionError("wrong-counts", "a count cannot be negative")
    held = {share.cell_type: share.count for share in differential.shares}
    whole = {**held, **given}
    if not sum(whole.values()):
        raise DecisionError("wrong-counts", "not one cell of the differential is left; withdraw the report instead")
    machine = {each: report.count.histogram[each] for each in NDC_CLASSES}
    return None if whole == machine else whole
