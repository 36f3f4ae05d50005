"""pynetdicom's association server, hardened against too many connections and slow handshakes."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any, Final, cast

import structlog
from pynetdicom import evt
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from marrowcount.workflow.access import plain_address
from marrowcount_adapters.dimse.sockets import BoundedSocket, handshake_reason

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from pynetdicom.association import Association
    from pynetdicom.transport import AssociationSocket

__all__ = ["BoundedRequestHandler", "BoundedServer"]

LOG: Final = structlog.get_logger()

CONNECTIONS_PER_ASSOCIATION: Final = 4
"""Connections held open, as a multiple of the associations allowed; those beyond are closed unheard."""


class BoundedRequestHandler(RequestHandler):
    """Gives every accepted connection a bounded socket and a timeout, which pynetdicom leaves out.

    Its handshake, where it speaks TLS, happens here, in the connection's own thread: neither a slow one nor a change
    of certificates holds up the next caller.
    """

    def handle(self) -> None:
        """Shake hands, and serve the association that is then asked for."""
        server = cast("BoundedServer", self.server)
        if server.ssl_context is None or self._handshaken(server, server.ssl_context):
            super().handle()
        else:
            server.close_request(self.request)

    def _handshaken(self, server: BoundedServer, context: ssl.SSLContext) -> bool:
        self.request.settimeout(server.ae.acse_timeout)  # for the whole handshake
        try:
            self.request = context.wrap_socket(self.request, server_side=True)
        except (OSError, ValueError) as error:  # ValueError: the peer was gone before the handshake began
            server.tell_failure(str(self.client_address[0]), handshake_reason(error))
            return False
        finally:
            server.handshake_ended()
        return True

    def _create_association(self) -> Association:
        association = super()._create_association()
        connection = cast("AssociationSocket", association.dul.socket)
        # The base class builds its socket here and offers no way to name another class for it.
        connection.__class__ = BoundedSocket
        self.request.settimeout(association.network_timeout)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _guard_state_machine(association)
        return association


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

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401 - pynetdicom's
        on_handshake_failure: Callable[[str, str], None] | None = None,
    ) -> None:
        """See the base class.

        Args:
            arguments: of the base class.
            on_handshake_failure: told the address and the reason, in a few words, of every failed TLS handshake.
        """
        self._on_handshake_failure = on_handshake_failure
        self._counting = threading.Lock()
        self._handshaking = 0
        super().__init__(*arguments)

    def verify_request(self, request: object, client_address: object) -> bool:  # noqa: ARG002 - socketserver's signature
        """Whether to hear a new connection at all."""
        held = len(self.active_associations) + self._handshaking
        return held < CONNECTIONS_PER_ASSOCIATION * self.ae.maximum_associations

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept, without the TLS handshake, which is the request handler's."""
        return cast("socket.socket", self.socket).accept()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's
        """Count a handshake from here on, until :meth:`handshake_ended`, however long it takes."""
        if self.ssl_context is not None:
            with self._counting:
                self._handshaking += 1
        super().process_request(request, client_address)

    def handshake_ended(self) -> None:
        """Count it no more: it has failed, or the connection is an association, which counts by itself."""
        with self._counting:
            self._handshaking -= 1

    def tell_failure(self, address: str, reason: str) -> None:
        """Log a handshake that failed, and pass it on."""
        address = plain_address(address)
        LOG.warning("tls.handshake_failed", address=address, reason=reason)
        if self._on_handshake_failure is not None:
            self._on_handshake_failure(address, reason)
