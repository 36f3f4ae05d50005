"""The parsers that a coverage-guided fuzzer drives, each a function of bytes, and where it starts.

An input's first byte says which parser it is for. A parser may end with what its documentation names, and with nothing
else; what a boundary of the node catches whole is caught here as there.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MicroscopyBulkSimpleAnnotationsStorage
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dsutils import decode, encode
from pynetdicom.presentation import build_context

from fuzz_seeds import CONTEXTS, read_corpus
from fuzz_targets import Files
from marrowcount.errors import DatasetError, InstanceError, PeerError
from marrowcount.ports import Reference
from marrowcount.testing import HeldClock, InMemoryLedger
from marrowcount.workflow.receive import ReceiveLimits, Receiving
from marrowcount_adapters.annotations.rectangles import read_rectangles
from marrowcount_adapters.dicomweb.multipart import MultipartReader, PartBegins, PartData
from marrowcount_adapters.dicomweb_client.related import SinglePart
from marrowcount_adapters.dimse.commitment import decode_report, decode_request, encode_request
from marrowcount_adapters.dimse.inflow import Inflow
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.mllp.acknowledging import read_acknowledgement
from marrowcount_adapters.mllp.framing import Block, Deframer, framed
from marrowcount_adapters.ups.encoding import MalformedWorkitemError, data_set_of, decode_event, decode_workitem
from marrowcount_adapters.ups_worklist.json_model import MalformedError, parse_attributes
from marrowcount_adapters.wsi.header import read_facts
from workitems import input_item, new_workitem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from marrowcount_adapters.dimse.sockets import BoundedSocket

__all__ = ["Parsers", "write_seeds"]

BOUNDARY: Final = b"B"
"""Of the seeds' messages."""


class Parsers:
    """All of them; files lie below a folder.

    Attributes:
        fed: number of inputs by parser.
    """

    def __init__(self, folder: Path) -> None:
        self._files = Files(folder)
        self._annotations = folder / "annotations.dcm"
        store = FolderStore(folder / "store")
        self._incoming = store.incoming
        self._receiving = Receiving(store, InMemoryLedger(), HeldClock(), read_facts, ReceiveLimits(min_free_bytes=0))
        self._number = 0
        self._parsers: tuple[Callable[[bytes], None], ...] = (
            self._part10,
            self._messages,
            _commitment,
            _multipart,
            self._rectangles,
            _workitem,
            _acknowledgement,
        )
        self.fed = dict.fromkeys(NAMES, 0)

    def feed(self, content: bytes) -> None:
        """Take one input.

        Raises:
            Exception: whatever a parser raises beyond what it says is a fault.
        """
        chosen = content[0] % len(NAMES) if content else 0
        self.fed[NAMES[chosen]] += 1
        self._parsers[chosen](content[1:])

    def _part10(self, content: bytes) -> None:
        """Facts, context, comparison, and what DICOMweb reads of a received file."""
        self._number += 1
        self._files.feed(content, self._number)

    def _messages(self, content: bytes) -> None:
        """P-DATA of an association, as the listener reads it, which answers whatever fails with A-ABORT.

        What must hold is that nothing is left behind.
        """
        socket = _Wire(content)
        inflow = Inflow(_association(), self._receiving)
        try:
            with suppress(Exception):
                while head := socket.head():
                    inflow.read(cast("BoundedSocket", socket), head)
        finally:
            inflow.break_off()
            inflow.clear()
        if left := list(self._incoming.iterdir()):
            raise RuntimeError(f"{len(left)} files were left behind")

    def _rectangles(self, content: bytes) -> None:
        self._annotations.write_bytes(content)
        with suppress(DatasetError):
            read_rectangles(self._annotations)


NAMES: Final = ("part10", "messages", "commitment", "multipart", "rectangles", "workitem", "acknowledgement")


class _Wire:
    """The part of a socket that P-DATA is read from."""

    def __init__(self, content: bytes) -> None:
        self._rest = memoryview(content)

    def head(self) -> int:
        """The length of the next PDU; 0 where there is none."""
        return int.from_bytes(self.exactly(6)[2:], "big") if len(self._rest) >= 6 else 0

    def exactly(self, count: int) -> bytes:
        if count > len(self._rest):
            raise ConnectionError
        taken, self._rest = bytes(self._rest[:count]), self._rest[count:]
        return taken

    def into(self, buffer: memoryview) -> int:
        piece = self.exactly(min(len(buffer), len(self._rest)) or 1)
        buffer[: len(piece)] = piece
        return len(piece)


def _association() -> Association:
    """As it stands after it was accepted, without a thread."""
    association = Association(AE("MARROWCOUNT"), "acceptor")
    for number, (sop_class, syntaxes) in enumerate(CONTEXTS):
        context = build_context(sop_class, syntaxes[:1])
        context.context_id = 2 * number + 1
        association._accepted_cx[context.context_id] = context  # as negotiation leaves it
    return association


def _commitment(content: bytes) -> None:
    """Requests and reports; what pynetdicom cannot decode comes no further."""
    try:
        information = decode(BytesIO(content), is_implicit_vr=True, is_little_endian=True)
    except Exception:  # noqa: BLE001 - the listener's boundary, as well
        return
    for read in (decode_request, decode_report):
        with suppress(ValueError):
            read(information)
    for kind in range(1, 6):
        with suppress(MalformedWorkitemError):
            decode_event(kind, "1.2.3", information)


def _multipart(content: bytes) -> None:
    """A message says the same however it is cut into pieces; so does an answer with one part."""
    whole, cut = _read_parts([content]), _read_parts([content[at : at + 7] for at in range(0, len(content), 7)])
    if whole != cut:
        raise RuntimeError("other parts in other pieces")
    part = SinglePart(BOUNDARY)
    with suppress(PeerError):
        part.feed(content)
        part.close()


def _read_parts(pieces: list[bytes]) -> tuple[list[tuple[object, bytes]], str]:
    """Head and content of each part, and how it ended."""
    parts: list[tuple[object, bytes]] = []
    reader = MultipartReader(BOUNDARY.decode())
    try:
        for piece in pieces:
            for event in reader.feed(piece):
                if isinstance(event, PartBegins):
                    parts.append((event, b""))
                elif isinstance(event, PartData):
                    parts[-1] = parts[-1][0], parts[-1][1] + bytes(event.data)
        reader.close()
    except InstanceError as error:
        return parts, error.message
    return parts, ""


def _workitem(content: bytes) -> None:
    """DICOM JSON: what a worklist answers, and what the small one of our own is sent."""
    with suppress(MalformedError):
        parse_attributes(content)
    try:
        document: Any = json.loads(content)
    except (ValueError, RecursionError):  # as the client has it
        return
    for each in document if isinstance(document, list) else [document]:
        if isinstance(each, dict):
            with suppress(MalformedWorkitemError):
                decode_workitem(data_set_of(each), UTC)


def _acknowledgement(content: bytes) -> None:
    """What an interface engine answers: the same blocks however it is cut, each of which can be looked at."""
    whole, cut = _blocks([content]), _blocks([content[at : at + 7] for at in range(0, len(content), 7)])
    if whole != cut:
        raise RuntimeError("other blocks in other pieces")
    for block in [*whole, content]:
        read_acknowledgement(block)


def _blocks(pieces: list[bytes]) -> list[bytes]:
    deframer = Deframer(2**20)
    events = [event for piece in pieces for event in deframer.feed(piece)]
    return [event.content for event in events if isinstance(event, Block)]


def write_seeds(folder: Path) -> int:
    """Where the fuzzer starts; how many there are."""
    seeds = [bytes((number,)) + seed for number, name in enumerate(NAMES) for seed in _seeds(name)]
    for number, seed in enumerate(seeds):
        (folder / f"{number:03}").write_bytes(seed)
    return len(seeds)


def _seeds(name: str) -> Iterator[bytes]:
    """Of the committed corpus where it has some, else a sound one."""
    if name in OF_CORPUS:
        yield from read_corpus(OF_CORPUS[name]).values()
    if name == "multipart":
        yield from (seed.partition(b"\r\n\r\n")[2] for seed in read_corpus("requests").values())
    made: Mapping[str, Callable[[], bytes]] = {
        "acknowledgement": lambda: framed(
            b"MSH|^~\\&|EHR||||20261001||ACK^R01|7|P|2.5.1\rMSA|AE|1|no\rERR||PID^1^3|204^Unknown^HL70357|E\r"
        ),
        "commitment": _request,
        "rectangles": _annotation,
        "workitem": lambda: json.dumps([new_workitem(input_item("1.2.3", "1.2.3.1", "1.2.3.2"))]).encode(),
    }
    if name in made:
        yield made[name]()


OF_CORPUS: Final = {"part10": "files", "messages": "pdus", "rectangles": "files"}


def _request() -> bytes:
    request = encode_request("2.25.7", [Reference("1.2.840.10008.5.1.4.1.1.77.1.6", f"1.2.3.{n}") for n in range(3)])
    return encode(request, is_implicit_vr=True, is_little_endian=True) or b""


def _annotation() -> bytes:
    """A group of two rectangles."""
    dataset, group, image, series, code = (Dataset() for _ in range(5))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = MicroscopyBulkSimpleAnnotationsStorage, "1.2.4.1"
    dataset.AnnotationCoordinateType, dataset.SeriesDescription = "2D", "cells"
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.3.1"
    series.SeriesInstanceUID = "1.2.3"
    code.CodeValue, code.CodingSchemeDesignator = "15622002", "SCT"
    group.GraphicType, group.NumberOfAnnotations, group.AnnotationGroupLabel = "RECTANGLE", 2, "cells"
    group.PointCoordinatesData, group.AnnotationPropertyTypeCodeSequence = bytes(64), [code]
    dataset.ReferencedImageSequence, dataset.ReferencedSeriesSequence = [image], [series]
    dataset.AnnotationGroupSequence = [group]
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()
