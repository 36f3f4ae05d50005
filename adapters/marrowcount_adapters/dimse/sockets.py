"""pynetdicom's socket, hardened against peers that send too much, too slowly, or stop reading."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pynetdicom import AE
from pynetdicom.transport import AssociationSocket

if TYPE_CHECKING:
    import ssl

    from pynetdicom.association import Association
    from pynetdicom.transport import T_CONNECT, AddressInformation

__all__ = ["MAX_PDU_BYTES", "BoundedSocket", "CallingEntity"]

MAX_PDU_BYTES: Final = 131072
"""What the node offers; 8 times pynetdicom's own offer doubles the rate."""

LONGEST_PDU_BYTES: Final = 1 << 20
"""Longer than any association request with 128 contexts; a PDU header may announce 4 GB."""


class BoundedSocket(AssociationSocket):
    """Reads a PDU into one buffer, gives up on one that is too long or stalls, and is closed whatever happens."""

    def recv(self, nr_bytes: int) -> bytearray:
        """As many bytes as asked for; fewer where the peer closed, or announced more than any PDU holds.

        Raises:
            TimeoutError: the peer stalled for longer than the network timeout.
        """
        if nr_bytes > LONGEST_PDU_BYTES or self.socket is None:
            return bytearray()
        buffer, received = bytearray(nr_bytes), 0
        deadline = time.monotonic() + (self.assoc.network_timeout or float("inf"))
        while received < nr_bytes and (count := self.socket.recv_into(memoryview(buffer)[received:])):
            received += count
            if time.monotonic() > deadline:
                raise TimeoutError("the peer stalled within a PDU")
        return buffer[:received]

    def connect(self, primitive: T_CONNECT) -> None:
        """Connect, and keep a timeout, which the base class takes off: a peer may stop reading for ever."""
        super().connect(primitive)
        if self.socket is not None:
            self.socket.settimeout(self.assoc.network_timeout)

    def _shutdown_socket(self) -> None:
        if self.socket is None:
            return
        with suppress(OSError):  # not connected; the base class then leaves it open
            self.socket.shutdown(2)
        self.socket.close()


class CallingEntity(AE):
    """An application entity that calls through bounded sockets."""

    def _create_socket(
        self,
        assoc: Association,
        address: AddressInformation,
        tls_args: tuple[ssl.SSLContext, str] | None,
    ) -> AssociationSocket:
        bounded = BoundedSocket(assoc, address=address)
        bounded.tls_args = tls_args
        return bounded
