"""The content of an answer, however the network cuts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.errors import PeerError
from marrowcount_adapters.dicomweb_client.related import SinglePart, boundary_of

HEAD, TAIL = b"--b1\r\nContent-Type: application/dicom\r\n\r\n", b"\r\n--b1--"


def fed(message: bytes, cuts: list[int]) -> bytes:
    part, content = SinglePart(b"b1"), b""
    ends = [*sorted(cut % (len(message) + 1) for cut in cuts), len(message)]
    for begin, end in zip([0, *ends], ends, strict=False):
        content += part.feed(message[begin:end])
    part.close()
    return content


@given(
    content=st.lists(st.sampled_from([b"\r\n", b"--", b"--b", b"\r\n--b", b"\r", b"1", b"DICM", b"\0"])).map(b"".join),
    before=st.sampled_from([b"", b"\r\n", b"a preamble\r\n"]),
    behind=st.sampled_from([b"", b"\r\n", b"\r\nan epilogue"]),
    cuts=st.lists(st.integers(min_value=0, max_value=10_000)),
)
def test_any_cut_gives_the_same_content(content: bytes, before: bytes, behind: bytes, cuts: list[int]) -> None:
    """What looks like the beginning of a boundary and is none belongs to the content."""
    if b"\r\n--b1" not in b"\r\n" + content:
        assert fed(before + HEAD + content + TAIL + behind, cuts) == content


@given(end=st.integers(min_value=0, max_value=len(HEAD) + len(TAIL) + 6))
def test_a_message_that_breaks_off_is_no_message(end: int) -> None:
    """Wherever it does; a whole instance may have come, but nobody can know."""
    with pytest.raises(PeerError, match="broken-off"):
        fed((HEAD + b"content" + TAIL)[:end], [])


def test_a_second_part_is_refused() -> None:
    """One instance was asked for."""
    with pytest.raises(PeerError, match="bad-answer"):
        fed(HEAD + b"one\r\n" + HEAD + b"two" + TAIL, [])


def test_endless_headers_are_refused() -> None:
    """Nothing is collected without end."""
    part = SinglePart(b"b1")
    part.feed(b"x" * 60_000)
    with pytest.raises(PeerError, match="bad-answer"):
        part.feed(b"x" * 60_000)


def test_memory_stays_small() -> None:
    """Of gigabytes only what may be the beginning of a boundary is kept."""
    part = SinglePart(b"b1")
    part.feed(HEAD)
    for _ in range(100):
        part.feed(b"\r\n--" * 1000)
    assert len(part._held) < 10


@pytest.mark.parametrize(
    ("kind", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary="a b"', b"a b"),
        ("Multipart/Related;boundary=xyz;type=application/dicom", b"xyz"),
        ("application/dicom", b""),
        ("", b""),
    ],
)
def test_the_boundary_stands_in_the_media_type(kind: str, boundary: bytes) -> None:
    """Quoted or not; an answer that is no multipart has none."""
    assert boundary_of(kind) == boundary


def test_a_multipart_answer_without_boundary_is_none() -> None:
    """It could not be read."""
    with pytest.raises(PeerError, match="bad-answer"):
        boundary_of("multipart/related; type=application/dicom")
