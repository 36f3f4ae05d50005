"""A sender that does nothing but send: files go from the page cache to the socket without passing through Python.

    python lean_sender.py PORT CALLED ASSOCIATIONS FILE...

shares the files out among the associations, and prints the seconds from the first connection to the last answer.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.filereader import read_preamble

APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
IMPLEMENTATION = b"1.2.3.4.5"
MAX_PDU_BYTES = 131072
DATA_SET_FOLLOWS = 0x0001
COMMAND, DATA, LAST = 1, 0, 2
"""Message Control Header (PS3.8 Annex E.2)."""


@dataclass(frozen=True)
class Slide:
    """A file with its announcement; the data set begins at the offset."""

    path: Path
    sop_class: bytes
    sop_instance: bytes
    syntax: bytes
    offset: int
    size_bytes: int

    @classmethod
    def of(cls, path: Path) -> Slide:
        with path.open("rb") as file:
            read_preamble(file, force=False)
            meta = dcmread(path, stop_before_pixels=True, specific_tags=[]).file_meta
            file.seek(140)
            offset = 144 + struct.unpack("<I", file.read(4))[0]
        uids = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID
        return cls(path, *(str(uid).encode() for uid in uids), offset, path.stat().st_size - offset)


class LeanAssociation:
    """One association with one presentation context."""

    def __init__(self, port: int, called: str, slide: Slide) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(associate_request(called, slide.sop_class, slide.syntax))
        kind, body = self._pdu()
        if kind != 2:
            msg = f"the association was not accepted: PDU type {kind}"
            raise SystemExit(msg)
        self._largest = min(_offered_length(body) or MAX_PDU_BYTES, MAX_PDU_BYTES)

    def store(self, slide: Slide, message_id: int) -> int:
        """C-STORE; its status."""
        self._socket.sendall(p_data(COMMAND | LAST, store_command(slide, message_id)))
        offset, end, room = slide.offset, slide.offset + slide.size_bytes, self._largest - 6
        with slide.path.open("rb") as file:
            while offset < end:
                piece = min(room, end - offset)
                last = LAST if offset + piece == end else 0
                self._socket.sendall(_p_data_head(DATA | last, piece), socket.MSG_MORE)
                self._socket_takes(file.fileno(), offset, piece)
                offset += piece
        kind, body = self._pdu()
        return status_in(body) if kind == 4 else -1

    def release(self) -> None:
        """A-RELEASE, answered."""
        self._socket.sendall(b"\5\0\0\0\0\4\0\0\0\0")
        self._pdu()
        self._socket.close()

    def _socket_takes(self, file: int, offset: int, count: int) -> None:
        while count:
            sent = os.sendfile(self._socket.fileno(), file, offset, count)
            offset, count = offset + sent, count - sent

    def _pdu(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxI", self._exactly(6))
        return kind, self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            piece = self._socket.recv(count - len(received))
            if not piece:
                msg = "the receiver closed the connection"
                raise SystemExit(msg)
            received += piece
        return bytes(received)


def associate_request(called: str, sop_class: bytes, syntax: bytes) -> bytes:
    """A-ASSOCIATE-RQ (PS3.8 section 9.3.2) with one presentation context."""
    context = b"\1\0\0\0" + _item(0x30, sop_class) + _item(0x40, syntax)
    user = _item(0x51, struct.pack(">I", MAX_PDU_BYTES)) + _item(0x52, IMPLEMENTATION)
    items = _item(0x10, APPLICATION_CONTEXT) + _item(0x20, context) + _item(0x50, user)
    titles = called.encode().ljust(16) + b"SENDER".ljust(16)
    body = b"\0\1\0\0" + titles + bytes(32) + items
    return b"\1\0" + struct.pack(">I", len(body)) + body


def store_command(slide: Slide, message_id: int) -> bytes:
    """C-STORE-RQ (PS3.7 section 9.3.1.1), Implicit VR Little Endian."""
    elements = b"".join(
        (
            _element(0x0002, _even(slide.sop_class)),
            _element(0x0100, struct.pack("<H", 0x0001)),
            _element(0x0110, struct.pack("<H", message_id)),
            _element(0x0700, struct.pack("<H", 0)),
            _element(0x0800, struct.pack("<H", DATA_SET_FOLLOWS)),
            _element(0x1000, _even(slide.sop_instance)),
        )
    )
    return _element(0x0000, struct.pack("<I", len(elements))) + elements


def p_data(control: int, content: bytes) -> bytes:
    """P-DATA-TF (PS3.8 section 9.3.5) of one value."""
    return _p_data_head(control, len(content)) + content


def status_in(body: bytes) -> int:
    """Status (0000,0900) in a P-DATA-TF that holds one whole command."""
    at = 6
    while at < len(body):
        group, element, length = struct.unpack_from("<HHI", body, at)
        if (group, element) == (0x0000, 0x0900):
            return int(struct.unpack_from("<H", body, at + 8)[0])
        at += 8 + length
    return -1


def _p_data_head(control: int, count: int) -> bytes:
    return struct.pack(">BxIIBB", 4, count + 6, count + 2, 1, control)


def _offered_length(body: bytes) -> int:
    """Maximum length (PS3.8 Annex D.1) in an A-ASSOCIATE-AC; 0 for no limit."""
    at = 68
    while at < len(body):
        kind, length = struct.unpack_from(">BxH", body, at)
        if kind == 0x50:  # its sub-items follow in the same form
            at += 4
        elif kind == 0x51:
            return int(struct.unpack_from(">I", body, at + 4)[0])
        else:
            at += 4 + length
    return 0


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def _element(element: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, element, len(value)) + value


def _even(uid: bytes) -> bytes:
    return uid + b"\0" * (len(uid) % 2)


def send(port: int, called: str, slides: list[Slide]) -> list[int]:
    """All slides over one association; their statuses."""
    association = LeanAssociation(port, called, slides[0])
    statuses = [association.store(slide, number) for number, slide in enumerate(slides, start=1)]
    association.release()
    return statuses


def main() -> None:
    port, called, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    slides = [Slide.of(Path(name)) for name in sys.argv[4:]]
    shares = [slides[number::count] for number in range(count)]
    since = time.perf_counter()
    with ThreadPoolExecutor(count) as pool:
        statuses = [status for share in pool.map(lambda share: send(port, called, share), shares) for status in share]
    taken = time.perf_counter() - since
    failed = [status for status in statuses if status]
    sys.stdout.write(json.dumps({"seconds": taken, "failed": failed}) + "\n")


if __name__ == "__main__":
    main()
