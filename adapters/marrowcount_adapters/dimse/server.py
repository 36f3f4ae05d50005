"""pynetdicom's association server, hardened against peers that send too much, too slowly or nothing."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Final, cast

from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

if TYPE_CHECKING:
    from pynetdicom.association import Association

__all__ = ["MAX_PDU_BYTES", "BoundedRequestHandler", "BoundedServer"]

MAX_PDU_BYTES: Final = 131072
"""What the node offers; 8 times pynetdicom's own offer doubles the rate."""

LONGEST_PDU_BYTES: Final = 1 << 20
"""Longer than any association request with 128 contexts; a PDU header may announce 4 GB."""

CONNECTIONS_PER_ASSOCIATION: Final = 4
"""Connections held open, as a multiple of the associations allowed; those beyond are closed unheard."""


class BoundedSocket(AssociationSocket):
    """Reads a PDU into one buffer, and gives up on one that is too long or does not arrive in time."""

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


class BoundedRequestHandler(RequestHandler):
    """Gives every accepted connection a bounded socket and a timeout, which pynetdicom leaves out."""

    def _create_association(self) -> Association:
        association = super()._create_association()
        connection = cast("AssociationSocket", association.dul.socket)
        # The base class builds its socket here and offers no way to name another class for it.
        connection.__class__ = BoundedSocket
        self.request.settimeout(association.network_timeout)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return association


class BoundedServer(ThreadedAssociationServer):
    """Closes connections beyond a multiple of the associations allowed, and never waits for a TLS handshake."""

    request_queue_size = 64

    def verify_request(self, request: object, client_address: object) -> bool:  # noqa: ARG002 - socketserver's signature
        """Whether to hear a new connection at all."""
        return len(self.active_associations) < CONNECTIONS_PER_ASSOCIATION * self.ae.maximum_associations

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept; the TLS handshake happens at the first read, in the association's own thread."""
        connection, address = cast("socket.socket", self.socket).accept()
        if self.ssl_context:
            connection = self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address
