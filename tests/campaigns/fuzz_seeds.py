"""Where fuzzing starts: sound inputs of every kind, and those that are known to break parsers of DICOM.

    python fuzz_seeds.py FOLDER

writes them below a folder, which is how ``corpus`` beside this file was made. All are small: what is large about them
is what they announce.
"""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE, ImplementationClassUIDNotification, MaximumLengthNotification
from pynetdicom.presentation import build_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["answers", "association_request", "command", "files", "http_answers", "p_data", "pdus", "read_corpus"]

CORPUS = Path(__file__).parent / "corpus"
SLIDE_CLASS = "1.2.840.10008.5.1.4.1.1.77.1.6"
VERIFICATION = "1.2.840.10008.1.1"
COMMITMENT = "1.2.840.10008.1.20.1"
UNDEFINED = 0xFFFFFFFF


# Files


def _meta(transfer_syntax: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = SLIDE_CLASS, "1.2.3.4"
    meta.TransferSyntaxUID, meta.ImplementationClassUID = transfer_syntax, "1.2.3"
    return meta


def _slide(transfer_syntax: str = JPEGBaseline8Bit) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = _meta(transfer_syntax)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    dataset.SOPClassUID, dataset.SOPInstanceUID = SLIDE_CLASS, "1.2.3.4"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "1.2", "1.2.3", "SM"
    dataset.PatientName, dataset.PatientID, dataset.AcquisitionDateTime = "Fuzz^Ed", "F1", "20260101120000+0100"
    dataset.ContainerIdentifier, dataset.FrameOfReferenceUID = "C1", "1.2.5"
    dataset.Rows = dataset.Columns = 512
    dataset.TotalPixelMatrixColumns = dataset.TotalPixelMatrixRows = 1024
    dataset.NumberOfFrames, dataset.DimensionOrganizationType = 4, "TILED_FULL"
    spacing = Dataset()
    spacing.PixelSpacing = [0.00025, 0.00025]
    shared = Dataset()
    shared.PixelMeasuresSequence = [spacing]
    dataset.SharedFunctionalGroupsSequence = [shared]
    return dataset


def _written(dataset: Dataset) -> bytes:
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _head(transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Preamble, prefix and File Meta Information alone."""
    return _written_meta(_meta(transfer_syntax))


def _written_meta(meta: FileMetaDataset) -> bytes:
    from pydicom.filewriter import write_file_meta_info

    file = io.BytesIO()
    file.write(bytes(128) + b"DICM")
    write_file_meta_info(file, meta)
    return file.getvalue()


def _explicit(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    group, element = divmod(tag, 1 << 16)
    size = len(value) if length is None else length
    if vr in {b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"OV"}:
        return struct.pack("<HH2sHI", group, element, vr, 0, size & UNDEFINED) + value
    return struct.pack("<HH2sH", group, element, vr, size & 0xFFFF) + value


def _item(content: bytes, length: int | None = None) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content) if length is None else length) + content


SOP = _explicit(0x00080016, b"UI", SLIDE_CLASS.encode()) + _explicit(0x00080018, b"UI", b"1.2.3.4\0")
SERIES = _explicit(0x0020000D, b"UI", b"1.2\0") + _explicit(0x0020000E, b"UI", b"1.2.3\0")
FRAMES = _explicit(0x7FE00010, b"OB", b"", UNDEFINED)


def _nested(depth: int) -> bytes:
    """A sequence within a sequence within..., all of undefined length, never closed."""
    return (_explicit(0x00081140, b"SQ", b"", UNDEFINED) + _item(b"", UNDEFINED)) * depth


def _deflated(bytes_inside: int) -> bytes:
    """A deflated data set that grows a thousandfold: a value of zeros before the identifiers."""
    inside = _explicit(0x00080005, b"UT", bytes(bytes_inside)) + SOP + SERIES
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packed.compress(inside) + packed.flush()


def files() -> Mapping[str, bytes]:
    """Files as they may be received."""
    explicit, deflated = _head(), _head("1.2.840.10008.1.2.1.99")
    sound = _written(_slide()) + FRAMES + _item(b"") + _item(bytes(64)) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    group_length = _explicit(0x00080000, b"UL", struct.pack("<I", UNDEFINED))
    return {
        "sound": sound,
        "sound-explicit": _written(_slide(ExplicitVRLittleEndian)),
        "sound-implicit": _written(_slide(ImplicitVRLittleEndian)),
        "sound-big-endian": _head("1.2.840.10008.1.2.2") + SOP,
        "recursion-bomb": explicit + SOP + _nested(600),
        "recursion-bomb-shared-groups": explicit
        + SOP
        + SERIES
        + _nested(500).replace(b"\x08\0\x40\x11", b"\0\x52\x29\x92"),
        "length-4-gib": explicit + SOP + _explicit(0x00081150, b"UN", b"abc", 0xFFFFFFFE),
        "length-4-gib-text": explicit + SOP + _explicit(0x00400600, b"UT", b"abc", 0xFFFFFFFE),
        "length-4-gib-item": explicit + SOP + _explicit(0x00081140, b"SQ", _item(b"", 0xFFFFFFFE), UNDEFINED),
        "length-4-gib-shared-groups": explicit + SOP + _explicit(0x52009229, b"SQ", _item(b"", 0xFFFFFFF0), 0xFFFFFFF8),
        "bad-vr": explicit + SOP + _explicit(0x00080060, b"Z\xff", b"SM") + SERIES,
        "bad-vr-zero": explicit + SOP + _explicit(0x00080060, b"\0\0", b"SM") + SERIES,
        "endless-fragment": explicit + SOP + SERIES + FRAMES + _item(b"", 0xFFFFFFFE),
        "no-end-of-fragments": explicit + SOP + SERIES + FRAMES + _item(b"") + _item(bytes(20)) * 20,
        "wrong-group-length": explicit + group_length + SOP + SERIES,
        "wrong-meta-length": explicit.replace(explicit[140:144], struct.pack("<I", 0xFFFFFF00)) + SOP,
        "many-items": explicit + SOP + _explicit(0x52009229, b"SQ", _item(b"") * 500, UNDEFINED) + SERIES,
        "many-values": explicit + _explicit(0x00080008, b"CS", b"\\" * 5000) + SOP + SERIES,
        "long-number": explicit + SOP + SERIES + _explicit(0x00280008, b"IS", b"9" * 5000),
        "long-number-exponent": explicit + SOP + SERIES + _explicit(0x00280008, b"IS", b"1e999999"),
        "deflated": deflated + _deflated(100),
        "deflated-bomb": deflated + _deflated(4_000_000),
        "deflated-broken": deflated + b"\xff" * 40,
        "unknown-syntax": _head("1.2.3.4.5.6.7") + SOP + SERIES,
        "empty": b"",
        "preamble-alone": bytes(128),
        "prefix-alone": bytes(128) + b"DICM",
        "other-format": b"%PDF-1.7\n" + bytes(200),
        "executable": b"MZ" + bytes(126) + explicit[128:] + SOP + SERIES,
        "delimiters": explicit + struct.pack("<HHI", 0xFFFE, 0xE00D, 0) * 50 + SOP,
    }


# PDUs


def p_data(*values: tuple[int, int, bytes]) -> bytes:
    """A P-DATA-TF PDU (PS3.8 section 9.3.5) of (context, message control header, content)."""
    items = b"".join(
        struct.pack(">IBB", len(content) + 2, context, header) + content for context, header, content in values
    )
    return b"\4\0" + struct.pack(">I", len(items)) + items


def command(field: int, *, data_set: bool, sop_class: str = VERIFICATION, more: bytes = b"") -> bytes:
    """A command set (PS3.7 section 6.3) with its group length."""
    uid = sop_class.encode() + b"\0" * (len(sop_class) % 2)
    elements = [(0x0002, uid), (0x0100, struct.pack("<H", field)), (0x0110, b"\1\0"), (0x0700, b"\0\0")]
    elements.append((0x0800, struct.pack("<H", 0x0001 if data_set else 0x0101)))
    body = b"".join(struct.pack("<HHI", 0, element, len(value)) + value for element, value in elements) + more
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


INSTANCE = struct.pack("<HHI", 0, 0x1000, 8) + b"1.2.3.4\0"
CONTEXTS = (
    (VERIFICATION, [ImplicitVRLittleEndian]),
    (SLIDE_CLASS, [ExplicitVRLittleEndian]),
    (SLIDE_CLASS, [JPEGBaseline8Bit]),
    (COMMITMENT, [ImplicitVRLittleEndian]),
)
ECHO_ID, STORE_ID, JPEG_ID, COMMITMENT_ID = 1, 3, 5, 7
MORE_COMMAND, LAST_COMMAND, MORE_DATA, LAST_DATA = 1, 3, 0, 2


def _user_information() -> list[object]:
    length = MaximumLengthNotification()
    length.maximum_length_received = 131072
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = "1.2.3.4.5"
    return [length, implementation]


def association_request() -> bytes:
    """A-ASSOCIATE-RQ (PS3.8 section 9.3.2) with a context for each thing to be said."""
    request = A_ASSOCIATE()
    request.application_context_name = "1.2.840.10008.3.1.1.1"
    request.calling_ae_title, request.called_ae_title = "SCANNER", "MARROWCOUNT"
    contexts = [build_context(sop_class, syntaxes) for sop_class, syntaxes in CONTEXTS]
    for number, context in enumerate(contexts):
        context.context_id = 2 * number + 1
    request.presentation_context_definition_list = contexts
    request.user_information = _user_information()  # type: ignore[assignment]
    return bytes(A_ASSOCIATE_RQ(request).encode())


def _acceptance() -> bytes:
    """A-ASSOCIATE-AC, as a peer answers our C-ECHO."""
    answer = A_ASSOCIATE()
    answer.application_context_name = "1.2.840.10008.3.1.1.1"
    answer.calling_ae_title, answer.called_ae_title = "MARROWCOUNT", "PACS"
    answer.result, answer.result_source = 0, 1
    context = build_context(VERIFICATION, ImplicitVRLittleEndian)
    context.context_id, context.result = 1, 0
    answer.presentation_context_definition_results_list = [context]
    answer.user_information = _user_information()  # type: ignore[assignment]
    return bytes(A_ASSOCIATE_AC(answer).encode())


def _store(data_set: bytes, context: int = STORE_ID) -> bytes:
    store = command(0x0001, data_set=True, sop_class=SLIDE_CLASS, more=INSTANCE)
    return p_data((context, LAST_COMMAND, store)) + p_data((context, LAST_DATA, data_set))


def pdus() -> Mapping[str, bytes]:
    """What may follow an accepted association, and what may come in its place (``first-``)."""
    echo = p_data((ECHO_ID, LAST_COMMAND, command(0x0030, data_set=False)))
    event = (
        struct.pack("<HHIHHHIH", 0, 0x1002, 2, 1, 0, 0x1000, 8, 0)[:10]
        + struct.pack("<HHI", 0, 0x1000, 8)
        + b"1.2.3.4\0"
    )
    report = command(0x0100, data_set=True, sop_class=COMMITMENT, more=event)
    information = struct.pack("<HHI", 8, 0x1195, 4) + b"1.2\0"
    return {
        "echo": echo,
        "store": _store(SOP + SERIES),
        "store-jpeg": _store(_written(_slide())[132 + 200 :], JPEG_ID),
        "store-twice": _store(SOP + SERIES) * 2,
        "store-fragments": p_data(
            (STORE_ID, LAST_COMMAND, command(0x0001, data_set=True, sop_class=SLIDE_CLASS, more=INSTANCE))
        )
        + b"".join(p_data((STORE_ID, MORE_DATA, bytes(100))) for _ in range(20)),
        "store-recursion-bomb": _store(SOP + _nested(600)),
        "store-length-4-gib": _store(SOP + _explicit(0x00081150, b"UN", b"abc", 0xFFFFFFFE)),
        "commitment-report": p_data((COMMITMENT_ID, LAST_COMMAND, report), (COMMITMENT_ID, LAST_DATA, information)),
        "release": b"\5\0\0\0\0\4\0\0\0\0",
        "abort": b"\7\0\0\0\0\4\0\0\0\0",
        "echo-and-release": echo + b"\5\0\0\0\0\4\0\0\0\0",
        "command-in-pieces": b"".join(p_data((ECHO_ID, MORE_COMMAND, b"\0\0")) for _ in range(50)),
        "endless-fragment": struct.pack(">BBIIBB", 4, 0, 0xFFFFFFFF, 0xFFFFFFF0, STORE_ID, MORE_DATA) + bytes(50),
        "value-of-4-gib": struct.pack(">BBIIBB", 4, 0, 20, 0xFFFFFFFE, STORE_ID, MORE_DATA) + bytes(14),
        "empty-value": struct.pack(">BBII", 4, 0, 4, 0),
        "unknown-type": b"\x42\0\0\0\0\4abcd",
        "first-request-again": association_request(),
    }


def answers() -> Mapping[str, bytes]:
    """What a PACS may answer to our C-ECHO."""
    status = struct.pack("<HHIH", 0, 0x0900, 2, 0) + struct.pack("<HHIH", 0, 0x0120, 2, 1)
    echoed = p_data((1, LAST_COMMAND, command(0x8030, data_set=False, more=status)))
    return {
        "accepted": _acceptance() + echoed + b"\6\0\0\0\0\4\0\0\0\0",
        "accepted-alone": _acceptance(),
        "rejected": b"\3\0\0\0\0\4\0\1\1\3",
        "aborted": _acceptance() + b"\7\0\0\0\0\4\0\0\2\0",
        "length-4-gib": b"\2\0\xff\xff\xff\xff" + bytes(50),
        "other-protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    }


# HTTP


def http_answers() -> Mapping[str, bytes]:
    """What a FHIR server may answer to a transaction, and what a token endpoint may."""

    def answer(status: str, body: bytes, *headers: str) -> bytes:
        lines = [f"HTTP/1.1 {status}", "Content-Type: application/fhir+json", f"Content-Length: {len(body)}", *headers]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    entry = b'{"response":{"status":"201 Created","location":"Observation/1"}}'
    done = b'{"resourceType":"Bundle","type":"transaction-response","entry":[' + entry + b"," + entry + b"]}"
    outcome = b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"invalid","expression":["x"]}]}'
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    packed = zlib.compress(b"[" * 5_000_000, 9)
    token = b'{"access_token":"a.b-c","token_type":"bearer","expires_in":300,"scope":"system/Patient.rs"}'
    endpoint = b'{"token_endpoint":"http://127.0.0.1:9/t","grant_types_supported":["client_credentials"]}'
    stranger = b'{"error":"invalid_client","error_description":"x"}'
    return {
        "token": answer("200 OK", token, "Date: Mon, 02 Mar 2026 12:00:00 GMT"),
        "token-endpoint": answer("200 OK", endpoint),
        "no-token": answer("401 Unauthorized", stranger, "Date: Mon, 02 Mar 2026 12:00:00 GMT", "Retry-After: 5"),
        "done": answer("200 OK", done),
        "refused": answer("422 Unprocessable Entity", outcome),
        "busy": answer("503 Service Unavailable", outcome, "Retry-After: 99999999999"),
        "issues-of-other-types": answer("400 Bad Request", b'{"issue":[{"code":["a"]},{"code":{"b":1}},7,null]}'),
        "entries-of-other-types": answer(
            "200 OK", b'{"resourceType":"Bundle","entry":[1,null,{"response":[]},{"response":"x"}]}'
        ),
        "nested": answer("200 OK", b"[" * 3000),
        "nested-objects": answer("200 OK", b'{"a":' * 2000),
        "numbers": answer("200 OK", b'{"entry":' + b"9" * 5000 + b"}"),
        "chunked": chunked + b"%x\r\n" % len(done) + done + b"\r\n0\r\n\r\n",
        "chunk-of-4-gib": chunked + b"fffffffe\r\n" + done,
        "length-4-gib": b"HTTP/1.1 200 OK\r\nContent-Length: 4294967294\r\n\r\n" + done,
        "length-twice": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "zip-bomb": answer("200 OK", packed, "Content-Encoding: deflate"),
        "redirect": answer("302 Found", b"", "Location: http://127.0.0.1:1/"),
        "endless-headers": b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(300)),
        "interim": b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + answer("200 OK", done),
        "no-http": b"\0\xff\0\xff SSH-2.0-x\r\n",
        "nothing": b"",
    }


# Requests to the web server


def requests() -> Mapping[str, bytes]:
    """HTTP as clients send it: stores, searches and retrievals, with what is odd about bodies and heads."""
    slide = _written(_slide())
    part = b"--B\r\nContent-Type: application/dicom\r\n\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=B'
    instance = "/studies/1.2/series/1.2.3/instances/1.2.3.4"
    return {
        "store": _post(kind, part + slide + b"\r\n--B--\r\n"),
        "store-two": _post(kind, b"ignored\r\n" + part + slide + b"\r\n" + part + b"no DICOM\r\n--B--"),
        "store-no-end": _post(kind, part + slide[:700]),
        "store-odd-boundaries": _post(kind, b"--B \t\r\n\r\n--Bx\r\n--B\r\nA: b\r\n\r\n--B--"),
        "store-whole": _post("application/dicom", slide),
        "store-json": _post('multipart/related; type="application/dicom+json"; boundary=B', b"--B--"),
        "store-no-boundary": _post('multipart/related; type="application/dicom"', b"--B--"),
        "search": _get("/studies?PatientName=F*zz%5E?d&StudyDate=20260101-&includefield=all&limit=1&offset=0"),
        "search-deep": _get("/instances?ContainerIdentifier=C1&ModalitiesInStudy=SM%5CSR&fuzzymatching=true"),
        "search-sequence": _get("/series?RequestAttributesSequence.00400009=1&00100020=%22%22"),
        "frames": _get(f"{instance}/frames/1,2,4", 'multipart/related; type="image/jpeg"; transfer-syntax=*;q=0.5'),
        "bulk": _get(f"{instance}/bulkdata/52009229/1/00289110/1/00280030", "application/octet-stream", "bytes=1-9"),
        "metadata": _get(f"{instance}/metadata", "application/dicom+json"),
        "rendered": _get(f"{instance}/frames/1/rendered?viewport=10,10&quality=50", "image/png"),
        "whole": _get(instance, "application/dicom; transfer-syntax=*, */*;q=0.1"),
        "token": b"GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n\r\n",
        "chunked": b"POST /dicom-web/studies HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nabc",
    }


def _get(path: str, accept: str = "*/*", wanted: str = "") -> bytes:
    wanted = f"Range: {wanted}\r\n" if wanted else ""
    return f"GET /dicom-web{path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n{wanted}\r\n".encode()


def _post(kind: str, body: bytes) -> bytes:
    head = f"POST /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


KINDS = {"files": files, "pdus": pdus, "answers": answers, "http": http_answers, "requests": requests}


def read_corpus(kind: str) -> Mapping[str, bytes]:
    """The committed seeds of a kind, by name."""
    return {path.name: path.read_bytes() for path in sorted((CORPUS / kind).iterdir())}


def _write(folder: Path) -> Iterator[Path]:
    for kind, made in KINDS.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for name, content in made().items():
            path = folder / kind / name
            path.write_bytes(content)
            yield path


if __name__ == "__main__":
    written = list(_write(Path(sys.argv[1])))
    sys.stdout.write(f"{len(written)} files, {sum(path.stat().st_size for path in written)} bytes\n")
