"""MLLP blocks: whatever was framed comes out whole, however it is cut and whatever stands around it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.errors import PeerError
from marrowcount_adapters.mllp.framing import Block, Deframer, Stray, framed

LONGEST = 200
CONTENT = st.binary(max_size=60).map(lambda data: data.translate(None, b"\x0b\x1c"))
GARBAGE = st.binary(max_size=20).map(lambda data: data.translate(None, b"\x0b"))


def fed(data: bytes, cuts: list[int]) -> list[Block | Stray]:
    """What comes out of the data when it arrives in pieces that end at these places."""
    deframer = Deframer(LONGEST)
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(places)]
    return [event for piece in pieces for event in deframer.feed(piece)]


def blocks(events: list[Block | Stray]) -> list[bytes]:
    return [event.content for event in events if isinstance(event, Block)]


@given(st.lists(st.tuples(GARBAGE, CONTENT), max_size=5), st.lists(st.integers(0, 500), max_size=20))
def test_every_block_comes_out_whole(parts: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    """In its order, wherever the stream is cut and whatever garbage stands before a block."""
    stream = b"".join(garbage + framed(content) for garbage, content in parts)
    assert blocks(fed(stream, cuts)) == [content for _, content in parts]


@given(st.lists(CONTENT, max_size=5), st.lists(st.integers(0, 500), max_size=20))
def test_a_forgotten_carriage_return_does_no_harm(contents: list[bytes], cuts: list[int]) -> None:
    """A block ends with its file separator; nobody waits for what may never come."""
    events = fed(b"".join(framed(content).removesuffix(b"\r") for content in contents), cuts)
    assert events == [Block(content) for content in contents]


@given(st.lists(CONTENT, min_size=1, max_size=5))
def test_sound_streams_hold_nothing_strange(contents: list[bytes]) -> None:
    """Carriage returns and line feeds between blocks are not worth a word."""
    assert fed(b"\n".join(map(framed, contents)), []) == [Block(content) for content in contents]


@given(st.binary(max_size=150), st.lists(st.integers(0, 500), max_size=20))
def test_any_bytes_are_taken(data: bytes, cuts: list[int]) -> None:
    """No exception, no loop, and no byte that begins or ends a block inside of one."""
    for content in blocks(fed(data, cuts)):
        assert not {0x0B, 0x1C} & set(content)


def test_a_block_in_which_another_begins_was_cut() -> None:
    """What is left of it is passed over: half a message is none."""
    assert fed(b"\x0bMSH|half\x0bMSH|whole\x1c\r", []) == [Stray(8), Block(b"MSH|whole")]
    assert fed(b"\x0bMSH|half\x0bMSH|whole\x1c\r", [4, 9, 11]) == [Stray(8), Block(b"MSH|whole")]


def test_an_endless_block_is_given_up() -> None:
    """Before it fills the memory."""
    deframer = Deframer(LONGEST)
    deframer.feed(b"\x0b" + bytes(LONGEST))
    with pytest.raises(PeerError, match="answer-too-long"):
        deframer.feed(b"x")


def test_garbage_is_told_by_its_size() -> None:
    """Not by what it says."""
    assert fed(b"HTTP/1.1 400\r\n", []) == [Stray(12)]


@pytest.mark.parametrize("message", [b"a\x0bb", b"a\x1cb"])
def test_what_would_break_a_block_is_not_framed(message: bytes) -> None:
    """It would arrive as something else."""
    with pytest.raises(ValueError, match="neither"):
        framed(message)
