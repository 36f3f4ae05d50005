"""pynetdicom's socket, hardened against peers that send too much, too slowly, or stop reading."""

from __future__ import annotations

import select
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from pynetdicom import AE
from pynetdicom.transport import AssociationSocket

from marrowcount_adapters.dimse.checkpoint import Checkpoint
from marrowcount_adapters.dimse.guards import guard_call

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from pynetdicom.association import Association
    from pynetdicom.transport import T_CONNECT, AddressInformation

__all__ = ["LONGEST_PDU_BYTES", "MAX_PDU_BYTES", "BoundedSocket", "CallingEntity", "handshake_reason"]

MAX_PDU_BYTES: Final = 131072
"""What the node offers; 8 times pynetdicom's own offer doubles the rate."""

LONGEST_PDU_BYTES: Final = 1 << 20
"""Longer than any association request with 128 contexts; a PDU header may announce 4 GB."""


class BoundedSocket(AssociationSocket):
    """Gives up on a PDU that is too long or stalls, reads without copying, and is closed whatever happens.

    Attributes:
        failure: why there is no TLS connection, in a few words; empty where there is one, or none was asked for.
    """

    failure = ""
    _read_ahead = b""
    _deadline = float("inf")

    def begin_pdu(self) -> None:
        """From now on the peer has the network timeout to bring a whole PDU."""
        self._deadline = time.monotonic() + (self.assoc.network_timeout or float("inf"))

    def into(self, room: memoryview) -> int:
        """Read into a buffer what is there, waiting for the first byte; how many bytes.

        Raises:
            ConnectionError: the peer closed the connection, or this side did.
            TimeoutError: the peer stalled for longer than the network timeout.
        """
        if self.socket is None:
            raise ConnectionError("the connection is closed")
        count = self._received_into(room)
        if not count:
            raise ConnectionError("the peer closed the connection")
        if time.monotonic() > self._deadline:
            raise TimeoutError("the peer stalled within a PDU")
        return count

    def exactly(self, count: int) -> bytes:
        """Read so many bytes.

        Raises:
            OSError: as :meth:`into`.
        """
        buffer, filled = bytearray(count), 0
        while filled < count:
            filled += self.into(memoryview(buffer)[filled:])
        return bytes(buffer)

    def put_back(self, head: bytes) -> None:
        """Let the next :meth:`recv` return these bytes, and no others."""
        self._read_ahead = head

    def wait(self, seconds: float) -> bool:
        """Whether something can be read; waits for it for so long."""
        if self.socket is None:
            return False
        pending = getattr(self.socket, "pending", None)  # a TLS connection may have decrypted more than was asked for
        if pending is not None and pending():
            return True
        asked = select.poll()  # select(2) fails for descriptors of 1024 and above
        asked.register(self.socket, select.POLLIN)
        return bool(asked.poll(seconds * 1000))

    def recv(self, nr_bytes: int) -> bytearray:
        """As many bytes as asked for; fewer where the peer closed, or announced more than any PDU holds.

        Raises:
            TimeoutError: the peer stalled for longer than the network timeout.
        """
        if self._read_ahead:
            head, self._read_ahead = self._read_ahead, b""
            return bytearray(head)
        if nr_bytes > LONGEST_PDU_BYTES or self.socket is None:
            return bytearray()
        self.begin_pdu()
        buffer, received = bytearray(nr_bytes), 0
        with suppress(ConnectionError):
            while received < nr_bytes:
                received += self.into(memoryview(buffer)[received:])
        return buffer[:received]

    def _received_into(self, rest: memoryview) -> int:
        try:
            return cast("socket.socket", self.socket).recv_into(rest)
        except ssl.SSLError as error:  # TLS 1.3: a server refuses the client's certificate after the handshake
            self.failure = handshake_reason(error)
            raise

    def connect(self, primitive: T_CONNECT) -> None:
        """Connect, and keep a timeout, which the base class takes off: a peer may stop reading for ever."""
        secured, self._tls_args = self._tls_args, None
        super().connect(primitive)
        if self.socket is not None and secured is not None:
            self._secure(self.socket, *secured, primitive)
        if self.socket is not None:
            self.socket.settimeout(self.assoc.network_timeout)

    def _secure(self, plain: socket.socket, context: ssl.SSLContext, host: str, primitive: T_CONNECT) -> None:
        """Shake hands, and remember why it failed, which the base class only prints."""
        plain.settimeout(self.assoc.acse_timeout)
        try:
            self.socket = context.wrap_socket(plain, server_hostname=host)
        except (OSError, ValueError) as error:
            self.failure = handshake_reason(error)
            plain.close()
            self.socket, self._is_connected = None, False
            primitive.result = "Evt17"  # as if the connection had not come about

    def _shutdown_socket(self) -> None:
        if self.socket is None:
            return
        with suppress(OSError):  # not connected; the base class then leaves it open
            self.socket.shutdown(2)
        self.socket.close()


class CallingEntity(AE):
    """An application entity that calls through bounded sockets.

    Attributes:
        prepare: does what has to be done to an association before it connects.
    """

    prepare: Callable[[Association], None] = staticmethod(lambda _association: None)

    def _create_socket(
        self,
        assoc: Association,
        address: AddressInformation,
        tls_args: tuple[ssl.SSLContext, str] | None,
    ) -> AssociationSocket:
        bounded = BoundedSocket(assoc, address=address)
        bounded.tls_args = tls_args
        assoc._reactor_checkpoint = Checkpoint(assoc)  # noqa: SLF001 - its thread has not begun yet
        guard_call(assoc)
        self.prepare(assoc)
        return bounded


def handshake_reason(error: Exception) -> str:
    """Why a TLS handshake failed, in a few words that hold nothing the peer could have written."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "the peer did not finish it in time"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return "the peer closed the connection"
