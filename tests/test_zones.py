"""Offsets from UTC as DICOM writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.zones import zone_of_offset


@given(st.integers(-23 * 60 - 59, 23 * 60 + 59))
def test_what_python_writes_is_read(minutes: int) -> None:
    """Whole minutes, either way from UTC."""
    zone = timezone(timedelta(minutes=minutes))
    assert zone_of_offset(datetime(2026, 1, 1, tzinfo=zone).strftime("%z")) == zone


@pytest.mark.parametrize("text", [None, "", "Z", "+1", "0100", "+01:00", "+2400", "+0160", "+01000", "UTC"])
def test_anything_else_names_no_zone(text: object) -> None:
    """Whatever a scanner wrote there."""
    assert zone_of_offset(text) is None


def test_padding_is_passed_over() -> None:
    """Values are padded to an even length; nothing from UTC is UTC."""
    assert zone_of_offset(" +0000 ") == UTC
