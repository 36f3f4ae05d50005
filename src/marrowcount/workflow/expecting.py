"""Taking in what somebody says belongs to a slide."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.slides.expectations import Expectation, ExpectationSource

if TYPE_CHECKING:
    from datetime import datetime

    from marrowcount.ports import Expectations
    from marrowcount.slides.expectations import ExpectedInstance

__all__ = ["expect", "notified", "withdraw"]

LOG: Final = structlog.get_logger()

UID_FORM: Final = re.compile(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)+")
"""PS3.5 section 9.1. An instance of another name is refused when it comes, so nobody need wait for it."""


def expect(expectations: Expectations, expectation: Expectation) -> None:
    """Remember a list of instances; what is no UID in it is left out.

    Call it before the sender is answered, so that what it was told is remembered when it hears so.

    Raises:
        StorageError: the database failed; nothing was remembered.
    """
    sound = _sound(expectation)
    expectations.expect(replace(expectation, instances=sound))
    LOG.info(
        "slide.expected",
        source=expectation.source.value,
        key=expectation.key,
        said_by=expectation.said_by,
        instances=len(sound),
        left_out=len(expectation.instances) - len(sound),
    )


def notified(
    expectations: Expectations, key: str, said_by: str, available: tuple[ExpectedInstance, ...], at: datetime
) -> bool:
    """Remember what a notification says is available; False where another one with this key was heard before.

    The same one again is a repetition, and does no harm.

    Raises:
        StorageError: the database failed; nothing was remembered.
    """
    said = Expectation(ExpectationSource.AVAILABILITY, key, said_by, available, at)
    before = expectations.find(ExpectationSource.AVAILABILITY, key)
    if before is not None:
        return (before.said_by, before.instances) == (said.said_by, _sound(said))
    expect(expectations, said)
    return True


def withdraw(expectations: Expectations, source: ExpectationSource, key: str, at: datetime) -> bool:
    """Forget a list that no longer holds; False where there is none.

    Raises:
        StorageError: the database failed; nothing was forgotten.
    """
    withdrawn = expectations.withdraw(source, key)
    if withdrawn:
        LOG.info("slide.expectation_withdrawn", source=source.value, key=key, at=at.isoformat())
    return withdrawn


def _sound(expectation: Expectation) -> tuple[ExpectedInstance, ...]:
    return tuple(item for item in expectation.instances if _is_sound(item))


def _is_sound(item: ExpectedInstance) -> bool:
    may_be_empty = (item.sop_class_uid, item.series_uid)
    return bool(UID_FORM.fullmatch(item.sop_instance_uid)) and all(
        not uid or UID_FORM.fullmatch(uid) for uid in may_be_empty
    )
