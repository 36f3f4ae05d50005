"""Receivers of HL7 v2 for tests: a scripted one, and those of two independent libraries."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING

from hl7.mllp import start_hl7_server
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.mllp import AbstractHandler, MLLPServer
from hl7apy.parser import parse_message

if TYPE_CHECKING:
    import hl7
    from hl7.mllp import HL7StreamReader, HL7StreamWriter

__all__ = ["Received", "acknowledging", "asyncio_receiver", "framed_ack", "number_of", "scripted", "strict_receiver"]

END = b"\x1c\r"

Answer = Callable[["Received", bytes], bytes | None]
"""From what was received until now and the message to the answer's bytes; None hangs up."""


@dataclass
class Received:
    """What a receiver filed: each number once, as a record system does.

    Attributes:
        arrived: every message, repeated ones again.
    """

    arrived: list[bytes] = field(default_factory=list)

    @property
    def filed(self) -> dict[str, bytes]:
        return {number_of(message): message for message in self.arrived}


def number_of(message: bytes) -> str:
    """MSH-10."""
    return message.split(b"|")[9].decode()


def framed_ack(code: str, number: str, *more: str) -> bytes:
    """An acknowledgement as it goes over the wire."""
    lines = ("MSH|^~\\&|EHR|HOSP|MARROWCOUNT||20261001||ACK^R01^ACK|A1|P|2.5.1", f"MSA|{code}|{number}", *more, "")
    return b"\x0b" + "\r".join(lines).encode() + END


def acknowledging(code: str, *more: str) -> Answer:
    """Always with this code."""
    return lambda _, message: framed_ack(code, number_of(message), *more)


@contextmanager
def scripted(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, Received]]:
    """A receiver that answers as told; its port, and what it received."""
    received = Received()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, answer, received, tls), daemon=True)
        thread.start()
        yield server.getsockname()[1], received
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def _serve(server: socket.socket, answer: Answer, received: Received, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            plain, _ = server.accept()
        except OSError:
            return
        with plain, contextlib.suppress(OSError), _secured(plain, tls) as connection:
            _converse(connection, answer, received)


def _secured(plain: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    plain.settimeout(10)
    return plain if tls is None else tls.wrap_socket(plain, server_side=True)


def _converse(connection: socket.socket, answer: Answer, received: Received) -> None:
    held = b""
    while True:
        data = connection.recv(65536)
        if not data:
            return
        held += data
        while END in held:
            block, _, held = held.partition(END)
            message = block.removeprefix(b"\x0b")
            received.arrived.append(message)
            reply = answer(received, message)
            if reply is None:
                return
            connection.sendall(reply)


class _StrictHandler(AbstractHandler):
    """Files what hl7apy finds sound by its tables of 2.5.1, and refuses the rest."""

    def __init__(self, message: str, received: Received) -> None:
        super().__init__(message)
        self.received = received

    def reply(self) -> str:
        message = self.incoming_message.encode()
        parse_message(self.incoming_message, validation_level=VALIDATION_LEVEL.STRICT).validate()
        self.received.arrived.append(message)
        return framed_ack("AA", number_of(message)).decode()


class _RefusingHandler(AbstractHandler):
    """What the strict one raised on."""

    def __init__(self, error: Exception, message: str) -> None:
        super().__init__(message)
        self.error = error

    def reply(self) -> str:
        number = number_of(self.incoming_message.encode())
        return framed_ack("AE", number, "ERR||PID^1^3|101^Required field missing^HL70357|E").decode()


@contextmanager
def strict_receiver() -> Iterator[tuple[int, Received]]:
    """hl7apy's MLLP server, which takes ORU^R01 of 2.5.1 without a fault and nothing else."""
    received = Received()
    handlers = {"ORU^R01^ORU_R01": (_StrictHandler, received), "ERR": (_RefusingHandler,)}
    with MLLPServer("127.0.0.1", 0, handlers) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1], received
        server.shutdown()
    thread.join(10)


@contextmanager
def asyncio_receiver(code: str = "AA") -> Iterator[tuple[int, Received]]:
    """The MLLP server of python-hl7, which makes acknowledgements itself."""
    received, started = Received(), SimpleQueue[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]]()

    async def file_messages(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                message: hl7.Message = await reader.readmessage()
                received.arrived.append(str(message).encode())
                writer.writemessage(message.create_ack(code))
                await writer.drain()
        writer.close()

    async def run() -> None:
        server, over = (
            await start_hl7_server(file_messages, "127.0.0.1", 0, limit=2**22, encoding="utf-8"),
            asyncio.Event(),
        )
        started.put((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), over))
        async with server:
            await over.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    port, loop, over = started.get(timeout=10)
    yield port, received
    loop.call_soon_threadsafe(over.set)
    thread.join(10)
