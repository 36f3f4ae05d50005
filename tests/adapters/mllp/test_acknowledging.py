"""Acknowledgements as they come, and what may be told of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount_adapters.mllp.acknowledging import Acknowledgement, message_number, read_acknowledgement

HEADER = "MSH|^~\\&|EHR|HOSP|MARROWCOUNT||20261001||ACK^R01^ACK|77|P|2.5.1"


def read(*lines: str, end: str = "\r") -> Acknowledgement | None:
    return read_acknowledgement(end.join(lines).encode())


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_an_acknowledgement_names_its_message(end: str) -> None:
    """Whichever line ends the receiver uses."""
    found = read(HEADER, "MSA|AA|QUAZK4K3", "", end=end)
    assert found is not None
    assert (found.code, found.message_number, found.reasons) == ("AA", "QUAZK4K3", ())


def test_codes_and_places_of_faults_are_told() -> None:
    """ERR-3 and ERR-2 of 2.5; never the words, which are kept whole beside them."""
    found = read(HEADER, "MSA|AE|1|DOE^JANE is unknown", "ERR||PID^1^3|204^Unknown key^HL70357|E||||DOE^JANE")
    assert found is not None
    assert found.reasons == ("204", "PID-1-3")
    assert "DOE" in found.text


def test_words_in_the_place_of_codes_are_not_told() -> None:
    """Some receivers put anything anywhere."""
    found = read(HEADER, "MSA|AE|1", "ERR|PID^1^3|Jane Doe|unknown patient Jane Doe")
    assert found is not None
    assert found.reasons == ()


def test_other_delimiters_are_followed() -> None:
    """MSH-1 and MSH-2 name them."""
    found = read("MSH#*~\\&#EHR", "MSA#AR#1", "ERR##PID*1*3#204*Unknown")
    assert found is not None
    assert (found.code, found.reasons) == ("AR", ("204", "PID-1-3"))


@pytest.mark.parametrize("block", [b"", b"MSH", b"MSH|^~\\&|A\r", b"hello", b"MSA|AA|1"])
def test_what_is_no_acknowledgement_is_none(block: bytes) -> None:
    """A message without MSA, or no message."""
    assert read_acknowledgement(block) is None


@given(st.binary(max_size=100))
def test_any_block_can_be_looked_at(block: bytes) -> None:
    """Nothing that comes from outside raises, and what is told is fit for a log."""
    for found in (read_acknowledgement(block), read_acknowledgement(HEADER.encode() + b"\rMSA|AE|1\rERR|" + block)):
        if found is not None:
            assert all(len(reason) <= 20 and reason.isascii() and reason.isprintable() for reason in found.reasons)


def test_a_message_has_its_number() -> None:
    """MSH-10."""
    assert message_number(HEADER.encode() + b"\rPID|1") == "77"
    assert message_number(b"nonsense") == message_number(b"MSH|^~\\&|A") == ""
