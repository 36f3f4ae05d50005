"""Multipart messages are read alike however they are cut, and what is none is refused."""

from __future__ import annotations

import email.message
import email.parser
import email.policy
import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.errors import InstanceError
from marrowcount_adapters.dicomweb.multipart import MultipartReader, PartBegins, PartData, PartEnds

BOUNDARY = "gc0pJq0M:08jU534c0p"
Parts = list[tuple[dict[str, str], bytes, bool]]


def read(message: bytes, cuts: list[int] | None = None, boundary: str = BOUNDARY) -> Parts:
    """Parts with their fields, bytes, and whether they ended."""
    reader, parts = MultipartReader(boundary), Parts()
    places = sorted({0, len(message), *(cut % (len(message) + 1) for cut in cuts or [])})
    for begin, end in itertools.pairwise(places):
        for event in reader.feed(message[begin:end]):
            match event:
                case PartBegins(fields):
                    parts.append((dict(fields), b"", False))
                case PartData(data):
                    parts[-1] = (parts[-1][0], parts[-1][1] + bytes(data), False)
                case PartEnds():
                    parts[-1] = (*parts[-1][:2], True)
    reader.close()
    return parts


def written(parts: list[bytes], preamble: bytes = b"", padding: bytes = b"", epilogue: bytes = b"") -> bytes:
    line = b"--" + BOUNDARY.encode()
    body = b"".join(line + padding + b"\r\nContent-Type: application/dicom\r\n\r\n" + part + b"\r\n" for part in parts)
    return preamble + body + line + b"--" + epilogue


NASTY = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"\r", b"\n", b"\r\n", b"--", b"\r\n--", b"\r\n--gc0pJq0M", BOUNDARY.encode(), b"\r\n\r\n"]),
    ),
    max_size=12,
).map(b"".join)
HARMLESS = NASTY.filter(lambda data: BOUNDARY.encode() not in data)


@given(
    st.lists(HARMLESS, min_size=1, max_size=4),
    st.lists(st.integers(0, 10_000), max_size=12),
    st.sampled_from([b"", b"to be ignored\r\n"]),
    st.sampled_from([b"", b" ", b"\t  "]),
    st.sampled_from([b"", b"\r\n", b"\r\n--" + BOUNDARY.encode() + b"\r\nno part"]),
)
def test_parts_come_out_as_they_went_in(
    parts: list[bytes], cuts: list[int], preamble: bytes, padding: bytes, epilogue: bytes
) -> None:
    """Wherever the bytes are cut, the parts are those that were sent, each of them whole."""
    found = read(written(parts, preamble, padding, epilogue), cuts)
    assert found == [({"content-type": "application/dicom"}, part, True) for part in parts]


@given(st.binary(max_size=300).map(lambda data: written([data])), st.data())
def test_every_cut_gives_the_same(message: bytes, data: st.DataObject) -> None:
    """One byte at a time or all at once."""
    assert read(message, list(range(len(message)))) == read(message, [data.draw(st.integers(0, len(message)))])


@given(st.lists(HARMLESS, min_size=1, max_size=3))
def test_the_standard_library_reads_the_same(parts: list[bytes]) -> None:
    """The e-mail parser of Python, which knows RFC 2046, too, finds as many parts with the same types."""
    head = f'Content-Type: multipart/related; boundary="{BOUNDARY}"\r\n\r\n'.encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + written(parts))
    theirs = [part.get_content_type() for part in message.iter_parts()]  # type: ignore[attr-defined] # an EmailMessage
    assert [fields["content-type"] for fields, _, _ in read(written(parts))] == theirs


@given(st.integers(0, 200))
def test_a_message_that_breaks_off_says_so(length: int) -> None:
    """Without its final boundary a message is not whole, and its last part never ends."""
    whole = written([b"x" * 60, b"y" * 60])
    cut = whole[: min(length, len(whole) - 2)]
    with pytest.raises(InstanceError, match="breaks off"):
        read(cut)


@pytest.mark.parametrize(
    "message",
    [
        b"--B\r\n\r\ndata\r\n--B--",
        b"--B\r\n\r\ndata\r\n--B \t--\r\n--B--",
        b"--B\r\n\r\ndata\r\n--B-x\r\n--B--",
        b"--B\r\n\r\ndata\r\n--Bx\r\n--B--",
    ],
    ids=["no fields", "white space before the hyphens", "one hyphen", "a longer line"],
)
def test_a_line_that_only_begins_like_the_boundary_is_data(message: bytes) -> None:
    """Only two hyphens or a line end make it a boundary."""
    ((_, data, ended),) = read(message, boundary="B")
    assert ended
    assert data == message[len(b"--B\r\n\r\n") : -len(b"\r\n--B--")]


def test_parts_may_be_empty() -> None:
    """With an empty body, or with none at all, with fields or without."""
    message = b"--B\r\nA: 1\r\n\r\n\r\n--B\r\nA: 2\r\n\r\n--B\r\n\r\n\r\n--B\r\n\r\n--B--"
    fields = [({"a": "1"}, b"", True), ({"a": "2"}, b"", True), ({}, b"", True), ({}, b"", True)]
    assert read(message, boundary="B") == fields
    assert read(message, list(range(len(message))), boundary="B") == fields


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"--B\r\nno field\r\n\r\n", "no field"),
        (b"--B\r\nA : 1\r\n\r\n", "no field"),
        (b"--B\r\nA: 1\r\n folded\r\n\r\n", "no field"),
        (b"--B\r\n" + b"".join(b"F%d: 1\r\n" % number for number in range(40)) + b"\r\n", "too many lines"),
        (b"--B\r\nA: " + b"x" * 20_000, "too long"),
        (b"x" * 70_000, "No boundary"),
    ],
)
def test_what_is_no_message_is_refused(message: bytes, said: str) -> None:
    """Before it can fill the memory."""
    with pytest.raises(InstanceError, match=said) as caught:
        read(message, list(range(0, len(message), 1000)), boundary="B")
    assert caught.value.code == "bad-multipart"


@pytest.mark.parametrize("boundary", ["", "x" * 71, "ends in space ", "umläut", "line\nend", 'quo"te'])
def test_a_boundary_has_its_form(boundary: str) -> None:
    """RFC 2046 section 5.1.1 says which characters, and how many."""
    with pytest.raises(InstanceError, match="boundary"):
        MultipartReader(boundary)


def test_memory_does_not_grow_with_the_part() -> None:
    """64 MB in pieces of 256 KB hold a few pieces at a time."""
    piece = bytes(range(256)) * 1024
    reader = MultipartReader("B")
    for _ in reader.feed(b"--B\r\n\r\n"):
        pass
    tracemalloc.start()
    try:
        passed = sum(len(event.data) for _ in range(256) for event in reader.feed(piece) if isinstance(event, PartData))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert passed > 255 * len(piece)
    assert peak < 4 * len(piece)
