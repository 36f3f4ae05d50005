"""Reports that come back from the ledger as they were recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_reports import CURIE, UNCOUNTED
from made_up_result import CONTEXT, make_result
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import DecisionError
from marrowcount.ports import ReportVersion
from marrowcount.review import (
    Report,
    ReportStatus,
    amended,
    counted,
    kept,
    not_counted,
    verified,
    withdrawn,
)
from marrowcount.workflow.reviewing import next_version, report_of, until_standing

NOON = datetime(2026, 10, 2, 12, tzinfo=UTC)
SHE = CURIE
RESULT = make_result({CellType.BLAST: 5, CellType.ERYTHROBLAST: 20})

DEEDS = ("count", "refuse", "verify", "change", "amend", "correct", "withdraw", "keep")


class Told:
    """A slide's report, told to the ledger version by version."""

    def __init__(self) -> None:
        self.at = NOON
        self.revision = 0
        self.versions: list[ReportVersion] = []
        self.reports: list[Report] = []
        self.do("count")

    def do(self, deed: str) -> None:
        self.at += timedelta(minutes=1)
        statuses = [version.status for version in self.versions]
        if deed in {"count", "refuse"}:
            self.revision += 1
            report = counted(RESULT, statuses) if deed == "count" else not_counted(UNCOUNTED, statuses)
            version = ReportVersion(
                CONTEXT.series_uid,
                report.version,
                self.revision,
                report.status,
                report.issued,
                given_out=not report.is_held,
            )
        else:
            report = self._signed(deed)
            version = next_version(report, self._stands_on(report), "folder")
        self.versions.append(version)
        self.reports.append(report)

    def _stands_on(self, report: Report) -> int:
        """The revision of the count that a report is of: that of the last version, or of the one kept."""
        told = self.versions if report.signatures[-1].act.value != "kept" else until_standing(self.versions)
        return told[-1].revision

    def _signed(self, deed: str) -> Report:
        report, more = self.reports[-1], {CellType.BLAST: 9 + len(self.versions)}
        match deed:
            case "verify" | "change":
                return verified(report, SHE, self.at, more if deed == "change" else None, "seen")
            case "amend" | "correct":
                return amended(report, SHE, self.at, more if deed == "correct" else None, "more")
            case "withdraw":
                return withdrawn(report, SHE, self.at, "another patient's slide")
            case _:
                out = self.reports[len(until_standing(self.versions)) - 1]
                return kept(report, out, SHE, self.at, "blurred")


@given(st.lists(st.sampled_from(DEEDS), max_size=9))
def test_what_comes_back_is_what_was_recorded(deeds: list[str]) -> None:
    """After any life, each version of the report is made again from the ledger's rows and the count."""
    told = Told()
    for deed in deeds:
        try:
            told.do(deed)
        except DecisionError:
            continue
    for number, report in enumerate(told.reports, 1):
        assert report_of(report.count, told.versions[:number]) == report


def test_the_version_that_stands_is_the_last_one_told_or_kept() -> None:
    """A count that waits, or one that was not used, is nobody's."""
    told = Told()
    assert until_standing(told.versions) == told.versions
    for deed in ("verify", "count"):
        told.do(deed)
    assert [version.status for version in until_standing(told.versions)] == [
        ReportStatus.PRELIMINARY,
        ReportStatus.FINAL,
    ]
    told.do("keep")
    assert until_standing(told.versions) == told.versions
    assert told.versions[-1].status is ReportStatus.FINAL
    told.do("count")
    assert until_standing(told.versions) == told.versions[:-1]
    assert until_standing(()) == ()


def test_without_a_version_there_is_no_report() -> None:
    """A slide that nobody judged has none."""
    with pytest.raises(ValueError, match="at least one"):
        report_of(RESULT, ())
