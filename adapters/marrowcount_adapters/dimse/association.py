"""Calling a peer: one association, opened, used and closed, with its failures in the node's own words."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydicom.uid import UID
from pynetdicom import _config
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT, P_DATA

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount_adapters.dimse.contexts import verification_context
from marrowcount_adapters.dimse.peers import checked_ae_title
from marrowcount_adapters.dimse.sockets import MAX_PDU_BYTES, CallingEntity
from marrowcount_adapters.dimse.statuses import Status

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from pynetdicom.association import Association
    from pynetdicom.events import EventHandlerType
    from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
    from pynetdicom.presentation import PresentationContext

    from marrowcount_adapters.dimse.peers import Peer

__all__ = ["Calling", "called", "echo", "open_association"]

QUEUED_PDUS: Final = 64
"""PDUs of a file read ahead of the network; pynetdicom would read all of it into memory."""

PAUSE_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class Calling:
    """How the node calls.

    Attributes:
        ae_title: of the node.
        connect_s: for the TCP connection to stand.
        associate_s: for the peer to accept or reject.
        answer_s: for the peer to answer a request; archives that write to tape or cloud are slow.
        tls: where the peer wants TLS.
    """

    ae_title: str
    connect_s: float = 10.0
    associate_s: float = 30.0
    answer_s: float = 300.0
    tls: ssl.SSLContext | None = None


def echo(peer: Peer, calling: Calling) -> str:
    """C-ECHO; how the peer answered, in a few words.

    Raises:
        PeerError: it did not.
    """
    began = time.monotonic()
    with called(peer, calling, [verification_context()]) as association:
        answer = association.send_c_echo()
    if answer.get("Status") != Status.SUCCESS:
        raise PeerError("peer-no-answer", f"{peer} did not answer C-ECHO with success.")
    return f"{peer} answered C-ECHO in {(time.monotonic() - began) * 1000:.0f} ms"


@contextmanager
def called(
    peer: Peer,
    calling: Calling,
    contexts: Sequence[PresentationContext],
    handlers: Sequence[EventHandlerType] = (),
    *,
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
    prepare: Callable[[Association], None] | None = None,
) -> Iterator[Association]:
    """An association for the block; released after it, aborted where the block fails.

    Raises:
        PeerError: as :func:`open_association`.
    """
    association = open_association(peer, calling, contexts, handlers, roles=roles, prepare=prepare)
    try:
        yield association
    except BaseException:
        association.abort()
        raise
    association.release()  # does nothing where the peer ended it


def open_association(
    peer: Peer,
    calling: Calling,
    contexts: Sequence[PresentationContext],
    handlers: Sequence[EventHandlerType] = (),
    *,
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
    prepare: Callable[[Association], None] | None = None,
) -> Association:
    """Call a peer; ``prepare`` is done to the association before it connects.

    Raises:
        PeerError: ``peer-unreachable``, ``tls-failed`` or ``association-rejected``.
        DeliveryRefusedError: ``peer-lacks-service``, it takes none of the presentation contexts.
    """
    entity = _entity(calling)
    if prepare is not None:
        entity.prepare = prepare
    association = entity.associate(
        _address(peer),
        peer.port,
        contexts=list(contexts),
        ae_title=peer.ae_title,
        max_pdu=MAX_PDU_BYTES,
        ext_neg=list(roles),
        evt_handlers=list(handlers),
        tls_args=(calling.tls, peer.host) if calling.tls else None,
    )
    if not association.is_established:
        raise _refusal(association, peer)
    _pace(association)
    return association


def _entity(calling: Calling) -> CallingEntity:
    # Files are sent as they lie on the disk, piece by piece. The switch belongs to the process, not to the AE.
    _config.STORE_SEND_CHUNKED_DATASET = True
    _config.LOG_HANDLER_LEVEL = "none"
    entity = CallingEntity(ae_title=checked_ae_title(calling.ae_title))
    entity.connection_timeout, entity.acse_timeout = calling.connect_s, calling.associate_s
    entity.dimse_timeout = entity.network_timeout = calling.answer_s
    return entity


def _address(peer: Peer) -> str:
    """The peer's IP address; pynetdicom takes a name without a dot for an IPv6 address.

    Raises:
        PeerError: ``peer-unreachable``, the name is unknown.
    """
    try:
        found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise PeerError("peer-unreachable", f"The host name of {peer} cannot be resolved.") from error
    # IPv4 first: archives that listen on one family alone listen on that one.
    return str(min(found, key=lambda entry: entry[0] is not socket.AF_INET)[4][0])


def _refusal(association: Association, peer: Peer) -> PeerError:
    answer = association.acceptor.primitive
    if association.is_rejected and isinstance(answer, A_ASSOCIATE):
        reason = f"{answer.result_str}, {answer.reason_str}"
        return PeerError("association-rejected", f"{peer} rejected the association: {reason}.")
    if isinstance(answer, A_ASSOCIATE):  # pynetdicom then aborts
        offered = ", ".join(
            dict.fromkeys(UID(str(context.abstract_syntax)).name for context in association.rejected_contexts)
        )
        return DeliveryRefusedError("peer-lacks-service", f"{peer} takes none of what was offered: {offered}.")
    failure = getattr(association.dul.socket, "failure", "")
    if failure:
        return PeerError("tls-failed", f"{peer} and the node came to no secure connection: {failure}.")
    return PeerError("peer-unreachable", f"{peer} cannot be reached, or did not answer as a DICOM peer does.")


def _pace(association: Association) -> None:
    """Make sending wait for the network, so that memory stays small and a dead connection is found at once."""
    provider, send = association.dul, association.dul.send_pdu

    def paced(primitive: object) -> None:
        while isinstance(primitive, P_DATA) and provider.to_provider_queue.qsize() > QUEUED_PDUS:
            if not provider.is_alive() or isinstance(provider.peek_next_pdu(), A_ABORT | A_P_ABORT):
                raise ConnectionError("the association ended while a file was being sent")
            time.sleep(PAUSE_S)
        send(primitive)  # type: ignore[arg-type] # pynetdicom's union of primitives

    provider.send_pdu = paced  # type: ignore[method-assign] # the one place all PDUs pass
