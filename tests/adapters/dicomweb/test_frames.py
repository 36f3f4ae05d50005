"""Each frame is found where it lies, by whatever table the file has, and comes out bit by bit."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

from marrowcount.errors import InstanceError
from marrowcount_adapters.dicomweb.frames import find_frames
from marrowcount_adapters.dicomweb.part10 import opened

JPEGS = st.lists(
    st.binary(min_size=0, max_size=60).map(lambda data: b"\xff\xd8" + data.replace(b"\xff", b"") + b"\xff\xd9"),
    min_size=1,
    max_size=6,
).map(lambda frames: [frame + bytes(len(frame) % 2) for frame in frames])


def saved(path: Path, pixels: bytes, count: int, syntax: str = JPEGBaseline8Bit, **changes: object) -> Path:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.3"
    made.SamplesPerPixel, made.Rows, made.Columns, made.BitsAllocated = 3, 4, 5, 8
    made.NumberOfFrames, made.PixelData = count, pixels
    made["PixelData"].is_undefined_length = syntax == JPEGBaseline8Bit
    for keyword, value in changes.items():
        setattr(made, keyword, value)
    made.save_as(path, enforce_file_format=True)
    return path


def read(path: Path) -> list[bytes]:
    with opened(path) as source:
        frames = find_frames(source)
        assert frames is not None
        found = []
        for number in range(1, frames.count + 1):
            pieces = []
            for segment in frames.segments(source.file, number):
                source.file.seek(segment.offset)
                pieces.append(source.file.read(segment.length))
            found.append(b"".join(pieces))
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file, written anew for each example."""
    return tmp_path_factory.mktemp("examples") / "a.dcm"


@settings(max_examples=60)
@given(frames=JPEGS, fragments=st.integers(1, 3), table=st.sampled_from(["basic", "none", "extended"]))
def test_frames_come_out_as_they_went_in(place: Path, frames: list[bytes], fragments: int, table: str) -> None:
    """With a Basic Offset Table, an Extended one or none; in one fragment or several."""
    path = place
    if table == "extended":
        pixels, offsets, lengths = encapsulate_extended(frames)
        saved(path, pixels, len(frames), ExtendedOffsetTable=offsets, ExtendedOffsetTableLengths=lengths)
    else:
        fragments = 1 if min(map(len, frames)) < 2 * fragments else fragments
        saved(path, encapsulate(frames, fragments, has_bot=table == "basic"), len(frames))
    assert read(path) == frames


def test_a_wrong_offset_table_is_passed_over(tmp_path: Path) -> None:
    """Tables are written wrong in practice; the fragments themselves are not."""
    frames = [b"\xff\xd8" + bytes([number]) * 20 for number in range(4)]
    good = encapsulate(frames)
    for wrong in (b"\xff" * 16, bytes(16), good[8:24][::-1], (3).to_bytes(4, "little") * 4):
        assert read(saved(tmp_path / "a.dcm", good[:8] + wrong + good[24:], 4)) == frames


def test_a_table_that_breaks_off_is_refused(tmp_path: Path) -> None:
    """A file that was cut within its Basic Offset Table has no frames, whatever number of bytes is left."""
    whole = saved(tmp_path / "a.dcm", encapsulate([b"ab" * 10] * 4), 4).read_bytes()
    begin = whole.index(b"\xfe\xff\x00\xe0\x10\x00\x00\x00") + 8
    for left in range(16):
        (tmp_path / "a.dcm").write_bytes(whole[: begin + left])
        with pytest.raises(InstanceError):
            read(tmp_path / "a.dcm")


@pytest.mark.parametrize("left", [0, 5, 8, 13])
def test_an_extended_table_of_odd_length_is_passed_over(tmp_path: Path, left: int) -> None:
    """Eight bytes an offset; what is not a whole one is none."""
    frames = [b"\xff\xd8" + bytes([number]) * 20 for number in range(3)]
    pixels, offsets, lengths = encapsulate_extended(frames)
    path = tmp_path / "a.dcm"
    assert (
        read(saved(path, pixels, 3, ExtendedOffsetTable=offsets[:left], ExtendedOffsetTableLengths=lengths)) == frames
    )


def test_native_frames_lie_one_behind_the_other(tmp_path: Path) -> None:
    """Rows x columns x samples x bytes each; what pads the value belongs to none."""
    frames = [bytes([number]) * 60 for number in range(3)]
    assert read(saved(tmp_path / "a.dcm", b"".join(frames), 3, ExplicitVRLittleEndian)) == frames


@pytest.mark.parametrize(
    ("pixels", "count", "syntax"),
    [
        (bytes(100), 2, ExplicitVRLittleEndian),
        (encapsulate([b"ab", b"cd", b"ef"], has_bot=False), 2, JPEGBaseline8Bit),
        (encapsulate([b"ab"], has_bot=False)[:-4], 1, JPEGBaseline8Bit),
    ],
    ids=["too short", "neither a frame a fragment nor known codestreams", "breaks off"],
)
def test_pixel_data_that_are_not_what_the_header_says_are_refused(
    tmp_path: Path, pixels: bytes, count: int, syntax: str
) -> None:
    """Rather than to send the wrong bytes under a frame's number."""
    path = saved(tmp_path / "a.dcm", pixels, count, syntax)
    if syntax == JPEGBaseline8Bit and count == 1:
        path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(InstanceError) as caught:
        read(path)
    assert caught.value.code == "damaged"


def test_a_number_of_frames_that_is_none_counts_as_one(tmp_path: Path) -> None:
    """An integer string has 12 characters at most; one of thousands is no number that anybody would convert."""
    path = saved(tmp_path / "a.dcm", encapsulate([b"\xff\xd8ab"], has_bot=False), 1)
    element = b"\x28\0\x08\0IS"
    content = path.read_bytes()
    at = content.index(element) + len(element)
    path.write_bytes(content[:at] + (5000).to_bytes(2, "little") + b"9" * 5000 + content[at + 4 :])
    assert read(path) == [b"\xff\xd8ab"]


def test_an_instance_without_pixels_has_no_frames(tmp_path: Path) -> None:
    """An annotation, a report."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.91.1", "1.2.3"
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with opened(tmp_path / "a.dcm") as source:
        assert find_frames(source) is None
