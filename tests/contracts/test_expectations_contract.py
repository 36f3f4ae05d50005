"""What every memory of expectations promises."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from marrowcount.slides.expectations import Expectation, ExpectationSource, ExpectedInstance, SeriesCount
from marrowcount.testing import InMemoryExpectations, InMemoryLedger
from marrowcount_adapters.sql import SqlDatabase, SqlExpectations

if TYPE_CHECKING:
    from marrowcount.ports import Expectations, Ledger

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
WSM = "1.2.840.10008.5.1.4.1.1.77.1.6"


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def expectations(ledger: Ledger) -> Expectations:
    if isinstance(ledger, InMemoryLedger):
        return InMemoryExpectations()
    assert isinstance(ledger, SqlDatabase)
    return SqlExpectations(ledger)


def listing(
    *uids: str,
    source: ExpectationSource = ExpectationSource.WORKITEM,
    key: str = "2.25.1",
    series: str = "1.2.3",
    seconds: float = 0,
) -> Expectation:
    items = tuple(ExpectedInstance(uid, WSM, series) for uid in uids)
    return Expectation(source, key, "SCHEDULER", items, after(seconds))


def test_a_list_is_found_by_the_series_that_it_names(expectations: Expectations) -> None:
    """It comes back whole and in its own order, before any instance came."""
    said = listing("1.2.3.2", "1.2.3.1")
    expectations.expect(said)
    assert list(expectations.naming("1.2.3", [])) == [said]
    assert list(expectations.naming("1.2.4", ["1.2.4.1"])) == []


def test_a_list_without_series_is_found_by_one_of_its_instances(expectations: Expectations) -> None:
    """Storage commitment names instances alone; one that the node holds brings the whole list."""
    said = listing("1.2.3.1", "1.2.3.2", source=ExpectationSource.COMMITMENT, series="")
    expectations.expect(said)
    assert list(expectations.naming("1.2.3", ["1.2.3.2", "1.2.3.9"])) == [said]
    assert list(expectations.naming("1.2.3", ["1.2.3.9"])) == []


def test_a_list_of_several_series_is_found_by_each(expectations: Expectations) -> None:
    """An availability notification names a whole study."""
    items = (ExpectedInstance("1.2.3.1", WSM, "1.2.3"), ExpectedInstance("1.2.4.1", WSM, "1.2.4"))
    said = Expectation(ExpectationSource.AVAILABILITY, "2.25.7", "PACS", items, NOW)
    expectations.expect(said)
    assert list(expectations.naming("1.2.3", [])) == [said] == list(expectations.naming("1.2.4", []))


def test_the_same_key_again_replaces_the_list(expectations: Expectations) -> None:
    """A workitem's input may be changed; what it no longer names is not awaited."""
    expectations.expect(listing("1.2.3.1", "1.2.3.2"))
    newer = listing("1.2.3.3", seconds=5)
    expectations.expect(newer)
    assert list(expectations.naming("1.2.3", ["1.2.3.1", "1.2.3.2"])) == [newer]
    assert expectations.find(ExpectationSource.WORKITEM, "2.25.1") == newer


def test_another_source_may_use_the_same_key(expectations: Expectations) -> None:
    """Lists come back the oldest first."""
    newer = listing("1.2.3.1", source=ExpectationSource.AVAILABILITY, seconds=5)
    older = listing("1.2.3.1", source=ExpectationSource.COMMITMENT)
    expectations.expect(newer)
    expectations.expect(older)
    assert list(expectations.naming("1.2.3", [])) == [older, newer]


def test_a_withdrawn_list_is_forgotten(expectations: Expectations) -> None:
    """All of it; and withdrawing it again finds nothing."""
    expectations.expect(listing("1.2.3.1"))
    assert expectations.withdraw(ExpectationSource.WORKITEM, "2.25.1")
    assert not expectations.withdraw(ExpectationSource.WORKITEM, "2.25.1")
    assert list(expectations.naming("1.2.3", ["1.2.3.1"])) == []
    assert expectations.find(ExpectationSource.WORKITEM, "2.25.1") is None


def test_an_empty_list_is_kept(expectations: Expectations) -> None:
    """It names nothing, so no slide finds it, but whoever said it can be shown that it was heard."""
    expectations.expect(listing())
    assert expectations.find(ExpectationSource.WORKITEM, "2.25.1") == listing()


def test_a_long_list_and_many_held_instances(expectations: Expectations) -> None:
    """A concatenation may have more parts than a statement of SQL has room for variables."""
    uids = [f"1.2.3.{number}" for number in range(1, 1302)]
    said = listing(*uids, series="")
    expectations.expect(said)
    assert list(expectations.naming("1.2.3", uids)) == [said]


def test_a_count_stands_when_it_was_said_twice(expectations: Expectations) -> None:
    """The number grows while a scanner still sends, so one answer proves nothing."""
    expectations.note_count("1.2.3", "archive", 4, NOW)
    (first,) = expectations.counts("1.2.3")
    assert (first, first.stands) == (SeriesCount("1.2.3", "archive", 4, NOW, NOW), False)
    expectations.note_count("1.2.3", "archive", 5, after(10))
    (grown,) = expectations.counts("1.2.3")
    assert (grown.instances, grown.since, grown.stands) == (5, after(10), False)
    expectations.note_count("1.2.3", "archive", 5, after(20))
    (stable,) = expectations.counts("1.2.3")
    assert (stable.since, stable.confirmed_at, stable.stands) == (after(10), after(20), True)


def test_counts_of_several_archives_are_kept_apart(expectations: Expectations) -> None:
    """By name, in order; those of other series do not show."""
    expectations.note_count("1.2.3", "b", 4, NOW)
    expectations.note_count("1.2.3", "a", 3, NOW)
    expectations.note_count("1.2.4", "a", 9, NOW)
    assert [(count.said_by, count.instances) for count in expectations.counts("1.2.3")] == [("a", 3), ("b", 4)]


def test_threads_that_replace_one_list_leave_one_of_theirs_whole(expectations: Expectations) -> None:
    """A notification that is repeated on two associations at once neither fails nor mixes."""
    offered = [listing(*(f"1.2.3.{number}.{n}" for n in range(1, 20))) for number in range(1, 7)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(expectations.expect, offered))
    (left,) = expectations.naming("1.2.3", [])
    assert left in offered
