"""An interface engine, or another receiver of HL7 v2, as a destination: sends a message, waits for its acknowledgement.

A connection is made for each delivery. Nothing that comes over it counts but an acknowledgement of the very message
that was sent (MSA-2): late ones, and those of other messages, are passed over.
"""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount.ports import Destination, TakenFile
from marrowcount_adapters.mllp.acknowledging import AcknowledgementCode, message_number, read_acknowledgement
from marrowcount_adapters.mllp.framing import Block, Deframer, framed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from marrowcount_adapters.mllp.acknowledging import Acknowledgement

__all__ = ["MllpDestination"]

CONNECT_S: Final = 5.0
REFUSAL_S: Final = 1.0
"""Longer than a server takes to look at a certificate."""

LONGEST_ANSWER: Final = 64 * 2**10
"""Bytes of a block that are taken; an acknowledgement has some hundred."""

PIECE: Final = 2**14

MOST_REJECTIONS: Final = 8
"""Of one message, with the pauses of the outbox between them some minutes in all; then a person must look."""

DELIVERED: Final = frozenset({AcknowledgementCode.ACCEPTED, AcknowledgementCode.COMMITTED})
PASSING: Final = frozenset({AcknowledgementCode.REJECTED, AcknowledgementCode.NOT_COMMITTED})
LASTING: Final = frozenset({AcknowledgementCode.ERROR, AcknowledgementCode.NOT_ACCEPTED})

log: Final = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MllpDestination(Destination):
    """A receiver by its address.

    Attributes:
        ready: makes of a file's content the message that goes out; see its adapter. It is the same each time.
        timeout_s: to wait for an acknowledgement, in seconds; connecting has 5 s.
        tls: None for plain text.
    """

    destination_name: str
    host: str
    port: int
    ready: Callable[[bytes], bytes]
    timeout_s: float = 30.0
    tls: ssl.SSLContext | None = None
    _rejections: dict[str, int] = field(default_factory=dict[str, int], compare=False)

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self.destination_name

    def send(self, files: Sequence[Path], taken: Callable[[Path, TakenFile], None]) -> None:
        """Send each file, a message, and wait until it is acknowledged.

        Raises:
            PeerError: not reached, no acknowledgement, or one that may change.
            DeliveryRefusedError: refused for good, or no message that can go out.
        """
        messages = [(file, self.ready(file.read_bytes())) for file in files]
        with self._connection() as connection:
            for file, message in messages:
                self._judge(self._exchange(connection, message))
                taken(file, TakenFile())

    def ask_commitment(self, instances: Sequence[TakenFile]) -> str:  # noqa: ARG002 - the port's
        """There is none to ask for."""
        return ""

    def check(self) -> str:
        """Connect, and over TLS give the receiver the time to refuse our certificate.

        Raises:
            PeerError: it cannot be reached.
        """
        with self._connection() as connection:
            if not isinstance(connection, ssl.SSLSocket):
                return "connected"
            self._wait_for_refusal(connection)
            return f"connected over {connection.version()}"

    def _wait_for_refusal(self, connection: ssl.SSLSocket) -> None:
        """In TLS 1.3 a client is through its handshake before the server has looked at its certificate."""
        connection.settimeout(REFUSAL_S)
        try:
            hung_up = not connection.recv(1)
        except TimeoutError:
            return
        if hung_up:
            raise PeerError("hung-up", f"{self.name} hung up at once; does it know our certificate?")

    @contextmanager
    def _connection(self) -> Generator[socket.socket]:
        try:
            with socket.create_connection((self.host, self.port), CONNECT_S) as plain:
                if self.tls is None:
                    yield plain
                else:
                    with self.tls.wrap_socket(plain, server_hostname=self.host) as secured:
                        yield secured
        except TimeoutError:
            raise PeerError("no-answer", f"{self.name} does not answer") from None
        except OSError as error:
            raise PeerError(_code(error), f"{self.name}: {_reason(error)}") from None

    def _exchange(self, connection: socket.socket, message: bytes) -> Acknowledgement:
        number, deframer = message_number(message), Deframer(LONGEST_ANSWER)
        deadline = monotonic() + self.timeout_s
        connection.settimeout(self.timeout_s)
        connection.sendall(_block(message))
        passed_over = 0
        while True:
            for event in deframer.feed(self._received(connection, deadline)):
                answer = read_acknowledgement(event.content) if isinstance(event, Block) else None
                if answer is not None and answer.message_number == number:
                    return answer
                if not passed_over:
                    log.warning("mllp.passed_over", destination=self.name, acknowledgement=answer is not None)
                passed_over += 1

    def _received(self, connection: socket.socket, deadline: float) -> bytes:
        left = deadline - monotonic()
        if left <= 0:
            raise PeerError("no-acknowledgement", f"{self.name} acknowledged nothing in {self.timeout_s:g} s")
        connection.settimeout(left)
        try:
            data = connection.recv(PIECE)
        except TimeoutError:
            return b""
        if not data:
            raise PeerError("hung-up", f"{self.name} hung up without acknowledging the message")
        return data

    def _judge(self, answer: Acknowledgement) -> None:
        """Return where the message is delivered."""
        if answer.code in DELIVERED:
            self._rejections.pop(answer.message_number, None)
            return
        reasons = f" ({', '.join(answer.reasons)})" if answer.reasons else ""
        said = f"{self.name} answered {answer.code}{reasons}"
        if answer.code in LASTING or (answer.code in PASSING and self._is_last(answer)):
            raise DeliveryRefusedError(f"hl7-{answer.code.lower()}", said, outcome=answer.text)
        if answer.code in PASSING:
            raise PeerError(f"hl7-{answer.code.lower()}", said, outcome=answer.text)
        raise PeerError("odd-answer", f"{self.name} answered with an acknowledgement of no known code")

    def _is_last(self, answer: Acknowledgement) -> bool:
        """Count a rejection; after a restart of the node counting begins anew."""
        rejections = self._rejections.get(answer.message_number, 0) + 1
        self._rejections[answer.message_number] = rejections
        if rejections < MOST_REJECTIONS:
            return False
        del self._rejections[answer.message_number]
        return True


def _block(message: bytes) -> bytes:
    try:
        return framed(message)
    except ValueError as error:
        raise DeliveryRefusedError("no-message", str(error)) from None


def _code(error: OSError) -> str:
    return "tls-failed" if isinstance(error, ssl.SSLError) else "not-reached"


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return error.strerror or type(error).__name__
