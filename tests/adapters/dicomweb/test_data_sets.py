"""Elements, JSON and bulk data of a file are those that pydicom reads, and nothing that is no DICOM gets further."""

from __future__ import annotations

import io
import itertools
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from marrowcount.errors import InstanceError
from marrowcount_adapters.dicomweb.bulk import all_bulk, find_element
from marrowcount_adapters.dicomweb.data_set import MAX_DEPTH, Kind, walk
from marrowcount_adapters.dicomweb.dicom_json import json_object
from marrowcount_adapters.dicomweb.json_values import character_set
from marrowcount_adapters.dicomweb.part10 import opened

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]
LETTERS = st.text(st.characters(codec="latin-1", categories=["L", "N"]), min_size=1, max_size=12)


def _told(item: dict[str, Any]) -> dict[str, Any]:
    """With what says whether its pixel values are signed: where an item leaves it out, pydicom forgets whose it is."""
    return item | {"PixelRepresentation": 1} if "SmallestImagePixelValue" in item else item


ELEMENTS = st.fixed_dictionaries(
    {},
    optional={
        "PatientName": LETTERS.map(lambda text: f"{text}^{text}=Ideo^Graphic"),
        "PatientID": LETTERS,
        "OtherPatientIDs": st.lists(LETTERS, min_size=2, max_size=3),
        "StudyDate": st.dates().map(lambda date: f"{date:%Y%m%d}".rjust(8, "0")),
        "PatientWeight": st.floats(-1e6, 1e6).map(lambda number: f"{number:.3f}"),
        "SeriesNumber": st.integers(-(2**31), 2**31 - 1),
        "Rows": st.integers(0, 65535),
        "PixelRepresentation": st.just(1),
        "SmallestImagePixelValue": st.integers(0, 32767),
        "TotalPixelMatrixColumns": st.integers(0, 2**32 - 1),
        "ImagedVolumeWidth": st.floats(width=32, allow_nan=False, allow_infinity=False),
        "FrameIncrementPointer": st.just(0x00540010),
        "TextValue": LETTERS,
        "PointCoordinatesData": st.lists(st.floats(width=32), max_size=8).map(lambda v: np.array(v, "<f4").tobytes()),
        "ICCProfile": st.binary(max_size=900).map(lambda data: data + bytes(len(data) % 2)),
        "RetrieveURL": st.just("http://example.org/studies/1?a=b"),
    },
)
TREES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    ELEMENTS,
    lambda inner: st.builds(
        lambda own, items: own | {"ContentSequence": [_told(item) for item in items]},
        ELEMENTS,
        st.lists(inner, max_size=3),
    ),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file, written anew for each example."""
    return tmp_path_factory.mktemp("examples") / "a.dcm"


def data_set(tree: dict[str, Any], *, undefined: bool) -> Dataset:
    made = Dataset()
    for keyword, value in tree.items():
        if keyword == "ContentSequence":
            made.ContentSequence = [data_set(item, undefined=undefined) for item in value]
            made["ContentSequence"].is_undefined_length = undefined
            for item in made.ContentSequence:
                item.is_undefined_length_sequence_item = undefined
        else:
            setattr(made, keyword, value)
    return made


def saved(made: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.3"
    made.save_as(path, enforce_file_format=True)
    return path


def as_json(path: Path) -> dict[str, Any]:
    with opened(path) as source:
        found: dict[str, Any] = json.loads("".join(json_object(source, "BULK")))
        return found


def plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """What both writers agree on: an empty value is left out, our text is always UTF-8."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k != "00080005" and not (k == "Value" and v in ([], [None]))}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


@settings(max_examples=30)
@given(tree=TREES, syntax=st.sampled_from(SYNTAXES), undefined=st.booleans())
def test_the_json_is_that_of_pydicom(place: Path, tree: dict[str, Any], syntax: str, *, undefined: bool) -> None:
    """Whatever stands in a data set, however deep, in every encoding."""
    made = data_set(tree, undefined=undefined)
    made.SpecificCharacterSet = "ISO_IR 100"
    path = saved(made, place, syntax)
    assert plain(as_json(path)) == plain(dcmread(path).to_json_dict(bulk_data_threshold=10_000))


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        (["ISO_IR 192"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["GB18030"], "Wang^XiaoDong=王^小东"),
        (["ISO_IR 144"], "Люкceмбypг"),  # noqa: RUF001 - as PS3.3 has it
    ],
)
def test_text_is_decoded_by_its_character_set(tmp_path: Path, character_set: list[str], name: str) -> None:
    """And given in UTF-8, which the answer says of itself."""
    made = Dataset()
    made.SpecificCharacterSet, made.PatientName, made.StudyDescription = character_set, name, name
    found = as_json(saved(made, tmp_path / "a.dcm"))
    assert "=".join(found["00100010"]["Value"][0].values()) == name
    assert found["00081030"]["Value"] == [name]
    assert found["00080005"]["Value"] == ["ISO_IR 192"]


def test_text_of_another_encoding_than_it_says_is_still_given(tmp_path: Path) -> None:
    """With marks in place of what cannot be read."""
    made = Dataset()
    made.SpecificCharacterSet, made.PatientName, made.PatientID = "ISO_IR 100", "Müller", "P1"
    path = saved(made, tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", b"ISO_IR 192"))
    found = as_json(path)
    assert found["00100010"]["Value"] == [{"Alphabetic": "M\ufffdller"}]
    assert found["00100020"]["Value"] == ["P1"]


def test_a_backslash_within_a_character_parts_nothing(tmp_path: Path) -> None:
    """The second byte of a character of GB18030 may be that of a backslash."""
    made = Dataset()
    made.SpecificCharacterSet, made.PatientName = "GB18030", "X^乗"  # 0x81 0x5C
    assert as_json(saved(made, tmp_path / "a.dcm"))["00100010"]["Value"] == [{"Alphabetic": "X^乗"}]


@pytest.mark.parametrize(
    ("vr", "raw", "expected"),
    [
        ("IS", b"12.5x ", ["12.5x"]),
        ("DS", b"1e400 ", ["1e400"]),
        ("DS", b"1\\\\ 2.50", [1, None, 2.5]),
        ("FD", np.array([1.0, np.inf, np.nan], "<f8").tobytes(), [1.0, None, None]),
        ("US", b"\1\0\2", [1]),
        ("DA", b"yesterday ", ["yesterday"]),
    ],
)
def test_odd_values_do_not_spoil_the_rest(tmp_path: Path, vr: str, raw: bytes, expected: list[object]) -> None:
    """They are given as they are where JSON can hold them, else left empty."""
    header = b"\x40\0\x30\xa0" + vr.encode() + len(raw).to_bytes(2, "little")
    path = saved(Dataset(), tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes() + header + raw)
    assert as_json(path)["0040A030"] == {"vr": vr, "Value": expected}


def test_large_values_have_uris_that_find_them(tmp_path: Path) -> None:
    """Also within sequences: annotations keep their coordinates there."""
    made, groups = Dataset(), []
    for number in range(3):
        group = Dataset()
        group.PointCoordinatesData = np.arange(1000 * number, 1000 * number + 600, dtype="<f4").tobytes()
        groups.append(group)
    made.AnnotationGroupSequence = groups
    path = saved(made, tmp_path / "a.dcm")
    items = as_json(path)["006A0002"]["Value"]
    assert items[1]["00660016"] == {"vr": "OF", "BulkDataURI": "BULK/006A0002/2/00660016"}
    with opened(path) as source:
        assert [place for place, _ in all_bulk(source)] == [f"006A0002/{number}/00660016" for number in (1, 2, 3)]
        step = find_element(source, "006a0002/2/00660016")
        assert step is not None
        assert source.value(step) == groups[1].PointCoordinatesData
        assert find_element(source, "006A0002/4/00660016") is None


@pytest.mark.parametrize("path", ["", "PatientName", "00100010/0/00100010", "00100010/", "../00100010", "0010001"])
def test_other_paths_are_refused(tmp_path: Path, path: str) -> None:
    with opened(saved(Dataset(), tmp_path / "a.dcm")) as source, pytest.raises(InstanceError, match="bulk data path"):
        find_element(source, path)


@given(st.binary(max_size=400), st.booleans())
def test_bytes_of_any_kind_are_read_or_refused(data: bytes, implicit: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """Each step goes on, none leads outside."""
    at = 0
    try:
        for step in walk(io.BytesIO(data), 0, len(data), implicit=implicit):
            assert at <= step.offset <= len(data)
            at = step.offset
    except InstanceError as error:
        assert error.code == "not-dicom"  # noqa: PT017 - any other is the failure


@given(st.data())
def test_a_damaged_file_is_read_or_refused(place: Path, data: st.DataObject) -> None:
    """Bytes changed anywhere, or cut off."""
    made = data_set({"PatientID": "X", "ContentSequence": [{"Rows": 1}, {"ContentSequence": [{}]}]}, undefined=True)
    path = saved(made, place)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(132, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        as_json(path)
    except InstanceError as error:
        assert error.code in {"not-dicom", "unsupported-syntax"}  # noqa: PT017 - any other is the failure


def test_a_bomb_of_sequences_is_refused() -> None:
    """A million sequences within each other cost nothing but a refusal."""
    bomb = (b"\x40\0\x30\xa7SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * 1_000_000
    steps = walk(io.BytesIO(bomb), 0, len(bomb), implicit=False)
    assert len(list(itertools.islice(steps, MAX_DEPTH))) == MAX_DEPTH
    with pytest.raises(InstanceError, match="nests deeper"):
        next(steps)


def test_a_bomb_of_zeros_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deflated data set is inflated to a limit."""
    monkeypatch.setattr("marrowcount_adapters.dicomweb.part10.MAX_INFLATED_BYTES", 1 << 20)
    made = Dataset()
    made.TextValue = "0" * (2 << 20)
    path = saved(made, tmp_path / "a.dcm", DeflatedExplicitVRLittleEndian)
    with pytest.raises(InstanceError) as caught, opened(path):
        pass
    assert caught.value.code == "too-large"


def test_metadata_of_many_items_take_little_memory(tmp_path: Path) -> None:
    """The per-frame functional groups of a sparse level may be hundreds of thousands."""
    made, frame = Dataset(), Dataset()
    position = Dataset()
    position.ColumnPositionInTotalImagePixelMatrix = position.RowPositionInTotalImagePixelMatrix = 1
    frame.PlanePositionSlideSequence = [position]
    made.PerFrameFunctionalGroupsSequence = [frame] * 800
    path = saved(made, tmp_path / "a.dcm")
    tracemalloc.start()
    try:
        with opened(path) as source:
            size = sum(len(piece) for piece in json_object(source, ""))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 80_000
    assert peak < 60_000


def test_icons_within_are_passed_over() -> None:
    """Encapsulated pixel data of an icon end where their delimiter stands."""
    fragments = b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\x00\xe0\4\0\0\0\xff\xd8\xff\xd9" + b"\xfe\xff\xdd\xe0\0\0\0\0"
    icon = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff" + fragments
    item = b"\xfe\xff\x00\xe0" + len(icon).to_bytes(4, "little") + icon
    sequence = b"\x88\0\0\2SQ\0\0" + len(item).to_bytes(4, "little") + item
    data = sequence + b"\x88\0\x04\x09LO\2\0ab"
    steps = list(walk(io.BytesIO(data), 0, len(data), implicit=False))
    assert [step.tag for step in steps if step.kind is Kind.ELEMENT] == [0x7FE00010, 0x00880904]


@pytest.mark.filterwarnings("ignore:Unknown encoding")
@pytest.mark.parametrize("named", [b"ISO_IR\0 100", b"NONE SUCH", b"\0", b"ISO 2022 IR 87\\\0IR"])
def test_a_character_set_that_is_none_costs_no_metadata(named: bytes) -> None:
    """Text is then read in the default repertoire; fuzzing found a NUL within a name to be an error of no kind."""
    assert character_set(named)
