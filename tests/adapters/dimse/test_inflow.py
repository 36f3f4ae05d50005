"""P-DATA of one association, value by value, without a network."""

from __future__ import annotations

import hashlib
import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import JPEGBaseline8Bit, VLWholeSlideMicroscopyImageStorage
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_ECHO, C_STORE
from pynetdicom.presentation import build_context

from dimse_wire import command, p_data, store_command
from marrowcount.errors import InstanceError, StorageError
from marrowcount.testing import HeldClock, InMemoryLedger
from marrowcount.workflow.receive import ReceiveLimits, Receiving
from marrowcount_adapters.dimse import inflow, transfers
from marrowcount_adapters.dimse.inflow import Inflow, MalformedError
from marrowcount_adapters.dimse.transfers import Arrived, EndlessError
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.wsi.header import read_facts

if TYPE_CHECKING:
    from pathlib import Path

SLIDE_CLASS, CONTEXT, OTHER_CONTEXT = str(VLWholeSlideMicroscopyImageStorage), 1, 3
COMMAND, LAST_COMMAND, DATA, LAST_DATA = 1, 3, 0, 2


class Wire:
    """Stands in for a socket: bytes that came, given out in pieces of any length."""

    def __init__(self, content: bytes, most: int = 1 << 30) -> None:
        self._left, self._most = memoryview(content), most

    def into(self, room: memoryview) -> int:
        count = min(len(room), len(self._left), self._most)
        if not count:
            raise ConnectionError("the peer closed the connection")
        room[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def exactly(self, count: int) -> bytes:
        if count > len(self._left):
            raise ConnectionError("the peer closed the connection")
        taken, self._left = bytes(self._left[:count]), self._left[count:]
        return taken


class Incoming:
    """An accepted association without its network, and what comes in over it."""

    def __init__(self, folder: Path, limits: ReceiveLimits | None = None) -> None:
        self.store = FolderStore(folder)
        limits = limits or ReceiveLimits(min_free_bytes=0)
        self.receiving = Receiving(self.store, InMemoryLedger(), HeldClock(), read_facts, limits)
        self.association = Association(AE(), "acceptor")
        for context_id in (CONTEXT, OTHER_CONTEXT):
            context = build_context(SLIDE_CLASS, JPEGBaseline8Bit)
            context.context_id = context_id
            self.association._accepted_cx[context_id] = context
        self.inflow = Inflow(self.association, self.receiving)

    def read(self, stream: bytes, most: int = 1 << 30) -> None:
        """Whole P-DATA-TF PDUs."""
        wire = Wire(stream, most)
        while wire._left:
            kind, length = struct.unpack(">BxI", wire.exactly(6))
            assert kind == 4
            self.inflow.read(wire, length)

    def message(self) -> C_STORE:
        _, found = self.association.dimse.get_msg()
        assert found is not None
        return found

    def arrived(self) -> Arrived:
        found = self.message()._dataset_path
        assert isinstance(found, Arrived)
        return found

    def files(self) -> list[Path]:
        return list(self.store.incoming.iterdir())


@pytest.fixture
def incoming(tmp_path: Path) -> Incoming:
    return Incoming(tmp_path)


def stored(data_set: bytes, instance: str = "1.2.3.4") -> bytes:
    """A C-STORE request in two PDUs."""
    return p_data((CONTEXT, LAST_COMMAND, store_command(SLIDE_CLASS, instance))) + p_data(
        (CONTEXT, LAST_DATA, data_set)
    )


def cut(content: bytes, places: list[int]) -> list[bytes]:
    """The content cut at these places, which may coincide."""
    edges = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[begin:end] for begin, end in pairwise(edges)]


def values(content: bytes, places: list[int], control: int) -> list[tuple[int, int, bytes]]:
    pieces = cut(content, places)
    return [(CONTEXT, control | (2 if number == len(pieces) else 0), piece) for number, piece in enumerate(pieces, 1)]


@settings(max_examples=60, deadline=None)
@given(
    data_set=st.binary(max_size=3000),
    places=st.lists(st.integers(0, 3000), max_size=12),
    command_places=st.lists(st.integers(0, 120), max_size=3),
    together=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    most=st.integers(1, 4000),
    buffer_bytes=st.integers(600, 2000),
)
def test_however_a_sender_cuts_its_message_the_file_is_the_same(  # noqa: PLR0917 - hypothesis passes by name
    tmp_path_factory: pytest.TempPathFactory,
    data_set: bytes,
    places: list[int],
    command_places: list[int],
    together: list[int],
    most: int,
    buffer_bytes: int,
) -> None:
    """Fragments of any length, several values in a PDU, a network that delivers in dribs: bit by bit what was sent."""
    incoming = Incoming(tmp_path_factory.mktemp("store"))
    announced = values(store_command(SLIDE_CLASS, "1.2.3.4"), command_places, COMMAND)
    left = [*announced, *values(data_set, places, DATA)]
    stream = b""
    while left:
        count = together[len(left) % len(together)]
        stream, left = stream + p_data(*left[:count]), left[count:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfers, "BUFFER_BYTES", buffer_bytes)
        incoming.read(stream, most)
    arrived = incoming.arrived()
    content = arrived.taken_file().read_bytes()
    assert content.endswith(data_set)
    head = content[: len(content) - len(data_set)]
    assert len(head) == 144 + int.from_bytes(head[140:144], "little")
    assert arrived.digest is not None
    assert (arrived.digest.sha256, arrived.digest.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))


def test_messages_follow_each_other_in_one_pdu(incoming: Incoming) -> None:
    """The end of one message and the whole next one may share a PDU, and an echo may stand between two slides."""
    first, second = store_command(SLIDE_CLASS, "1.2.3.4"), store_command(SLIDE_CLASS, "1.2.3.5", 3)
    incoming.read(
        p_data((CONTEXT, LAST_COMMAND, first), (CONTEXT, DATA, b"ab"))
        + p_data((CONTEXT, LAST_DATA, b"cd"), (OTHER_CONTEXT, LAST_COMMAND, command(0x0030, 0x0101)))
        + p_data((OTHER_CONTEXT, LAST_COMMAND, second), (OTHER_CONTEXT, LAST_DATA, b"ef"))
    )
    one = incoming.arrived()
    assert isinstance(incoming.message(), C_ECHO)
    other = incoming.arrived()
    assert one.taken_file().read_bytes().endswith(b"abcd")
    assert other.taken_file().read_bytes().endswith(b"ef")


COMMAND_SET = store_command(SLIDE_CLASS, "1.2.3.4")
BEGUN = p_data((CONTEXT, LAST_COMMAND, COMMAND_SET), (CONTEXT, DATA, b"ab"))
MALFORMED = {
    "no value": p_data(),
    "a cut head": b"\4\0\0\0\0\3\0\0\0",
    "a value longer than its PDU": b"\4\0\0\0\0\6\0\0\0\x09\1\0",
    "a PDU of 4 GB": b"\4\0\xff\xff\xff\xff\xff\xff\xff\xf0\1\0",
    "a value without its header": b"\4\0\0\0\0\6\0\0\0\1\1\0",
    "a data set without a command": p_data((CONTEXT, LAST_DATA, b"ab")),
    "a data set within a command": p_data((CONTEXT, COMMAND, COMMAND_SET[:20]), (CONTEXT, DATA, b"ab")),
    "a command within a data set": BEGUN + p_data((CONTEXT, LAST_COMMAND, command(0x0030, 0x0101))),
    "a data set in another context": BEGUN + p_data((OTHER_CONTEXT, DATA, b"ab")),
    "a command in two contexts": p_data((CONTEXT, COMMAND, COMMAND_SET[:20]), (OTHER_CONTEXT, COMMAND, b"")),
    "a command without end": p_data((CONTEXT, COMMAND, bytes(60_000)), (CONTEXT, COMMAND, bytes(60_000))),
}


@pytest.mark.parametrize("stream", MALFORMED.values(), ids=MALFORMED)
def test_what_no_message_consists_of_is_malformed(incoming: Incoming, stream: bytes) -> None:
    """PS3.8 Annex E: one message after the other, in one context each, command first."""
    with pytest.raises(MalformedError):
        incoming.read(stream)
    incoming.inflow.break_off()
    assert incoming.files() == []


def test_identifiers_are_not_collected_without_end(incoming: Incoming, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set that pynetdicom keeps in memory, of a query for example, may not fill the memory."""
    monkeypatch.setattr(inflow, "LONGEST_IDENTIFIER_BYTES", 1000)
    query = p_data((CONTEXT, LAST_COMMAND, command(0x0020, 0x0001)))
    incoming.read(query + p_data((CONTEXT, DATA, bytes(1000))))
    with pytest.raises(MalformedError):
        incoming.read(p_data((CONTEXT, DATA, b"a")))


def test_peer_that_does_not_wait_for_answers_is_stopped(incoming: Incoming) -> None:
    """Without asynchronous operations each request waits for the answer to the one before."""
    with pytest.raises(MalformedError, match="negotiated"):
        incoming.read(stored(b"ab") * (inflow.MOST_UNANSWERED + 1))
    incoming.inflow.clear()
    assert incoming.files() == []


def test_an_answer_lets_its_file_go(incoming: Incoming) -> None:
    """What was answered leaves no file in the inbox, and makes room for the next request."""
    for _ in range(inflow.MOST_UNANSWERED + 1):
        incoming.read(stored(b"ab"))
        incoming.inflow.answered(incoming.arrived())
    assert incoming.files() == []


def test_connection_that_ends_leaves_nothing(incoming: Incoming) -> None:
    """Half a data set is deleted as soon as nobody can bring the rest."""
    incoming.read(BEGUN)
    assert (incoming.inflow.transferring, len(incoming.files())) == (True, 1)
    assert incoming.inflow.break_off()
    assert (incoming.inflow.transferring, incoming.files()) == (False, [])
    assert not incoming.inflow.break_off()


def large(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A data set that is held against the limits some times on its way."""
    monkeypatch.setattr(transfers, "CHECK_EVERY_BYTES", 1000)
    monkeypatch.setattr(transfers, "BUFFER_BYTES", 500)
    return stored(bytes(20_000))


def test_too_large_data_set_is_read_to_its_end_and_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender is to hear why, so the rest is read and dropped, and takes no space."""
    incoming = Incoming(tmp_path, ReceiveLimits(max_instance_bytes=5000, min_free_bytes=0))
    incoming.read(large(monkeypatch))
    with pytest.raises(InstanceError) as failure:
        incoming.arrived().taken_file()
    assert failure.value.code == "too-large"
    assert incoming.files() == []


def test_data_set_without_room_is_refused_from_the_start(tmp_path: Path) -> None:
    """Below the watermark nothing is written at all."""
    incoming = Incoming(tmp_path, ReceiveLimits(min_free_bytes=1 << 62))
    incoming.read(BEGUN)
    assert incoming.files() == []
    incoming.read(p_data((CONTEXT, LAST_DATA, b"cd")))
    with pytest.raises(StorageError):
        incoming.arrived().taken_file()


def test_refused_data_set_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading on is a courtesy with an end."""
    incoming = Incoming(tmp_path, ReceiveLimits(min_free_bytes=1 << 62))
    monkeypatch.setattr(transfers, "LONGEST_DRAIN_BYTES", 10_000)
    with pytest.raises(EndlessError):
        incoming.read(large(monkeypatch))
