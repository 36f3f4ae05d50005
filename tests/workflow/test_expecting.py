"""Taking in what somebody says belongs to a slide."""

from __future__ import annotations

import pytest

from marrowcount.slides.expectations import Expectation, ExpectationSource, ExpectedInstance
from marrowcount.testing import HeldClock, InMemoryExpectations
from marrowcount.workflow.expecting import expect, notified, withdraw

NOW = HeldClock().now()
SOUND = ExpectedInstance("1.2.3.1", "1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.3")


@pytest.mark.parametrize("uid", ["", "not-a-uid", "1", "1..2", "1.2\n", "1." + "2" * 63, "../etc/passwd"])
def test_identifiers_that_are_none_are_left_out(uid: str) -> None:
    """No such instance can ever come, so no slide waits for it."""
    expectations = InMemoryExpectations()
    said = (SOUND, ExpectedInstance(uid, "", "1.2.3"))
    expect(expectations, Expectation(ExpectationSource.WORKITEM, "2.25.1", "SCHEDULER", said, NOW))
    (heard,) = expectations.naming("1.2.3", [])
    assert heard.instances == (SOUND,)


def test_series_and_class_may_be_unsaid_but_not_unsound() -> None:
    """Storage commitment says no series; one that is no UID is a fault of the sender's."""
    expectations = InMemoryExpectations()
    unsaid = ExpectedInstance("1.2.3.1")
    said = (unsaid, ExpectedInstance("1.2.3.2", "", "x"), ExpectedInstance("1.2.3.3", "x", ""))
    expect(expectations, Expectation(ExpectationSource.COMMITMENT, "2.25.1", "SCANNER", said, NOW))
    heard = expectations.find(ExpectationSource.COMMITMENT, "2.25.1")
    assert heard is not None
    assert heard.instances == (unsaid,)


def test_a_notification_is_heard_once() -> None:
    """The same again is a repetition; another one under its UID, or from somebody else, is told so."""
    expectations = InMemoryExpectations()
    assert notified(expectations, "2.25.7", "PACS", (SOUND,), NOW)
    assert notified(expectations, "2.25.7", "PACS", (SOUND,), NOW)
    assert not notified(expectations, "2.25.7", "PACS", (), NOW)
    assert not notified(expectations, "2.25.7", "OTHER", (SOUND,), NOW)


def test_withdrawing_says_whether_there_was_anything() -> None:
    """Once."""
    expectations = InMemoryExpectations()
    notified(expectations, "2.25.7", "PACS", (SOUND,), NOW)
    assert withdraw(expectations, ExpectationSource.AVAILABILITY, "2.25.7", NOW)
    assert not withdraw(expectations, ExpectationSource.AVAILABILITY, "2.25.7", NOW)
