from __future__ import annotations

import hashlib
import logging
import socket
import threading
import time
from contextlib import suppress
from itertools import islice
from random import Random
from typing import TYPE_CHECKING

import pytest
import structlog
from pydicom import dcmread
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    VLWholeSlideMicroscopyImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import split_dataset
from pynetdicom.pdu_primitives import A_ASSOCIATE

from dimse_wire import command, p_data
from marrowcount.errors import PeerError, SettingsError, StorageError
from marrowcount.workflow.receive import ReceiveLimits
from marrowcount_adapters.dimse import Calling, Listener, ListenerSettings, echo, send_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Node
    from pynetdicom.association import Association

    from marrowcount.ports import Recording

CALLING = Calling("SCANNER", answer_s=20)


def associate(
    node: Node, *contexts: tuple[str, list[str]], calling: str = "SCANNER", called: str = "MARROWCOUNT"
) -> Association:
    entity = AE(calling)
    for sop_class, syntaxes in contexts or [("1.2.840.10008.1.1", [str(ImplicitVRLittleEndian)])]:
        entity.add_requested_context(sop_class, syntaxes)
    return entity.associate("127.0.0.1", node.listener.port, ae_title=called)


def store_association(node: Node, **titles: str) -> Association:
    return associate(node, (str(VLWholeSlideMicroscopyImageStorage), [str(JPEGBaseline8Bit)]), **titles)


def eventually(holds: Callable[[], bool], within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def half_sent(node: Node, path: Path) -> Association:
    """An association that has sent half of a C-STORE and falls silent."""
    association = store_association(node)
    context = association.accepted_contexts[0]
    request = C_STORE()
    request.MessageID, request.Priority = 1, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = VLWholeSlideMicroscopyImageStorage, "1.2.3.4"
    request._dataset_path = (path, split_dataset(path)[1])
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    for fragment in islice(message.encode_msg(context.context_id, 16384), 20):
        association.dul.send_pdu(fragment)
    assert eventually(lambda: any(file.stat().st_size > 100_000 for file in node.incoming()))
    return association


def drop(association: Association) -> None:
    """Break the TCP connection as a crash does."""
    association.dul.socket.socket.shutdown(socket.SHUT_RDWR)


def test_echo_is_answered(node: Node) -> None:
    """Verification is offered, as every node that accepts associations must (PS3.2)."""
    assert "answered C-ECHO" in echo(node.peer, CALLING)


def test_stored_instance_lies_in_the_store_as_it_was_sent(node: Node, make_slide: Callable[..., Path]) -> None:
    """Success means that file and entry are there, and that the data set is bit by bit the sender's."""
    slide = make_slide()
    report = send_files([slide], node.peer, CALLING)
    assert report.failures == ()
    recorded = node.ledger.instance("1.2.3.4")
    kept = node.store.path(recorded.file.path)
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == recorded.file.sha256
    assert recorded.sender == "SCANNER"
    assert node.store.same_data_set(slide, recorded.file.path)
    assert dcmread(kept).PixelData == dcmread(slide).PixelData
    assert node.incoming() == []


def test_success_waits_for_file_and_ledger(
    start_node: Callable[..., Node], make_slide: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the ledger fails, the answer is out of resources (A700), so that the sender tries again."""
    node = start_node()

    def fail(_: object) -> Recording:
        raise StorageError("database-failed", "the database is locked")

    monkeypatch.setattr(node.ledger, "record_instance", fail)
    assert send_files([make_slide()], node.peer, CALLING).failures[0].status == 0xA700


def test_bug_in_the_node_is_answered_too(
    start_node: Callable[..., Node], make_slide: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unforeseen failure is a processing failure (0110), and the association lives on."""
    node = start_node()
    monkeypatch.setattr(node.ledger, "instance", lambda _: 1 / 0)
    slides = [make_slide("a.dcm"), make_slide("b.dcm", uid="1.2.3.5")]
    assert [sent.status for sent in send_files(slides, node.peer, CALLING).sent] == [0x0110, 0x0110]


def test_sending_again_succeeds_and_conflict_is_told(node: Node, make_slide: Callable[..., Path]) -> None:
    """The same data set again is success; another one under its identifier is a duplicate (0111)."""
    first, other = make_slide("a.dcm"), make_slide("b.dcm", ContainerIdentifier="other glass")
    report = send_files([first, first, other], node.peer, CALLING)
    assert [sent.status for sent in report.sent] == [0x0000, 0x0000, 0x0111]
    assert len(node.kept()) == 1
    assert "UID" in report.failures[0].reason


def test_mismatch_and_nonsense_have_their_statuses(node: Node, make_slide: Callable[..., Path]) -> None:
    """A data set of other identifiers is A900; one that cannot be parsed is C000."""
    announced, nonsense = make_slide("a.dcm"), make_slide("b.dcm", uid="1.2.3.5")
    announced.write_bytes(announced.read_bytes().replace(b"UI\x08\x001.2.3.4\0", b"UI\x08\x001.2.3.9\0"))
    head = nonsense.read_bytes()
    meta_end = 144 + int.from_bytes(head[140:144], "little")
    nonsense.write_bytes(head[:meta_end] + b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff")
    # The File Meta Information still announces what was; only the data set changed.
    announced_meta = announced.read_bytes()[:meta_end].replace(b"1.2.3.9\0", b"1.2.3.4\0")
    announced.write_bytes(announced_meta + announced.read_bytes()[meta_end:])
    report = send_files([announced, nonsense], node.peer, CALLING)
    assert [sent.status for sent in report.sent] == [0xA900, 0xC000]
    assert len(list(node.store.path("quarantine").glob("*.dcm"))) == 2


def test_disk_below_the_watermark_is_out_of_resources(
    start_node: Callable[..., Node], make_slide: Callable[..., Path]
) -> None:
    """Below the watermark senders hear A700 and try later; nothing is kept and nothing lies about."""
    node = start_node(ReceiveLimits(min_free_bytes=1 << 62))
    report = send_files([make_slide()], node.peer, CALLING)
    assert report.failures[0].status == 0xA700
    assert report.failures[0].verdict.value == "try later"
    assert (node.kept(), node.incoming()) == ([], [])


def test_unknown_caller_is_rejected(start_node: Callable[..., Node]) -> None:
    """Calling AE title not recognised: PS3.8 Table 9-21, 1-1-3."""
    node = start_node(allowed_callers=frozenset({"SCANNER", "PACS@127.0.0.1", "OTHER@10.1.2.3"}))
    assert associate(node, calling="SCANNER").is_established
    assert associate(node, calling="PACS").is_established
    for stranger in ("STRANGER", "OTHER"):
        association = associate(node, calling=stranger)
        answer = association.acceptor.primitive
        assert association.is_rejected
        assert isinstance(answer, A_ASSOCIATE)
        assert (answer.result, answer.result_source, answer.diagnostic) == (1, 1, 3)


def test_wrong_called_title_is_rejected(node: Node) -> None:
    """Called AE title not recognised: PS3.8 Table 9-21, 1-1-7."""
    association = associate(node, called="ELSEWHERE")
    assert association.is_rejected
    assert association.acceptor.primitive.diagnostic == 7


def test_more_associations_than_allowed_are_a_passing_overload(start_node: Callable[..., Node]) -> None:
    """The one too many is rejected as transient (local limit exceeded), so that it comes back later."""
    node = start_node(max_associations=1)
    first = associate(node)
    second = associate(node)
    assert first.is_established
    assert (second.acceptor.primitive.result, second.acceptor.primitive.diagnostic) == (2, 2)
    first.release()
    assert eventually(lambda: not node.listener._servers[0].active_associations)
    assert associate(node).is_established


def test_compressed_syntax_wins_over_uncompressed_in_one_context(node: Node) -> None:
    """A sender that offers both is never made to decompress a slide."""
    offered = [str(ImplicitVRLittleEndian), str(ExplicitVRLittleEndian), str(JPEGBaseline8Bit)]
    association = associate(node, (str(VLWholeSlideMicroscopyImageStorage), offered))
    assert association.accepted_contexts[0].transfer_syntax == [JPEGBaseline8Bit]
    association.release()


@pytest.mark.parametrize("syntax", ["50", "51", "57", "70", "80", "81", "90", "91", "92", "93", "110", "201", "203"])
def test_every_listed_compression_is_taken(node: Node, syntax: str) -> None:
    """JPEG, JPEG-LS, JPEG 2000, HTJ2K and JPEG XL are all accepted as they are."""
    uid = f"1.2.840.10008.1.2.4.{syntax}"
    association = associate(node, (str(VLWholeSlideMicroscopyImageStorage), [uid]))
    assert [str(context.transfer_syntax[0]) for context in association.accepted_contexts] == [uid]
    association.release()


def test_foreign_classes_are_not_accepted(node: Node) -> None:
    """CT images are none of this node's business."""
    association = associate(node, ("1.2.840.10008.5.1.4.1.1.2", [str(ImplicitVRLittleEndian)]))
    assert not association.accepted_contexts


@pytest.mark.parametrize("end", ["abort", "crash"])
def test_broken_off_transfer_leaves_nothing(node: Node, make_slide: Callable[..., Path], end: str) -> None:
    """Whether the sender aborts or its machine dies, the half of a slide is deleted, and the node goes on."""
    association = half_sent(node, make_slide(frame_bytes=2_000_000))
    association.abort() if end == "abort" else drop(association)
    assert eventually(lambda: node.incoming() == [])
    assert node.kept() == []
    echo(node.peer, CALLING)


def test_silent_sender_is_aborted(start_node: Callable[..., Node], make_slide: Callable[..., Path]) -> None:
    """A sender that falls silent within a transfer is given up after the network timeout."""
    node = start_node(network_timeout_s=0.5)
    half_sent(node, make_slide(frame_bytes=2_000_000))
    assert eventually(lambda: node.incoming() == [])
    assert eventually(lambda: not node.listener._servers[0].active_associations)


def test_start_sweeps_what_a_crash_left(start_node: Callable[..., Node]) -> None:
    """Files of a node that was killed are deleted when the next one starts, once they are older than any transfer."""
    node = start_node(network_timeout_s=0.01)
    node.listener.stop(drain_s=0)
    (node.store.incoming / "tmpabc.dcm").write_bytes(b"half")
    time.sleep(0.05)
    node.listener.start()
    assert node.incoming() == []


GARBAGE = {
    "nothing": b"",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "zeros": bytes(1000),
    "data before association": b"\4\0\0\0\0\4abcd",
    "announces 4 GB": b"\1\0\xff\xff\xff\xff" + bytes(100),
    "cut association request": b"\1\0\0\0\0\xc8" + bytes(20),
    "empty association request": b"\1\0\0\0\0\0",
    "association request of noise": b"\1\0\0\0\1\0" + bytes(range(256)),
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_garbage_does_not_stop_the_listener(start_node: Callable[..., Node], content: bytes) -> None:
    """Port scans, other protocols and broken PDUs are dropped; the next caller is served, and no thread is left."""
    node = start_node(network_timeout_s=1)
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", node.listener.port)) as connection:
            connection.sendall(content)
    echo(node.peer, CALLING)
    assert eventually(lambda: not node.listener._servers[0].active_associations)
    assert eventually(lambda: not any("AcceptorThread" in thread.name for thread in threading.enumerate()))


SLIDE_CLASS = str(VLWholeSlideMicroscopyImageStorage).encode()
MALFORMED = {
    "unknown context": p_data((99, 3, command(0x0030, 0x0101))),
    "store without identifiers": p_data((1, 3, command(0x0001, 0x0001, SLIDE_CLASS))),
    "store in an unknown context": p_data((99, 3, command(0x0001, 0x0001, SLIDE_CLASS))),
    "unknown command": p_data((1, 3, command(0x7777, 0x0101))),
    "command of noise": p_data((1, 3, bytes(range(255)))),
    "data set first": p_data((1, 2, b"data set")),
    "value longer than its PDU": b"\4\0\0\0\0\6\xff\xff\xff\xff\1\3",
    "no value at all": b"\4\0\0\0\0\0",
    "second association request": b"\1\0\0\0\0\4abcd",
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_malformed_messages_end_their_own_association_only(start_node: Callable[..., Node], content: bytes) -> None:
    """Nonsense within an association costs that association; the next is served, no thread and no file is left."""
    node = start_node(network_timeout_s=1)
    association = store_association(node)
    association.dul.socket.socket.sendall(content)
    assert eventually(lambda: not association.is_established)
    echo(node.peer, CALLING)
    assert eventually(lambda: not node.listener._servers[0].active_associations)
    assert (node.incoming(), node.kept()) == ([], [])


def recorded_stream(node: Node, path: Path) -> tuple[bytes, bytes]:
    """Every byte that a good sender sends for one slide: the association request, and all that follows."""
    sent: list[bytes] = []
    entity = AE("SCANNER")
    entity.add_requested_context(VLWholeSlideMicroscopyImageStorage, JPEGBaseline8Bit)
    handlers = [(evt.EVT_DATA_SENT, lambda event: sent.append(bytes(event.data)))]
    association = entity.associate("127.0.0.1", node.listener.port, ae_title="MARROWCOUNT", evt_handlers=handlers)
    assert association.send_c_store(path).Status == 0x0000
    association.release()
    return sent[0], b"".join(sent[1:])


def mutant(stream: bytes, random: Random) -> bytes:
    """The stream with some bytes changed, most of them in its headers, cut off at times."""
    changed = bytearray(stream)
    for _ in range(random.randint(1, 4)):
        reach = min(len(changed), random.choice([80, 400, 1200, len(changed)]))
        changed[random.randrange(reach)] = random.randrange(256)
    return bytes(changed[: random.randrange(len(changed))] if random.random() < 0.2 else changed)


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about what it reads
def test_mutated_streams_do_no_harm(start_node: Callable[..., Node], make_slide: Callable[..., Path]) -> None:
    """Whatever becomes of the bytes of a good sender: the node serves the next, and what it keeps is recorded."""
    node = start_node(network_timeout_s=1, max_associations=30)
    request, rest = recorded_stream(node, make_slide(frame_bytes=5000))
    random = Random(17)  # noqa: S311 - to be repeatable
    for _ in range(90):
        with socket.create_connection(("127.0.0.1", node.listener.port), timeout=2) as connection, suppress(OSError):
            if random.random() < 0.3:
                connection.sendall(mutant(request + rest, random))
            else:
                connection.sendall(request)
                connection.recv(6)  # the association is accepted
                connection.sendall(mutant(rest, random))
    assert eventually(lambda: not node.listener._servers[0].active_associations, within_s=30)
    echo(node.peer, CALLING)
    assert eventually(lambda: node.incoming() == [])
    recorded = [each.file.path for slide in node.ledger.slides() for each in node.ledger.instances(slide.series_uid)]
    assert sorted(node.store.path(path) for path in recorded) == node.kept()


def test_connections_that_never_ask_are_limited(start_node: Callable[..., Node]) -> None:
    """Idle connections cannot use up the machine's threads: beyond a multiple of the associations they are closed."""
    node = start_node(max_associations=2)
    idle = [socket.create_connection(("127.0.0.1", node.listener.port)) for _ in range(8)]
    assert eventually(lambda: len(node.listener._servers[0].active_associations) == 8)
    with socket.create_connection(("127.0.0.1", node.listener.port), timeout=5) as late:
        assert late.recv(1) == b""
    for connection in idle:
        connection.close()
    assert eventually(lambda: not node.listener._servers[0].active_associations)
    echo(node.peer, CALLING)


def test_stop_lets_running_associations_finish(node: Node, make_slide: Callable[..., Path]) -> None:
    """Draining takes no new callers, but what is being sent arrives."""
    association = store_association(node)
    stopping = threading.Thread(target=node.listener.stop, kwargs={"drain_s": 20})
    port = node.listener.port
    stopping.start()
    assert eventually(lambda: node.listener.port == 0)
    assert association.send_c_store(make_slide()).Status == 0x0000
    association.release()
    stopping.join(timeout=20)
    assert not stopping.is_alive()
    assert len(node.kept()) == 1
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port))


def test_stop_aborts_who_does_not_finish(node: Node) -> None:
    """After the drain time an idle association is aborted."""
    association = associate(node)
    node.listener.stop(drain_s=0.1)
    assert eventually(lambda: association.is_aborted)


def test_taken_port_is_a_settings_error(node: Node) -> None:
    """A node that cannot listen says on which address, and starts nothing."""
    settings = ListenerSettings("SECOND", port=node.listener.port)
    second = Listener(settings, node.listener._receiving, lambda *_: True)
    with pytest.raises(SettingsError) as failure:
        second.start()
    assert failure.value.code == "cannot-listen"
    assert str(node.listener.port) in failure.value.message


def test_nothing_about_the_patient_is_logged(
    node: Node, make_slide: Callable[..., Path], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Names and identifiers of patients reach neither the log nor the standard streams, even when things go wrong."""
    with structlog.testing.capture_logs() as events, caplog.at_level(logging.DEBUG):
        send_files([make_slide("a.dcm"), make_slide("b.dcm", StudyID="other")], node.peer, CALLING)
    captured = capsys.readouterr()
    said = f"{events} {caplog.text} {captured.out} {captured.err}"
    assert "1.2.3.4" in said
    assert "Secret" not in said
    assert "SECRET" not in said


def test_c_store_without_a_data_set_is_not_understood(node: Node) -> None:
    """A command that announces no data set is answered, not taken."""
    association = store_association(node)
    primitive = C_STORE()
    primitive.MessageID, primitive.Priority = 1, 2
    primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID = VLWholeSlideMicroscopyImageStorage, "1.2.3.4"
    association._reactor_checkpoint.clear()
    association.dimse.send_msg(primitive, association.accepted_contexts[0].context_id)
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    assert answer is None or answer.Status != 0x0000
    association.abort()
    echo(node.peer, CALLING)


def test_unreachable_peer_is_a_peer_error(node: Node) -> None:
    """A listener that is gone is told as such."""
    peer = node.peer
    node.listener.stop(drain_s=0)
    with pytest.raises(PeerError) as failure:
        echo(peer, CALLING)
    assert failure.value.code == "peer-unreachable"
