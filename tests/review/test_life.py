"""The life of a report as pure functions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_reports import CURIE, UNCOUNTED
from made_up_result import TYPICAL_COUNTS, make_result
from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.errors import DecisionError
from marrowcount.review import (
    RELEASED,
    Act,
    Practitioner,
    Report,
    ReportStatus,
    amended,
    counted,
    kept,
    not_counted,
    verified,
    withdrawn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

NOON = datetime(2026, 10, 2, 12, tzinfo=UTC)
SHE = CURIE
RESULT = make_result()


def test_a_machine_writes_preliminary_only() -> None:
    """Whatever a machine finds is preliminary, or cancelled where it could not count."""
    assert counted(RESULT).status is ReportStatus.PRELIMINARY
    assert not_counted(UNCOUNTED).status is ReportStatus.CANCELLED
    assert counted(RESULT).verifier is None


def test_verified_unchanged_is_final_with_the_same_figures() -> None:
    """A person who changes nothing makes the machine's figures final, and is named."""
    report = verified(counted(RESULT), SHE, NOON)
    assert report.status is ReportStatus.FINAL
    assert report.version == 2
    assert report.differential == RESULT.differential
    assert not report.changed
    assert report.verifier is not None
    assert report.verifier.by is SHE


def test_figures_of_a_person_take_the_place_of_the_machines() -> None:
    """The differential that holds is the person's; the machine's count stays as it was, and both are told."""
    report = verified(counted(RESULT), SHE, NOON, {CellType.BLAST: 40})
    assert report.differential is not None
    assert report.differential.share(CellType.BLAST).count == 40
    assert report.differential.total == RESULT.differential.total + 13
    assert sum(share.percent for share in report.differential.shares) == 100
    assert report.changed == {CellType.BLAST: (TYPICAL_COUNTS[CellType.BLAST], 40)}
    assert report.count is RESULT


def test_counts_that_are_the_machines_change_nothing() -> None:
    """A person who types the machine's own counts has changed nothing."""
    same = {each: RESULT.histogram[each] for each in NDC_CLASSES}
    assert verified(counted(RESULT), SHE, NOON, same).counts is None


def test_other_figures_after_final_are_corrected_and_words_alone_amended() -> None:
    """FHIR tells apart that a value was wrong (corrected) from something added (amended)."""
    final = verified(counted(RESULT), SHE, NOON)
    assert amended(final, SHE, NOON, {CellType.BLAST: 30}).status is ReportStatus.CORRECTED
    assert amended(final, SHE, NOON, comment="Auer rods seen.").status is ReportStatus.AMENDED
    back = amended(amended(final, SHE, NOON, {CellType.BLAST: 30}), SHE, NOON, {CellType.BLAST: 27})
    assert (back.status, back.counts) == (ReportStatus.CORRECTED, None)


def test_a_later_amendment_keeps_the_figures_of_the_person() -> None:
    """Words added, or another class corrected, leave what was corrected before."""
    report = verified(counted(RESULT), SHE, NOON, {CellType.BLAST: 40})
    assert amended(report, SHE, NOON, comment="x").changed == report.changed
    assert set(amended(report, SHE, NOON, {CellType.MONOCYTE: 1}).changed) == {CellType.BLAST, CellType.MONOCYTE}


@pytest.mark.parametrize(
    ("deed", "code"),
    [
        (lambda: verified(verified(counted(RESULT), SHE, NOON), SHE, NOON), "not-preliminary"),
        (lambda: verified(not_counted(UNCOUNTED), SHE, NOON), "not-preliminary"),
        (lambda: amended(counted(RESULT), SHE, NOON, comment="x"), "not-released"),
        (lambda: amended(verified(counted(RESULT), SHE, NOON), SHE, NOON), "nothing-changed"),
        (lambda: amended(verified(counted(RESULT), SHE, NOON), SHE, NOON, {CellType.BLAST: 27}), "nothing-changed"),
        (lambda: withdrawn(counted(RESULT), SHE, NOON, " "), "no-reason"),
        (lambda: withdrawn(not_counted(UNCOUNTED), SHE, NOON, "x"), "nothing-to-withdraw"),
        (lambda: withdrawn(withdrawn(counted(RESULT), SHE, NOON, "x"), SHE, NOON, "x"), "nothing-to-withdraw"),
        (lambda: verified(counted(RESULT), SHE, NOON, {CellType.PLATELET: 1}), "wrong-counts"),
        (lambda: verified(counted(RESULT), SHE, NOON, {CellType.BLAST: -1}), "wrong-counts"),
        (lambda: verified(counted(RESULT), SHE, NOON, dict.fromkeys(NDC_CLASSES, 0)), "wrong-counts"),
        (lambda: Practitioner("", "urn:oid:1.2.3", "Curie"), "no-practitioner"),
        (lambda: Practitioner("1", " ", "Curie"), "no-practitioner"),
        (lambda: Practitioner("1", "urn:oid:1.2.3", "Curie^Marie"), "no-practitioner"),
        (lambda: Practitioner("1" * 65, "urn:oid:1.2.3", "Curie"), "no-practitioner"),
    ],
)
def test_what_makes_no_sense_is_refused(deed: Callable[[], object], code: str) -> None:
    """No act without a person, no second verification, no correction without a change, no withdrawal without reason."""
    with pytest.raises(DecisionError) as refused:
        deed()
    assert refused.value.code == code


def test_a_recount_takes_the_place_of_what_nobody_answered_for() -> None:
    """Versions count on; the new count is preliminary and goes out."""
    report = counted(RESULT, [counted(RESULT).status, not_counted(UNCOUNTED).status])
    assert (report.version, report.status, report.is_held) == (3, ReportStatus.PRELIMINARY, False)


@pytest.mark.parametrize("stop", [verified, lambda *a: withdrawn(*a, "another patient's")])
def test_a_recount_after_a_person_decided_waits_for_one(stop: Callable[..., Report]) -> None:
    """A machine never changes what a person answered for; who verifies the recount corrects the report."""
    before = [ReportStatus.PRELIMINARY, stop(counted(RESULT), SHE, NOON).status]
    waiting = counted(RESULT, before)
    assert waiting.is_held
    assert counted(RESULT, [*before, waiting.status]).is_held
    assert not_counted(UNCOUNTED, [*before, waiting.status]).is_held
    done = verified(waiting, SHE, NOON)
    assert (done.status, done.is_held) == (ReportStatus.CORRECTED, False)


def test_a_withdrawn_report_keeps_who_withdrew_and_nobody_vouches_by_that() -> None:
    """Withdrawing is no verification."""
    report = withdrawn(counted(RESULT), SHE, NOON, "another patient's slide")
    assert (report.verifier, report.remarks) == (None, ("another patient's slide",))


def test_a_person_may_keep_what_is_out() -> None:
    """The report that is out stands as it was, with who kept it; the words are not for its readers."""
    final = verified(counted(RESULT), SHE, NOON, {CellType.BLAST: 40}, "seen")
    waiting = counted(make_result({CellType.BLAST: 9, CellType.MONOCYTE: 9}), [ReportStatus.PRELIMINARY, final.status])
    report = kept(waiting, final, SHE, NOON, "blurred focus")
    assert (report.status, report.version, report.differential) == (final.status, 4, final.differential)
    assert (report.verifier, report.remarks, report.issued) == (final.verifier, ("seen",), final.issued)
    assert report.signatures[-1].act is Act.KEPT
    with pytest.raises(DecisionError, match="nothing-held"):
        kept(counted(RESULT), final, SHE, NOON)


Deed = tuple[str, dict[CellType, int], str]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["count", "refuse", "verify", "amend", "withdraw"]),
            st.dictionaries(st.sampled_from(NDC_CLASSES), st.integers(-1, 900), max_size=3),
            st.sampled_from(["", "seen"]),
        ),
        max_size=8,
    )
)
def test_no_way_leads_around_a_person(deeds: list[Deed]) -> None:
    """Over any sequence of deeds: released only by a person, versions rise, the machine never changes what is out."""
    report, out, at = counted(RESULT), None, NOON
    statuses = [report.status]
    for name, counts, comment in deeds:
        at += timedelta(minutes=1)
        try:
            after = _done(name, report, statuses, at, (counts, comment))
        except DecisionError:
            continue
        assert after.version == report.version + 1
        if after.status in RELEASED:
            assert after.verifier is not None
            assert after.verifier.at == at
        if name in {"count", "refuse"} and out is not None:
            assert after.is_held
        if name not in {"count", "refuse"}:
            out = after
            assert after.signatures[-1].by is SHE
        report = after
        statuses.append(report.status)


def _done(
    name: str,
    report: Report,
    before: Sequence[ReportStatus],
    at: datetime,
    said: tuple[Mapping[CellType, int], str],
) -> Report:
    counts, comment = said
    match name:
        case "count":
            return counted(RESULT, before)
        case "refuse":
            return not_counted(UNCOUNTED, before)
        case "withdraw":
            return withdrawn(report, SHE, at, comment)
        case _:
            return (verified if name == "verify" else amended)(report, SHE, at, counts, comment)


def test_each_act_has_its_name() -> None:
    """Acts are part of the interface: audit, provenance and the ledger tell them."""
    final = verified(counted(RESULT), SHE, NOON)
    acts = [
        final,
        amended(final, SHE, NOON, {CellType.BLAST: 1}),
        amended(final, SHE, NOON, comment="x"),
        withdrawn(final, SHE, NOON, "x"),
        kept(counted(RESULT, [final.status]), final, SHE, NOON),
    ]
    assert [each.signatures[-1].act for each in acts] == list(Act)
