"""WADO-RS: what is held comes out as it is held (PS3.18 section 10.4)."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from slide_files import slide_file
from web_nodes import ANN, BASE, Started, WebNode, parts_of, web_node

SERIES = "/studies/1.2/series/1.2.3"
LEVEL = f"{SERIES}/instances/1.2.3.1"
NATIVE = f"{SERIES}/instances/1.2.3.2"
CELLS = "/studies/1.2/series/1.2.4/instances/1.2.4.1"
AS_HELD = 'multipart/related; type="application/dicom"; transfer-syntax=*'
OCTETS = 'multipart/related; type="application/octet-stream"'
TILE = 64


def jpeg(colour: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (TILE, TILE), colour).save(file, "JPEG", quality=95)
    return file.getvalue() + b"\0" * (len(file.getvalue()) % 2)


COLOURS = [(220, 30, 30), (30, 220, 30), (30, 30, 220), (200, 200, 40)]
FRAMES = [jpeg(colour) for colour in COLOURS]


def level(path: Path, uid: str, **changes: object) -> Path:
    """2 x 2 tiles, 100 px wide and high: the right and lower ones are padded."""
    said: dict[str, object] = {
        "Rows": TILE,
        "Columns": TILE,
        "SamplesPerPixel": 3,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "PixelRepresentation": 0,
        "PlanarConfiguration": 0,
        "PhotometricInterpretation": "YBR_FULL_422",
        "NumberOfFrames": 4,
        "PixelData": encapsulate(FRAMES),
        "TotalPixelMatrixColumns": 100,
        "TotalPixelMatrixRows": 100,
    }
    return slide_file(path, uid, **(said | changes))  # type: ignore[arg-type] # attributes


def native(path: Path, uid: str) -> Path:
    """The same, uncompressed."""
    made = dcmread(level(path, uid, PhotometricInterpretation="RGB"))
    made.PixelData = b"".join(bytes(colour) * TILE * TILE for colour in COLOURS)
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made["PixelData"].is_undefined_length = False
    made.save_as(path, enforce_file_format=True)
    return path


def annotation(path: Path, uid: str, syntax: str = ExplicitVRLittleEndian) -> Path:
    made = Dataset()
    group = Dataset()
    group.PointCoordinatesData = POINTS.tobytes()
    group.AnnotationGroupLabel = "blast"
    made.AnnotationGroupSequence = [group]
    slide_file(path, uid, SeriesInstanceUID="1.2.4", Modality="ANN", SOPClassUID=ANN)
    whole = dcmread(path)
    for keyword in ("PixelData", "Rows", "Columns", "NumberOfFrames"):
        del whole[keyword]
    whole.update(made)
    whole.file_meta.TransferSyntaxUID = syntax
    whole.save_as(path, enforce_file_format=True)
    return path


POINTS = np.linspace(0, 40_000, 2000, dtype="<f4")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    return {
        LEVEL: level(folder / "level.dcm", "1.2.3.1"),
        NATIVE: native(folder / "native.dcm", "1.2.3.2"),
        CELLS: annotation(folder / "cells.dcm", "1.2.4.1"),
    }


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, files: dict[str, Path]) -> WebNode:
    node = web_node(tmp_path_factory.mktemp("full"))
    node.hold(*files.values())
    return node


def test_instances_come_bit_by_bit(full: WebNode, files: dict[str, Path]) -> None:
    """Each part is the file as it came, and says its transfer syntax and where it is found alone."""
    answer = full.get("/studies/1.2", AS_HELD)
    assert answer.status_code == 200
    assert [body for _, body in parts_of(answer)] == [file.read_bytes() for file in files.values()]
    assert [fields["content-type"] for fields, _ in parts_of(answer)] == [
        f"application/dicom;transfer-syntax={syntax}"
        for syntax in (JPEGBaseline8Bit, ExplicitVRLittleEndian, ExplicitVRLittleEndian)
    ]
    assert [fields["content-location"] for fields, _ in parts_of(answer)] == [
        f"http://localhost{BASE}{place}" for place in files
    ]
    assert len(answer.content) == int(answer.headers["content-length"])


@pytest.mark.parametrize("place", [LEVEL, NATIVE, CELLS])
def test_one_instance_may_come_alone(full: WebNode, files: dict[str, Path], place: str) -> None:
    """As application/dicom, or as the one part of a multipart message."""
    alone = full.get(place, "application/dicom; transfer-syntax=*")
    assert (alone.headers["content-type"].partition(";")[0], alone.content) == (
        "application/dicom",
        files[place].read_bytes(),
    )
    ((_, body),) = parts_of(full.get(place, AS_HELD))
    assert body == files[place].read_bytes()


def test_nothing_is_transcoded(full: WebNode) -> None:
    """Without a transfer syntax Explicit VR Little Endian is meant: what is held otherwise is 406, or not in 206."""
    plain = 'multipart/related; type="application/dicom"'
    refused = full.get(LEVEL, plain)
    assert (refused.status_code, refused.json()["code"]) == (406, "not-acceptable")
    assert JPEGBaseline8Bit in refused.json()["detail"]
    partial = full.get(SERIES, plain)
    assert (partial.status_code, len(parts_of(partial))) == (206, 1)
    assert full.get(NATIVE, plain).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/studies/9",
        "/studies/1.2/series/9",
        f"{SERIES}/instances/9",
        "/studies/9/series/1.2.3/instances/1.2.3.1",
        f"{LEVEL}/frames/5",
        f"{CELLS}/frames/1",
        f"{CELLS}/rendered",
        f"{LEVEL}/bulkdata/00100010/1/00100010",
        "/studies/1.2/series/1.2.4/thumbnail",
    ],
)
def test_what_is_not_there_is_404(full: WebNode, path: str) -> None:
    assert full.get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/studies/name^of",
        f"{LEVEL}/frames/0",
        f"{LEVEL}/frames/1,,2",
        f"{LEVEL}/frames/x",
        f"{LEVEL}/bulkdata/PatientName",
        f"{LEVEL}/frames/1,2/rendered",
        f"{LEVEL}/rendered?viewport=0,0",
        f"{LEVEL}/rendered?quality=0",
        f"{LEVEL}/frames/" + ",".join(["1"] * 1001),
    ],
)
def test_what_is_no_resource_is_400(full: WebNode, path: str) -> None:
    assert full.get(path).status_code == 400


def test_heads_have_no_bodies(full: WebNode) -> None:
    """But all that their answers would say of them."""
    for path in (LEVEL, f"{LEVEL}/metadata", f"{LEVEL}/frames/1", f"{CELLS}/bulkdata/006A0002/1/00660016"):
        head, whole = full.ask("HEAD", path), full.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers.get("content-length") == whole.headers.get("content-length")
        assert head.headers.get("etag") == whole.headers.get("etag")


@pytest.mark.parametrize(
    "path",
    [
        LEVEL,
        SERIES,
        "/studies/1.2",
        f"{LEVEL}/metadata",
        f"{LEVEL}/frames/1,2",
        f"{CELLS}/bulkdata/006A0002/1/00660016",
        f"{CELLS}/bulkdata",
    ],
)
def test_a_good_copy_is_not_sent_again(full: WebNode, path: str) -> None:
    """304 for the entity tag of the first answer; caches of others may keep nothing."""
    first = full.get(path)
    assert first.headers["cache-control"] == "private, no-cache"
    again = full.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert full.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_metadata_leave_large_values_out(full: WebNode, files: dict[str, Path]) -> None:
    """All else stands in them as pydicom has it; the URIs lead to the values."""
    first, second, third = full.get("/studies/1.2/metadata").json()
    assert first["7FE00010"] == {"vr": "OB", "BulkDataURI": f"http://localhost{BASE}{LEVEL}/bulkdata/7FE00010"}
    del first["7FE00010"]
    theirs = dcmread(files[LEVEL], stop_before_pixels=True).to_json_dict()
    assert first == theirs
    assert full.get(f"{SERIES}/metadata").json() == [first | full.get(f"{LEVEL}/metadata").json()[0], second]
    uri = third["006A0002"]["Value"][0]["00660016"]["BulkDataURI"]
    value = full.get(uri.removeprefix(f"http://localhost{BASE}"), "application/octet-stream")
    assert value.content == POINTS.tobytes()


def test_bulk_data_come_alone_in_parts_and_in_ranges(full: WebNode) -> None:
    """As octets, whatever way they are asked for."""
    path, whole = f"{CELLS}/bulkdata/006A0002/1/00660016", POINTS.tobytes()
    ((fields, body),) = parts_of(full.get(path, OCTETS))
    assert (fields["content-type"], body) == ("application/octet-stream", whole)
    ((_, body),) = parts_of(full.get(path))
    assert body == whole
    part = full.get(path, "application/octet-stream", headers={"Range": "bytes=100-299"})
    assert (part.status_code, part.content) == (206, whole[100:300])
    assert part.headers["content-range"] == f"bytes 100-299/{len(whole)}"
    tail = full.get(path, "application/octet-stream", headers={"Range": f"bytes={len(whole) - 5}-"})
    assert tail.content == whole[-5:]
    assert full.get(path, "application/octet-stream", headers={"Range": "bytes=9000-"}).status_code == 416
    assert full.get(path, "image/jpeg").status_code == 406


def test_all_bulk_data_come_with_their_places(full: WebNode) -> None:
    """Of an instance, a series, a study."""
    ((fields, body),) = parts_of(full.get(f"{CELLS}/bulkdata"))
    assert (fields["content-location"].removeprefix(f"http://localhost{BASE}"), body) == (
        f"{CELLS}/bulkdata/006A0002/1/00660016",
        POINTS.tobytes(),
    )
    assert len(parts_of(full.get("/studies/1.2/bulkdata"))) == 2  # these and the uncompressed pixels


def test_bulk_data_of_deflated_instances_are_inflated(start: Started, tmp_path: Path) -> None:
    """Their values lie in no file as they are sent."""
    node = start()
    node.hold(annotation(tmp_path / "a.dcm", "1.2.4.1", DeflatedExplicitVRLittleEndian))
    path = f"{CELLS}/bulkdata/006A0002/1/00660016"
    assert node.get(path, "application/octet-stream").content == POINTS.tobytes()
    assert parts_of(node.get(f"{CELLS}/bulkdata"))[0][1] == POINTS.tobytes()


def test_frames_come_as_they_were_compressed(full: WebNode) -> None:
    """Several at once, in the order asked for, each with its codec and transfer syntax."""
    answer = full.get(f"{LEVEL}/frames/3,1", 'multipart/related; type="image/jpeg"')
    assert [body for _, body in parts_of(answer)] == [FRAMES[2], FRAMES[0]]
    assert {fields["content-type"] for fields, _ in parts_of(answer)} == {
        f"image/jpeg;transfer-syntax={JPEGBaseline8Bit}"
    }
    assert parts_of(answer)[1][0]["content-location"].endswith("/frames/1")
    assert full.get(f"{LEVEL}/frames/2", "image/jpeg").content == FRAMES[1]
    assert [body for _, body in parts_of(full.get(f"{LEVEL}/pixeldata"))] == FRAMES
    assert [body for _, body in parts_of(full.get(f"{LEVEL}/bulkdata/7FE00010"))] == FRAMES


def test_uncompressed_frames_come_as_octets(full: WebNode) -> None:
    """Rows by columns by samples."""
    answer = full.get(f"{NATIVE}/frames/4", OCTETS)
    assert parts_of(answer)[0][1] == bytes(COLOURS[3]) * TILE * TILE
    assert full.get(f"{NATIVE}/frames/4", "image/jpeg").status_code == 406
    assert full.get(f"{LEVEL}/frames/4", OCTETS).status_code == 406


def test_frames_of_a_concatenation_are_counted_within_the_instance(start: Started, tmp_path: Path) -> None:
    """Frame 1 of the second part is its own first, whatever its place in the whole."""
    node = start()
    for number, half in enumerate((FRAMES[:2], FRAMES[2:])):
        said = {
            "ConcatenationUID": "1.9",
            "InConcatenationNumber": number + 1,
            "ConcatenationFrameOffsetNumber": 2 * number,
        }
        said |= {"NumberOfFrames": 2, "PixelData": encapsulate(half)}
        node.hold(level(tmp_path / "a.dcm", f"1.2.3.{number + 1}", **said))
    assert node.get(f"{NATIVE}/frames/1", "image/jpeg").content == FRAMES[2]
    assert node.get(f"{NATIVE}/frames/3").status_code == 404


def picture(answer: object) -> Image.Image:
    return Image.open(io.BytesIO(answer.content))  # type: ignore[attr-defined] # an answer


def close(found: object, expected: tuple[int, int, int]) -> bool:
    return bool(np.abs(np.asarray(found, int) - np.asarray(expected, int)).max() < 12)


@pytest.mark.parametrize("place", [LEVEL, NATIVE])
def test_frames_are_rendered_for_browsers(full: WebNode, place: str) -> None:
    """As JPEG or PNG, no larger than asked for, compressed or not."""
    whole = full.get(f"{place}/frames/2/rendered", "image/png")
    assert whole.headers["content-type"] == "image/png"
    assert picture(whole).size == (TILE, TILE)
    assert close(picture(whole).convert("RGB").getpixel((10, 10)), COLOURS[1])
    small = full.get(f"{place}/frames/2/rendered?viewport=16,32&quality=50", "image/jpeg")
    assert (picture(small).format, picture(small).size) == ("JPEG", (16, 16))
    assert full.get(f"{place}/frames/2/thumbnail").status_code == 200
    assert full.get(f"{place}/frames/2/rendered", "image/gif").status_code == 406


@pytest.mark.parametrize("path", [f"{LEVEL}/rendered", f"{NATIVE}/rendered", f"{LEVEL}/thumbnail"])
def test_a_level_is_put_together_from_its_tiles(full: WebNode, path: str) -> None:
    """Its total pixel matrix, without what pads the tiles at its edges."""
    shown = picture(full.get(path, "image/png")).convert("RGB")
    assert shown.size == (100, 100)
    for place, colour in zip([(5, 5), (95, 5), (5, 95), (95, 95)], COLOURS, strict=True):
        assert close(shown.getpixel(place), colour)
    assert picture(full.get(f"{LEVEL}/rendered?viewport=50,500")).size == (50, 50)


def test_a_thumbnail_never_shows_the_label(start: Started, tmp_path: Path) -> None:
    """Label and overview name a person: the series' picture is its thumbnail, or its smallest level."""
    node = start()
    one = encapsulate(FRAMES[:1])
    label = {"ImageType": ["ORIGINAL", "PRIMARY", "LABEL", "NONE"], "NumberOfFrames": 1, "PixelData": one}
    label |= {"TotalPixelMatrixColumns": 20, "TotalPixelMatrixRows": 20}
    node.hold(level(tmp_path / "label.dcm", "1.2.3.9", **label))
    assert node.get(f"{SERIES}/thumbnail").status_code == 404
    node.hold(level(tmp_path / "level.dcm", "1.2.3.1"))
    for path in (f"{SERIES}/thumbnail", "/studies/1.2/thumbnail"):
        assert close(picture(node.get(path)).convert("RGB").getpixel((95, 95)), COLOURS[3])


@pytest.mark.parametrize(
    "changes",
    [
        {"PixelData": encapsulate([b"\xff\xd8 no JPEG "] * 4)},
        {"DimensionOrganizationType": "TILED_SPARSE"},
        {"TotalPixelMatrixColumns": 64 * 2000},
    ],
    ids=["not decodable", "in no implicit order", "too large"],
)
def test_what_cannot_be_rendered_says_so(start: Started, tmp_path: Path, changes: dict[str, object]) -> None:
    """406 with a reason."""
    node = start()
    node.hold(level(tmp_path / "a.dcm", "1.2.3.1", **changes))
    answer = node.get(f"{LEVEL}/rendered")
    assert (answer.status_code, answer.json()["code"]) == (406, "not-renderable")


def test_a_damaged_file_is_the_nodes_failure(start: Started, tmp_path: Path) -> None:
    """500 with a code, and no half answer."""
    node = start()
    node.hold(level(tmp_path / "a.dcm", "1.2.3.1"))
    path = node.store.path(node.ledger.instances("1.2.3")[0].file.path)
    path.write_bytes(path.read_bytes()[:-1000])
    answer = node.get(f"{LEVEL}/frames/1")
    assert (answer.status_code, answer.json()["code"]) == (500, "damaged")


def test_the_url_behind_a_proxy_is_the_settings(start: Started, tmp_path: Path) -> None:
    """Not the one by which the proxy called."""
    node = start(public_url="https://pacs.example.org/wado/")
    node.hold(level(tmp_path / "a.dcm", "1.2.3.1"))
    (metadata,) = node.get(f"{LEVEL}/metadata").json()
    assert metadata["7FE00010"]["BulkDataURI"] == f"https://pacs.example.org/wado{LEVEL}/bulkdata/7FE00010"


def test_accept_may_stand_in_the_query(full: WebNode) -> None:
    """For links (PS3.18 section 8.3.3.1); it wins over the header."""
    answer = full.get(f"{LEVEL}/frames/2/rendered?accept=image/png", "image/jpeg")
    assert answer.headers["content-type"] == "image/png"


def test_a_document_is_bulk_data(start: Started, tmp_path: Path) -> None:
    """Metadata name an encapsulated PDF by a URI, of whatever size; from there it comes byte by byte."""
    pdf = b"%PDF-1.4" + bytes(range(256)) * 40
    path = tmp_path / "report.pdf.dcm"
    slide_file(path, "1.2.5.1", SeriesInstanceUID="1.2.5", Modality="DOC", SOPClassUID=EncapsulatedPDFStorage)
    whole = dcmread(path)
    for keyword in ("PixelData", "Rows", "Columns", "NumberOfFrames"):
        del whole[keyword]
    whole.MIMETypeOfEncapsulatedDocument, whole.EncapsulatedDocument = "application/pdf", pdf
    whole.EncapsulatedDocumentLength = len(pdf)
    whole.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    whole.save_as(path, enforce_file_format=True)
    node = start()
    node.hold(path)
    (said,) = node.get("/studies/1.2/series/1.2.5/instances/1.2.5.1/metadata", "application/dicom+json").json()
    assert said["00420015"]["Value"] == [len(pdf)]
    assert said["00420011"]["vr"] == "OB"
    place = said["00420011"]["BulkDataURI"].partition("/studies")[2]
    ((_, body),) = parts_of(node.get(f"/studies{place}", OCTETS))
    assert body == pdf
