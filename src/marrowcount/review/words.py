"""What a report says in words: short sentences, each of which may be read alone.

Whoever encodes a report takes its words from here, so that a health record, a structured report and a page say the
same. A sentence about the whole report stands beside every figure that a reader may see without the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.cytology.convergence import StoppingReason
from marrowcount.result import RESEARCH_USE_ONLY, CountResult
from marrowcount.review.people import Act
from marrowcount.review.report import Report, ReportStatus

if TYPE_CHECKING:
    from marrowcount.cytology.cell_types import CellType

__all__ = [
    "LINEAGE",
    "SAMPLING_ONLY",
    "UNDEFINED_RATIO",
    "cautions",
    "change_of",
    "changes",
    "comments",
    "particulars",
    "remarks",
    "shows_figures",
    "status_sentence",
    "title",
    "truncation",
]

SAMPLING_ONLY: Final = "Intervals are exact 95 % binomial intervals and cover sampling error only."
LINEAGE: Final = "The blast class is not lineage-specific; all blasts are counted as myeloid in the ratios."
UNDEFINED_RATIO: Final = "No erythroblast was counted: the ratio is undefined."


def shows_figures(report: Report) -> bool:
    """Whether a reader may see figures: not of a report that was withdrawn, and there are none of a refused slide."""
    return report.status not in {ReportStatus.CANCELLED, ReportStatus.ENTERED_IN_ERROR}


def title(report: Report) -> str:
    """Of the report, wherever titles are listed."""
    words = str(report.status).replace("-", " ")
    return f"Bone marrow differential by AI, {words}, research use only"


def cautions(report: Report) -> tuple[str, ...]:
    """What stands beside every figure: for research only, who answers for it, whether the count is whole."""
    truncated = truncation(report) if shows_figures(report) else ""
    return (RESEARCH_USE_ONLY, status_sentence(report), *((truncated,) if truncated else ()))


def status_sentence(report: Report) -> str:
    """How far the report may be relied upon, and who answers for it."""
    match report.status:
        case ReportStatus.PRELIMINARY:
            return "Preliminary: counted by software, not verified by a person."
        case ReportStatus.CANCELLED:
            return "Cancelled: the slide was looked at by software and not counted."
        case ReportStatus.ENTERED_IN_ERROR:
            return f"Entered in error: withdrawn{_by_whom(report)}. Use no figure of this report."
        case ReportStatus.FINAL:
            return f"Final: counted by software, {_deed(report)}{_by_whom(report)}."
        case ReportStatus.CORRECTED:
            return f"Corrected: figures given out before no longer hold; {_deed(report)}{_by_whom(report)}."
        case ReportStatus.AMENDED:
            return f"Amended: words were added{_by_whom(report)}; the figures given out before stand."


def _deed(report: Report) -> str:
    return "changed and verified" if report.changed else "verified"


def _by_whom(report: Report) -> str:
    """The last person who decided what stands now, and the day; empty where none did."""
    decided = [each for each in report.signatures if each.act is not Act.KEPT]
    return f" by {decided[-1].by.name} on {decided[-1].at.date().isoformat()}" if decided else ""


def truncation(report: Report) -> str:
    """That reading ended before the stopping rule was met; empty where it was met or nothing was counted."""
    if not isinstance(report.count, CountResult):
        return ""
    stopping = report.count.stopping
    why = {
        StoppingReason.CAP: "the most tiles allowed were read",
        StoppingReason.SLIDE_EXHAUSTED: "the slide held no further suitable tile",
    }.get(stopping.reason)
    if why is None:
        return ""
    return f"Incomplete count: {why} ({stopping.tiles}) before the stopping rule was met; the figures are less certain."


def change_of(report: Report, cell_type: CellType) -> str:
    """What a person made of the machine's count of a class; empty where they left it."""
    if cell_type not in report.changed or not isinstance(report.count, CountResult):
        return ""
    share = report.count.differential.share(cell_type)
    return (
        f"Changed by a person: the machine counted {share.count} ({share.percent} %), "
        f"the person {report.changed[cell_type][1]}."
    )


def changes(report: Report) -> tuple[str, ...]:
    """Which counts a person changed, in a sentence; none where they left all."""
    if not report.changed:
        return ()
    each = ", ".join(f"{kind.label} {before} to {after}" for kind, (before, after) in report.changed.items())
    return (f"Counts changed by a person, machine's count first: {each}.",)


def comments(report: Report) -> tuple[str, ...]:
    """What persons wrote, each with their name and the day."""
    return tuple(
        f"{each.by.name}, {each.at.date().isoformat()}: {each.comment}"
        for each in report.signatures
        if each.comment and each.act is not Act.KEPT
    )


def particulars(report: Report) -> tuple[str, ...]:
    """What a reader of the whole report must know besides: why nothing was counted, or how to read the figures."""
    if not isinstance(report.count, CountResult):
        return (f"Reason: {report.count.message} ({report.count.code})",)
    if not shows_figures(report):
        return ()
    return SAMPLING_ONLY, LINEAGE, *changes(report), *_warnings(report, report.count)


def _warnings(report: Report, count: CountResult) -> tuple[str, ...]:
    """Of the machine's own count, which is said where a person changed it."""
    prefix = "Of the machine's count: " if report.changed else ""
    return tuple(f"{prefix}{warning}" for warning in count.warnings)


def remarks(report: Report) -> tuple[str, ...]:
    """All of it, in the order of reading."""
    return (*cautions(report), *particulars(report), *comments(report))
