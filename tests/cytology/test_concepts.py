"""Codes of what is said about a count."""

from __future__ import annotations

import pytest

from marrowcount.cytology import concepts
from marrowcount.cytology.cell_types import CODES, LOCAL_SCHEME, Code
from marrowcount.cytology.convergence import StoppingReason

ALL_CODES = [
    *(value for value in vars(concepts).values() if isinstance(value, Code)),
    *concepts.STOPPING_REASONS.values(),
    *(codes.local for codes in CODES.values()),
]


@pytest.mark.parametrize("code", ALL_CODES, ids=lambda code: code.value)
def test_codes_fit_dicom(code: Code) -> None:
    """A code value is at most 16 characters (VR SH), its meaning at most 64 (VR LO)."""
    assert 0 < len(code.value) <= 16
    assert 0 < len(code.meaning) <= 64


def test_local_codes_are_told_apart() -> None:
    """No two local codes of different meaning share a value."""
    local = [code for code in ALL_CODES if code.scheme == LOCAL_SCHEME]
    assert len({code.value for code in local}) == len(local)


def test_every_stopping_reason_has_a_code() -> None:
    """A count can end in no way that cannot be coded."""
    assert set(concepts.STOPPING_REASONS) == set(StoppingReason)


@pytest.mark.parametrize("code", [code for code in ALL_CODES if code.scheme == "LN"], ids=lambda code: code.value)
def test_loinc_check_digits(code: Code) -> None:
    """Every LOINC number passes its mod-10 check digit."""
    number, check = code.value.split("-")
    doubled = int("".join(reversed(number))[::2]) * 2
    others = "".join(reversed(number))[1::2]
    total = sum(int(digit) for digit in f"{doubled}{others}")
    assert (10 - total % 10) % 10 == int(check)
