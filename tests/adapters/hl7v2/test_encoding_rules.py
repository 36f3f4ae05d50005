"""Delimiters, escapes and segments of HL7 v2, held against an independent parser."""

from __future__ import annotations

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount_adapters.hl7v2.er7 import components, formatted, plain, repetitions, segment, text

DELIMITERS = set("|^~&")
HEADER = "MSH|^~\\&|A||||||ACK|1|P|2.5.1\r"


@given(st.text())
def test_escaped_text_is_one_piece_and_comes_back(value: str) -> None:
    """No delimiter is left in it, and whoever resolves the escapes has what was meant."""
    escaped = text(value)
    assert not DELIMITERS & set(escaped)
    assert escaped.isprintable() or not any(ord(each) < 32 for each in escaped)
    assert text(plain(escaped)) == escaped


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_another_parser_resolves_the_escapes_alike(value: str) -> None:
    """As python-hl7 reads them."""
    message = hl7.parse(f"{HEADER}NTE|1||{text(value)}\r")
    assert message.unescape(str(message.segment("NTE")[3])) == value.strip()


def test_line_breaks_stay_in_formatted_text_only() -> None:
    """Each kind of them; in plain text they are spaces."""
    assert formatted("a\r\nb\nc\x0bd\u2028e") == "a\\.br\\b\\.br\\c\\.br\\d\\.br\\e"
    assert text("a\r\nb") == "a b"


@pytest.mark.parametrize("evil", ["\x00", "\x1b", "\x7f", "\x9f", "\ud800", "\x1c"])
def test_control_characters_become_spaces(evil: str) -> None:
    """None of them may end a segment or a block, and none is unwritable."""
    assert formatted(f"a{evil}b") == text(f"a{evil}b") == "a b"


def test_what_is_empty_at_the_end_is_left_out() -> None:
    """Of components, repetitions and fields; not between others."""
    assert components("a", "", "b", "", "") == "a^^b"
    assert repetitions("", "a", "", "b") == "a~b"
    assert segment("OBX", {1: "1", 3: "x", 9: ""}) == "OBX|1||x"
    assert segment("MSH", {2: "^~\\&", 3: "A"}) == "MSH|^~\\&|A"
