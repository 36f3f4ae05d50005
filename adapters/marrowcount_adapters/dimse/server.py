"""pynetdicom's association server, hardened against too many connections and slow handshakes."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final, cast

import structlog
from pynetdicom import evt
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from marrowcount_adapters.dimse.sockets import BoundedSocket

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.pdu_primitives import P_DATA
    from pynetdicom.transport import AssociationSocket

__all__ = ["BoundedRequestHandler", "BoundedServer"]

LOG: Final = structlog.get_logger()

INVALID_PDU: Final = "Evt19"
"""Unrecognised or invalid PDU (PS3.8 Table 9-10): answered with A-ABORT."""

CONNECTIONS_PER_ASSOCIATION: Final = 4
"""Connections held open, as a multiple of the associations allowed; those beyond are closed unheard."""


class BoundedRequestHandler(RequestHandler):
    """Gives every accepted connection a bounded socket and a timeout, which pynetdicom leaves out."""

    def _create_association(self) -> Association:
        association = super()._create_association()
        connection = cast("AssociationSocket", association.dul.socket)
        # The base class builds its socket here and offers no way to name another class for it.
        connection.__class__ = BoundedSocket
        self.request.settimeout(association.network_timeout)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _guard_messages(association)
        _guard_state_machine(association)
        return association


def _guard_messages(association: Association) -> None:
    """Make a message that cannot be decoded, or written for want of space, end its association in good order.

    pynetdicom's thread would die of it, without an A-ABORT and without telling that the connection closed.
    """
    receive = association.dimse.receive_primitive

    def guarded(primitive: P_DATA) -> None:
        try:
            receive(primitive)
        except Exception as error:  # noqa: BLE001 - whatever a peer sends, at the process boundary
            LOG.warning("message.invalid", error=type(error).__name__)
            association.dul.event_queue.put(INVALID_PDU)

    association.dimse.receive_primitive = guarded  # type: ignore[method-assign] # the one place all messages pass


def _guard_state_machine(association: Association) -> None:
    """Close a connection whose events come in an order that pynetdicom's state machine (PS3.8 section 9.2) lacks.

    A peer brings that about by sending data before its association was accepted, for example.
    """
    provider, act = association.dul, association.dul.state_machine.do_action

    def guarded(event: str) -> None:
        try:
            act(event)
        except Exception as error:  # noqa: BLE001 - whatever a peer brings about, at the process boundary
            LOG.warning("association.broken", error=type(error).__name__)
            provider.kill_dul()
            cast("AssociationSocket", provider.socket).close()
            evt.trigger(association, evt.EVT_CONN_CLOSE, {"address": association.requestor.address})

    provider.state_machine.do_action = guarded  # type: ignore[method-assign] # the one place all events pass


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
