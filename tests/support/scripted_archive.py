"""A queried archive whose answers a test decides: pynetdicom's SCP of C-FIND, C-MOVE and C-GET."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, VLWholeSlideMicroscopyImageStorage
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context

from marrowcount_adapters.dimse import Peer
from marrowcount_adapters.dimse.contexts import SLIDE_SYNTAXES, UNCOMPRESSED
from marrowcount_adapters.dimse.retrieving import MODEL_FIND, MODEL_GET, MODEL_MOVE

__all__ = ["ScriptedArchive", "scripted_archive"]

KEYS = {"STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
UNMATCHED = {"QueryRetrieveLevel", "SpecificCharacterSet", "NumberOfSeriesRelatedInstances"}


@dataclass
class ScriptedArchive:
    """Holds files, answers from their headers, and fails as told.

    Attributes:
        files: what it holds.
        ignored: keys that it does not match by, as archives may.
        unanswered: keys that it leaves out of its answers.
        counted: what it says of every series' number of instances; None to count.
        find_status: ends C-FIND; so the others, where they are not None, end C-MOVE and C-GET before any instance.
        dropped: SOP Instance UIDs whose sub-operation fails.
        queries: identifiers of all requests, by service.
        destinations: where C-MOVE may send, by AE title.
        sends: whether it lets the caller be the SCP of storage, which C-GET needs.
        before: what happens when C-MOVE or C-GET comes in, before any answer.
    """

    files: list[Path] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)
    counted: int | None = None
    find_status: int = 0x0000
    move_status: int | None = None
    get_status: int | None = None
    dropped: set[str] = field(default_factory=set)
    queries: list[tuple[str, Dataset]] = field(default_factory=list)
    destinations: dict[str, tuple[str, int]] = field(default_factory=dict)
    services: tuple[str, ...] = (MODEL_FIND, MODEL_MOVE, MODEL_GET)
    sends: bool = True
    before: Callable[[evt.Event], None] = lambda _event: None

    def headers(self) -> list[Dataset]:
        return [dcmread(path, stop_before_pixels=True) for path in self.files]

    def find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        query = event.identifier
        self.queries.append(("C-FIND", query))
        if self.find_status not in {0x0000, 0xFF01}:
            yield self.find_status, None
            return
        seen = set()
        for header in self.matching(query):
            key = str(header[KEYS[query.QueryRetrieveLevel]].value)
            if key not in seen:
                seen.add(key)
                yield self.find_status or 0xFF00, self.answer(query, header)

    def matching(self, query: Dataset) -> list[Dataset]:
        return [header for header in self.headers() if self.matches(query, header)]

    def matches(self, query: Dataset, header: Dataset) -> bool:
        asked = {e.keyword: e.value for e in query if str(e.value or "") and e.keyword not in UNMATCHED}
        return all(str(header.get(k, "")) == str(v) for k, v in asked.items() if k not in self.ignored)

    def answer(self, query: Dataset, header: Dataset) -> Dataset:
        answer = Dataset()
        answer.QueryRetrieveLevel = query.QueryRetrieveLevel
        for element in query:
            if element.keyword not in {*self.unanswered, "QueryRetrieveLevel", "SpecificCharacterSet"}:
                setattr(answer, element.keyword, header.get(element.keyword, ""))
        if "SpecificCharacterSet" in header:
            answer.SpecificCharacterSet = header.SpecificCharacterSet
        if "NumberOfSeriesRelatedInstances" in query:
            of_series = [h for h in self.headers() if h.SeriesInstanceUID == header.SeriesInstanceUID]
            answer.NumberOfSeriesRelatedInstances = len(of_series) if self.counted is None else self.counted
        return answer

    def move(self, event: evt.Event) -> Iterator[Any]:
        self.queries.append(("C-MOVE", event.identifier))
        self.before(event)
        yield self.destinations.get(event.move_destination, (None, None))
        yield from self.sent(event.identifier, self.move_status)

    def get(self, event: evt.Event) -> Iterator[Any]:
        self.queries.append(("C-GET", event.identifier))
        self.before(event)
        yield from self.sent(event.identifier, self.get_status)

    def sent(self, identifier: Dataset, status: int | None) -> Iterator[Any]:
        wanted = [(path, header) for path, header in zip(self.files, self.headers(), strict=True)]
        wanted = [each for each in wanted if self.matches(identifier, each[1])]
        yield len(wanted)
        if status is not None:
            yield status, None
            return
        for path, header in wanted:
            dataset = dcmread(path)
            if header.SOPInstanceUID in self.dropped:
                dataset.SOPClassUID = CTImageStorage  # for which nobody negotiated anything
            yield 0xFF00, dataset


@contextmanager
def scripted_archive(script: ScriptedArchive, ae_title: str = "VAULT") -> Iterator[Peer]:
    """Listening, for the block."""
    entity = AE(ae_title=ae_title)
    entity.requested_contexts = [build_context(VLWholeSlideMicroscopyImageStorage, s) for s in SLIDE_SYNTAXES]
    for service in script.services:
        entity.add_supported_context(service, list(UNCOMPRESSED))
    entity.add_supported_context(
        VLWholeSlideMicroscopyImageStorage, list(SLIDE_SYNTAXES), scu_role=script.sends, scp_role=script.sends
    )
    handlers: Sequence[Any] = [
        (evt.EVT_C_FIND, script.find),
        (evt.EVT_C_MOVE, script.move),
        (evt.EVT_C_GET, script.get),
    ]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(handlers))
    assert server is not None
    try:
        yield Peer(ae_title, "127.0.0.1", server.server_address[1])
    finally:
        entity.shutdown()
