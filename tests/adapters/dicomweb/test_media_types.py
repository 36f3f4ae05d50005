"""Accept and Content-Type are read as HTTP and PS3.18 write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.errors import InstanceError
from marrowcount_adapters.dicomweb.media_types import MediaRange, accepted_ranges, media_type
from marrowcount_adapters.dicomweb.negotiation import dicom_representation, frames_representation

AS_HELD = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = 'multipart/related; type="application/octet-stream"'
JPEG, EXPLICIT, J2K = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90"


@pytest.mark.parametrize(
    "text",
    [
        'multipart/related; type="application/dicom"; boundary=b',
        "Multipart/Related;TYPE=application/dicom;Boundary=b",
        'multipart/related; boundary="b"; type="application/dicom"; start="<1>"',
    ],
)
def test_content_types_are_read_in_every_spelling(text: str) -> None:
    """With quotes and without, in any case and order."""
    kind = media_type(text)
    assert kind is not None
    assert kind.essence == "multipart/related"
    assert (kind.parameters["type"], kind.parameters["boundary"]) == ("application/dicom", "b")


@pytest.mark.parametrize("text", ["", "multipart", "a/b; c", "a/b, c/d", "a/b; c=", 'a/b; c="open'])
def test_what_is_no_content_type_is_none(text: str) -> None:
    assert media_type(text) is None


def test_ranges_are_sorted_by_quality() -> None:
    """The most welcome first, equals in their order."""
    ranges = accepted_ranges('a/b;q=0.5, multipart/related; type="image/jpeg"; transfer-syntax=*, c/*;q=0.9, d/e;q=0')
    assert ranges == [
        MediaRange(multipart=True, essence="image/jpeg", transfer_syntax="*"),
        MediaRange(multipart=False, essence="c/*", quality=0.9),
        MediaRange(multipart=False, essence="a/b", quality=0.5),
        MediaRange(multipart=False, essence="d/e", quality=0.0),
    ]


def test_no_accept_takes_anything() -> None:
    """RFC 9110 section 12.5.1."""
    assert accepted_ranges("")[0].covers("image/png")


@pytest.mark.parametrize("text", ["a", "a/b;q=2", "a/b;q=x", "a/b c/d", "x" * 5000])
def test_what_is_no_accept_is_refused(text: str) -> None:
    with pytest.raises(InstanceError) as caught:
        accepted_ranges(text)
    assert caught.value.code == "bad-accept"


@given(st.text(max_size=80))
def test_no_text_breaks_the_readers(text: str) -> None:
    """They read or refuse."""
    media_type(text)
    try:
        accepted_ranges(text)
    except InstanceError as error:
        assert error.code == "bad-accept"  # noqa: PT017 - any other is the failure


@pytest.mark.parametrize(
    ("accept", "held", "multiparts"),
    [
        ('multipart/related; type="application/dicom"', EXPLICIT, True),
        ('multipart/related; type="application/dicom"', JPEG, None),
        (AS_HELD, JPEG, True),
        (f'multipart/related; type="application/dicom"; transfer-syntax={JPEG}', JPEG, True),
        (f'multipart/related; type="application/dicom"; transfer-syntax={J2K}', JPEG, None),
        ("application/dicom; transfer-syntax=*", JPEG, False),
        ("application/dicom", JPEG, None),
        ("*/*", JPEG, True),
        ("", JPEG, True),
        ("image/jpeg", JPEG, None),
        (f"application/dicom;transfer-syntax={J2K}, {AS_HELD};q=0.1", JPEG, True),
    ],
)  # fmt: skip
def test_instances_are_sent_as_they_are_held_or_not_at_all(accept: str, held: str, multiparts: bool | None) -> None:  # noqa: FBT001 - a column
    """Without a transfer syntax application/dicom means Explicit VR Little Endian (PS3.18 section 8.7.3)."""
    found = dicom_representation(accepted_ranges(accept), held)
    assert (None if found is None else found.multipart) is multiparts


@pytest.mark.parametrize(
    ("accept", "held", "count", "expected"),
    [
        ('multipart/related; type="image/jpeg"', JPEG, 2, (True, "image/jpeg")),
        (f'multipart/related; type="image/jpeg"; transfer-syntax={JPEG}', JPEG, 2, (True, "image/jpeg")),
        ('multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.70', JPEG, 1, None),
        ('multipart/related; type="image/jp2"', JPEG, 1, None),
        ("image/jpeg", JPEG, 1, (False, "image/jpeg")),
        ("image/jpeg", JPEG, 2, None),
        (OCTETS, JPEG, 1, None),
        (f"{OCTETS}; transfer-syntax=*", JPEG, 1, (True, "application/octet-stream")),
        (OCTETS, EXPLICIT, 1, (True, "application/octet-stream")),
        ("application/octet-stream", EXPLICIT, 1, (False, "application/octet-stream")),
        ("*/*", J2K, 1, (True, "image/jp2")),
        ('multipart/related; type="*/*"', J2K, 3, (True, "image/jp2")),
        ("image/*", J2K, 1, (False, "image/jp2")),
    ],
)  # fmt: skip
def test_frames_are_sent_as_they_are_held_or_not_at_all(
    accept: str, held: str, count: int, expected: tuple[bool, str] | None
) -> None:
    """Octets without a transfer syntax are uncompressed pixels; a codec's type takes what is held of it."""
    found = frames_representation(accepted_ranges(accept), held, encapsulated=held != EXPLICIT, count=count)
    assert (None if found is None else (found.multipart, found.media_type)) == expected
