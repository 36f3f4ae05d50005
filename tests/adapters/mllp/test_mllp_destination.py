"""Delivery by MLLP: what counts as delivered, what is tried again, what is a dead letter."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from giving import Given, given
from hl7_messages import SITE
from made_up_reports import reports
from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount_adapters.hl7v2 import encode_oru, ready
from marrowcount_adapters.mllp import MllpDestination
from mllp_receivers import (
    Received,
    acknowledging,
    asyncio_receiver,
    framed_ack,
    number_of,
    scripted,
    strict_receiver,
)
from tls_files import TlsFolder, client, server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mllp_receivers import Answer

MESSAGE = encode_oru(reports()["preliminary"], SITE)
NUMBER = number_of(MESSAGE)
PATIENT = ("MRN00017", "Müller", "Zoë")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "oru.engine.hl7"
    path.write_bytes(MESSAGE)
    return path


@pytest.fixture
def receiving() -> Iterator[Callable[[Answer], tuple[int, Received]]]:
    """Starts scripted receivers that end with the test."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(scripted(answer))


def destination(port: int, timeout_s: float = 10.0, tls: ssl.SSLContext | None = None) -> MllpDestination:
    return MllpDestination("engine", "127.0.0.1", port, partial(ready, settings=SITE), timeout_s, tls)


def refused(port: int, file: Path, timeout_s: float = 10.0) -> PeerError:
    """What sending raises; nothing was noted as taken."""
    told = Given()
    with pytest.raises(PeerError) as caught:
        destination(port, timeout_s).send([file], told.note)
    assert told.taken == []
    return caught.value


@pytest.mark.parametrize("code", ["AA", "CA"])
def test_what_is_acknowledged_is_delivered(
    receiving: Callable[..., tuple[int, Received]], file: Path, code: str
) -> None:
    """By the application, or by the receiving system in enhanced mode; the message arrives bit by bit."""
    port, received = receiving(acknowledging(code))
    assert len(given(destination(port), [file]).taken) == 1
    assert received.arrived == [MESSAGE]


@pytest.mark.parametrize("code", ["AE", "CR"])
def test_a_message_at_fault_is_a_dead_letter(
    receiving: Callable[..., tuple[int, Received]], file: Path, code: str
) -> None:
    """With the code of the fault; without the receiver's words."""
    port, _ = receiving(acknowledging(code, "ERR||PID^1^3|204^Unknown key^HL70357|E||||Müller is unknown"))
    error = refused(port, file)
    assert isinstance(error, DeliveryRefusedError)
    assert error.code == f"hl7-{code.lower()}"
    assert error.message == f"engine answered {code} (204, PID-1-3)"
    assert "Müller is unknown" in error.outcome


@pytest.mark.parametrize("code", ["AR", "CE"])
def test_a_rejection_passes_or_becomes_a_dead_letter(
    receiving: Callable[..., tuple[int, Received]], file: Path, code: str
) -> None:
    """It is tried a few times, always with the same message; counting begins anew once it was taken."""
    port, received = receiving(acknowledging(code))
    to = destination(port)
    errors = []
    for _ in range(8):
        with pytest.raises(PeerError) as caught:
            given(to, [file])
        errors.append(caught.value)
    assert [error.retryable for error in errors] == [True] * 7 + [False]
    assert {error.code for error in errors} == {f"hl7-{code.lower()}"}
    assert received.arrived == [MESSAGE] * 8


def test_rejections_are_forgotten_once_the_message_is_taken(
    receiving: Callable[..., tuple[int, Received]], file: Path
) -> None:
    """A receiver that was down for a while has its full number of rejections again."""
    answers = iter(["AR"] * 7 + ["AA"] + ["AR"] * 7)
    port, _ = receiving(lambda _, message: framed_ack(next(answers), number_of(message)))
    to = destination(port)
    for expected in (PeerError,) * 7 + (None,) + (PeerError,) * 7:
        if expected is None:
            given(to, [file])
            continue
        with pytest.raises(expected) as caught:
            given(to, [file])
        assert caught.value.retryable


def test_an_acknowledgement_of_another_message_is_not_taken_for_ours(
    receiving: Callable[..., tuple[int, Received]], file: Path
) -> None:
    """Nor one without a number: ours may follow, and then counts."""
    foreign = framed_ack("AA", "OTHER") + framed_ack("AE", "") + b"\x0bno message\x1c\rgarbage"
    port, _ = receiving(lambda _, message: foreign + framed_ack("AA", number_of(message)))
    assert len(given(destination(port), [file]).taken) == 1
    port, _ = receiving(lambda *_: foreign)
    assert refused(port, file, 0.2).code == "no-acknowledgement"


def test_a_late_acknowledgement_does_not_stand_for_the_next_message(
    receiving: Callable[..., tuple[int, Received]], tmp_path: Path
) -> None:
    """A receiver that answers one behind: no message is delivered by the acknowledgement of the one before."""
    files = [tmp_path / name for name in ("a", "b")]
    for path, name in zip(files, ("preliminary", "final"), strict=True):
        path.write_bytes(encode_oru(reports()[name], SITE))

    def late(received: Received, _: bytes) -> bytes:
        return framed_ack("AA", number_of(received.arrived[-2])) if len(received.arrived) > 1 else b""

    port, _ = receiving(late)
    told = Given()
    with pytest.raises(PeerError, match="no-acknowledgement"):
        destination(port, 0.2).send([files[0]], told.note)
    with pytest.raises(PeerError, match="no-acknowledgement"):
        destination(port, 0.2).send([files[1]], told.note)
    assert told.taken == []


def test_a_receiver_that_hangs_up_is_tried_again_with_the_same_message(
    receiving: Callable[..., tuple[int, Received]], file: Path
) -> None:
    """Whether it had filed the message nobody knows; it knows the number when that comes again."""
    port, received = receiving(
        lambda received, message: None if len(received.arrived) == 1 else framed_ack("AA", number_of(message))
    )
    to = destination(port)
    with pytest.raises(PeerError, match="hung-up") as caught:
        given(to, [file])
    assert caught.value.retryable
    given(to, [file])
    assert len(received.arrived) == 2
    assert received.filed == {NUMBER: MESSAGE}


def test_a_receiver_that_hangs_up_before_it_reads_is_tried_again(file: Path) -> None:
    """Reset while we write, or silence."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        listening.listen(0)
        assert refused(port, file, 0.2).retryable
    assert refused(port, file).code == "not-reached"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (framed_ack("ZZ", NUMBER), "odd-answer"),
        (framed_ack("", NUMBER), "odd-answer"),
        (b"\x0b" + bytes(70_000), "answer-too-long"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no-acknowledgement"),
        (framed_ack("AA", NUMBER)[:-2], "no-acknowledgement"),
    ],
)
def test_nonsense_is_a_failure_of_the_receiver(
    receiving: Callable[..., tuple[int, Received]], file: Path, answer: bytes, code: str
) -> None:
    """It may pass; nothing was delivered, and nothing grows without an end."""
    port, _ = receiving(lambda *_: answer)
    error = refused(port, file, 0.5)
    assert (error.code, error.retryable) == (code, True)


def test_an_acknowledgement_may_come_byte_by_byte(file: Path) -> None:
    """And without the last carriage return."""
    answer = framed_ack("AA", NUMBER).removesuffix(b"\r")
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as stack:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while not connection.recv(65536).endswith(b"\x1c\r"):
                    pass
                for byte in answer:
                    connection.sendall(bytes([byte]))
                connection.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        stack.callback(thread.join, 10)
        assert len(given(destination(listening.getsockname()[1]), [file]).taken) == 1


def test_a_draft_goes_nowhere(receiving: Callable[..., tuple[int, Received]], file: Path) -> None:
    """Whose patient cannot be told; the receiver is not even called."""
    file.write_bytes(MESSAGE.replace(b"\rPV1", b"\rZMC|1|ELSEWHERE\rPV1").replace(NUMBER.encode(), b""))
    port, received = receiving(acknowledging("AA"))
    error = refused(port, file)
    assert (error.code, error.retryable) == ("unmapped-patient-issuer", False)
    assert received.arrived == []


def test_what_is_no_message_is_refused(receiving: Callable[..., tuple[int, Received]], file: Path) -> None:
    """A file that was damaged on the disk must not reach a receiver as two messages."""
    file.write_bytes(MESSAGE + b"\x1c\r\x0bMSH")
    port, _ = receiving(acknowledging("AA"))
    assert refused(port, file).code == "no-message"


def test_no_patient_data_gets_into_logs_or_errors(receiving: Callable[..., tuple[int, Received]], file: Path) -> None:
    """Whatever a receiver says and wherever it says it."""
    words = "MSH|^~\\&|EHR\rMSA|AE|{}|Zoë Müller MRN00017\rERR|Müller|MRN 00017 Müller|Zoë Müller|E||||Zoë Müller\r"

    def talkative(_: Received, message: bytes) -> bytes:
        return b"".join(
            b"\x0b" + words.format(number).encode() + b"\x1c\r" for number in ("Zoë Müller", number_of(message))
        )

    port, _ = receiving(talkative)
    with capture_logs() as logs:
        error = refused(port, file)
    assert logs
    for said in (str(logs), str(error)):
        assert not [secret for secret in PATIENT if secret in said]


def test_tls_both_ways(file: Path, tmp_path: Path) -> None:
    """The receiver shows a certificate of the house, and asks for ours."""
    house = TlsFolder.made_in(tmp_path / "tls")
    context = server(house.identity("engine"), authorities=house.authorities)
    with scripted(acknowledging("AA"), context) as (port, received):
        ours = client(house.identity("node"), authorities=house.authorities)
        assert len(given(destination(port, tls=ours), [file]).taken) == 1
        assert received.arrived == [MESSAGE]
        assert destination(port, tls=ours).check() == "connected over TLSv1.3"


def test_a_receiver_with_a_strange_certificate_gets_nothing(file: Path, tmp_path: Path) -> None:
    """Not one byte of a message before it has shown who it is."""
    house, stranger = TlsFolder.made_in(tmp_path / "tls"), TlsFolder.made_in(tmp_path / "other")
    with scripted(acknowledging("AA"), server(stranger.identity("engine"))) as (port, received):
        with pytest.raises(PeerError, match="certificate") as caught:
            given(destination(port, tls=client(authorities=house.authorities)), [file])
        assert (caught.value.code, caught.value.retryable) == ("tls-failed", True)
    assert received.arrived == []


def test_a_receiver_that_would_have_none_of_our_certificate_is_told_at_the_check(tmp_path: Path) -> None:
    """In TLS 1.3 that comes only after the handshake."""
    house = TlsFolder.made_in(tmp_path / "tls")
    context = server(house.identity("engine"), authorities=house.authorities)
    with scripted(acknowledging("AA"), context) as (port, _), pytest.raises(PeerError) as caught:
        destination(port, tls=client(authorities=house.authorities)).check()
    assert caught.value.code in {"tls-failed", "hung-up", "not-reached"}


def test_plain_text_to_a_port_that_speaks_tls_fails(file: Path, tmp_path: Path) -> None:
    """And is tried again, since somebody may mend the settings."""
    house = TlsFolder.made_in(tmp_path / "tls")
    with scripted(acknowledging("AA"), server(house.identity("engine"))) as (port, received):
        assert refused(port, file, 1.0).retryable
    assert received.arrived == []


def test_the_check_connects_and_sends_nothing(receiving: Callable[..., tuple[int, Received]]) -> None:
    """A message on trial would be a message."""
    port, received = receiving(acknowledging("AA"))
    assert destination(port).check() == "connected"
    assert received.arrived == []


def test_the_check_tells_that_nobody_is_there() -> None:
    """As a failure that may pass."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(PeerError) as caught:
        destination(port).check()
    assert (caught.value.code, caught.value.retryable) == ("not-reached", True)


def test_a_strict_receiver_files_every_turn_of_a_report(tmp_path: Path) -> None:
    """hl7apy's server, which acknowledges only what is sound by its tables of 2.5.1."""
    with strict_receiver() as (port, received):
        for name, report in reports().items():
            file = tmp_path / name
            file.write_bytes(encode_oru(report, SITE))
            given(destination(port), [file])
    assert [number_of(message) for message in received.arrived] == [
        number_of(encode_oru(report, SITE)) for report in reports().values()
    ]


def test_a_strict_receiver_nacks_what_is_not_sound(file: Path) -> None:
    """Which ends as a dead letter with the receiver's code."""
    file.write_bytes(MESSAGE.replace(b"|P|||2026", b"||||2026", 1))
    with strict_receiver() as (port, received):
        error = refused(port, file)
    assert (error.code, error.retryable) == ("hl7-ae", False)
    assert "101" in error.message
    assert received.arrived == []


@pytest.mark.parametrize(("code", "outcome"), [("AE", "hl7-ae"), ("AR", "hl7-ar")])
def test_another_receiver_files_and_nacks(tmp_path: Path, code: str, outcome: str) -> None:
    """python-hl7's server, whose acknowledgements are its own; a document of a quarter megabyte is no matter."""
    big = encode_oru(reports()["final"], replace(SITE, with_document=True), bytes(250_000))
    file = tmp_path / "big.hl7"
    file.write_bytes(big)
    with asyncio_receiver() as (port, received):
        given(destination(port), [file])
    assert list(received.filed) == [number_of(big)]
    with asyncio_receiver(code) as (port, _):
        assert refused(port, file).code == outcome
