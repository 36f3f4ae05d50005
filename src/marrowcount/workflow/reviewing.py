"""From what the ledger remembers of a report to the report, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.ports import ReportVersion
from marrowcount.review import DECIDED, Act, Report

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from marrowcount.result import CountResult
    from marrowcount.review import Uncounted

__all__ = ["next_version", "report_of", "until_standing"]


def report_of(count: CountResult | Uncounted, versions: Sequence[ReportVersion]) -> Report:
    """The report as the last of these versions has it.

    Args:
        count: of the revision that this version stands on.
        versions: of the slide's report, the first one first.

    Raises:
        ValueError: there is none.
    """
    if not versions:
        raise ValueError("a report has at least one version")
    last = versions[-1]
    of_count = [version for version in versions if version.revision == last.revision]
    earlier = versions[: versions.index(of_count[0])]
    return Report(
        count,
        last.status,
        last.version,
        _issued(of_count),
        tuple(version.signature for version in of_count if version.signature is not None),
        last.counts,
        was_released=any(version.status in DECIDED for version in earlier),
    )


def _issued(of_count: Sequence[ReportVersion]) -> datetime:
    """Of the last version that said something: to leave a report as it was is not to issue it."""
    said = [version for version in of_count if version.signature is None or version.signature.act is not Act.KEPT]
    return said[-1].issued_at


def until_standing(versions: Sequence[ReportVersion]) -> Sequence[ReportVersion]:
    """The versions up to the one that stands: the last that anybody was told of, or that a person kept.

    A machine's count that waits for a person is behind it. Empty where there is none.
    """
    stand = [number for number, each in enumerate(versions, 1) if each.given_out or each.signature is not None]
    return versions[: stand[-1]] if stand else ()


def next_version(report: Report, revision: int, folder: str) -> ReportVersion:
    """What the ledger is to remember of a report that a person made.

    Args:
        report: signed.
        revision: of the slide, on whose count it stands.
        folder: where its files lie, below the results folder.
    """
    signature = report.signatures[-1]
    return ReportVersion(
        report.context.series_uid,
        report.version,
        revision,
        report.status,
        signature.at,
        folder,
        signature,
        report.counts,
        given_out=signature.act is not Act.KEPT,
    )
