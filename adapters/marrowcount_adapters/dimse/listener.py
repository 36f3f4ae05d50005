"""The DICOM listener: thin handlers around :class:`marrowcount.workflow.receive.Receiving`."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import structlog
from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt

from marrowcount.errors import InstanceError, SettingsError, StorageError
from marrowcount.workflow.access import AccessRules, CallerRule
from marrowcount.workflow.receive import Outcome, Receipt
from marrowcount_adapters.dimse.admission import Admission
from marrowcount_adapters.dimse.availability import OnNotification, answer_notification
from marrowcount_adapters.dimse.commitment import OnCommitment, answer_report
from marrowcount_adapters.dimse.contexts import WORKITEM_EVENT, accepted_contexts
from marrowcount_adapters.dimse.peers import checked_ae_title
from marrowcount_adapters.dimse.server import BoundedRequestHandler, BoundedServer
from marrowcount_adapters.dimse.sockets import MAX_PDU_BYTES
from marrowcount_adapters.dimse.statuses import Status, status_of, status_of_refusal
from marrowcount_adapters.dimse.streaming import answered, arrived_of, caller_of, stream_data_sets
from marrowcount_adapters.dimse.tracing import TracedAssociations
from marrowcount_adapters.dimse.watching import Unwatched, WatchedAssociations
from marrowcount_adapters.dimse.workitem_events import OnWorkitem, answer_workitem_event

if TYPE_CHECKING:
    import ssl

    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.events import Event

    from marrowcount.workflow.receive import Receiving
    from marrowcount_adapters.dimse.answering import CommitmentRequests
    from marrowcount_adapters.dimse.transfers import Arrived
    from marrowcount_adapters.dimse.watching import AssociationWatch

__all__ = ["Listener", "ListenerSettings"]

LOG: Final = structlog.get_logger()

LONGEST_NEGOTIATION_S: Final = 15.0
"""For a connection to ask for an association (the ARTIM timer of PS3.8 section 9.1.5)."""

ERROR_COMMENT_LENGTH: Final = 64
"""Error Comment (0000,0902) is LO."""


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """How to listen.

    Attributes:
        ae_title: that callers must call.
        host: address to listen on; ``0.0.0.0`` or ``::`` for all.
        port: 0 for any free one.
        allowed_callers: ``AE``, ``AE@address`` or ``AE@network``, for all services.
        callers: more of those who may call, and for what; without any of both kinds anybody may.
        max_associations: at the same time; more are rejected as a passing overload.
        network_timeout_s: without a byte from a caller before its association is aborted.
        tls: for TLS; with ``verify_mode`` CERT_REQUIRED callers must show a certificate.
        tls_port: for TLS beside plain text on ``port``; None: ``port`` itself speaks TLS where ``tls`` is given.
    """

    ae_title: str
    host: str = "127.0.0.1"
    port: int = 11112
    allowed_callers: frozenset[str] = frozenset()
    callers: tuple[CallerRule, ...] = ()
    max_associations: int = 10
    network_timeout_s: float = 60.0
    tls: ssl.SSLContext | None = None
    tls_port: int | None = None

    @property
    def ports(self) -> tuple[tuple[int, ssl.SSLContext | None], ...]:
        """Where to listen, and what secures it."""
        if self.tls_port is None:
            return ((self.port, self.tls),)
        return ((self.port, None), (self.tls_port, self.tls))


class Listener:
    """Answers C-STORE, C-ECHO, storage commitment (N-ACTION where ``requests`` takes them), notifications and events.

    Data sets are streamed to the disk and digested on the way, past pynetdicom; see
    :mod:`marrowcount_adapters.dimse.streaming`.
    """

    def __init__(
        self,
        settings: ListenerSettings,
        receiving: Receiving,
        on_commitment: OnCommitment,
        watch: AssociationWatch | None = None,
        *,
        on_workitem: OnWorkitem | None = None,
        requests: CommitmentRequests | None = None,
        on_notification: OnNotification | None = None,
    ) -> None:
        self._settings = settings
        self._receiving = receiving
        self._on_commitment = on_commitment
        self._on_workitem = on_workitem
        self._on_notification = on_notification
        self._watch = watch or Unwatched()
        self._requests = requests
        callers = tuple(_rule(text) for text in sorted(settings.allowed_callers))
        access = AccessRules((*callers, *settings.callers))
        self._admission = Admission(checked_ae_title(settings.ae_title), access, self._watch.refused)
        self._watched = WatchedAssociations(self._watch)
        self._traced = TracedAssociations()
        self._servers: tuple[BoundedServer, ...] = ()

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return int(self._servers[0].server_address[1]) if self._servers else 0

    @property
    def tls_port(self) -> int:
        """Where it listens for TLS; 0 while it does not."""
        secured = (server for server in self._servers if server.ssl_context is not None)
        return next((int(server.server_address[1]) for server in secured), 0)

    def start(self) -> None:
        """Clear what an earlier run left half received, and listen.

        Raises:
            SettingsError: ``cannot-listen``, the address is taken or not this machine's.
            StorageError: the incoming folder cannot be swept.
        """
        self._receiving.sweep(self._settings.network_timeout_s)
        _config.LOG_HANDLER_LEVEL = "none"
        self._servers = self._bound_servers()
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.1,), name="dicom-listener", daemon=True).start()
            port, tls = server.server_address[1], server.ssl_context is not None
            LOG.info("listener.started", ae_title=self._settings.ae_title, host=self._settings.host, port=port, tls=tls)

    def stop(self, drain_s: float = 30.0) -> None:
        """Take no more callers, let the present ones finish for so long, then abort them."""
        if not self._servers:
            return
        servers, self._servers = self._servers, ()
        for server in servers:
            server.shutdown()
        deadline = time.monotonic() + drain_s
        for association in (association for server in servers for association in server.active_associations):
            association.join(max(0.0, deadline - time.monotonic()))
            if association.is_alive():
                association.abort()
        LOG.info("listener.stopped", ae_title=self._settings.ae_title)

    def _bound_servers(self) -> tuple[BoundedServer, ...]:
        """One server a port; they share the limit of associations, which is the entity's."""
        entity = self._entity()
        bound: list[BoundedServer] = []
        for port, tls in self._settings.ports:
            try:
                bound.append(self._bound_server(entity, port, tls))
            except OSError as error:
                for server in bound:
                    server.server_close()
                where = f"{self._settings.host} port {port}"
                raise SettingsError("cannot-listen", f"Cannot listen on {where}: {error.strerror}.") from error
        return tuple(bound)

    def _entity(self) -> AE:
        settings = self._settings
        entity = AE(ae_title=settings.ae_title)
        entity.maximum_pdu_size = MAX_PDU_BYTES
        entity.maximum_associations = settings.max_associations
        entity.network_timeout = settings.network_timeout_s
        entity.acse_timeout = min(settings.network_timeout_s, LONGEST_NEGOTIATION_S)
        return entity

    def _bound_server(self, entity: AE, port: int, tls: ssl.SSLContext | None) -> BoundedServer:
        server = BoundedServer(
            entity,
            (self._settings.host, port),
            self._settings.ae_title,
            accepted_contexts(),
            tls,
            self._handlers(),
            BoundedRequestHandler,
            on_handshake_failure=self._watch.handshake_failed,
        )
        entity._servers.append(server)  # noqa: SLF001 - its shutdown() takes it off this list
        return server

    def _handlers(self) -> list[evt.EventHandlerType]:
        return [
            (evt.EVT_CONN_OPEN, lambda event: stream_data_sets(event.assoc, self._receiving)),
            *self._watched.handlers(),
            *self._traced.handlers(),
            (evt.EVT_REQUESTED, self._admission.screen),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_N_EVENT_REPORT, self._reported),
            *(self._requests.handlers() if self._requests else ()),
            (evt.EVT_N_CREATE, lambda event: answer_notification(event, self._on_notification)),
        ]

    def _store(self, event: Event) -> Dataset | int:
        arrived = arrived_of(event)
        if arrived is None:
            return _answer(Status.CANNOT_UNDERSTAND, "The request came without a data set.")
        try:
            return self._taken(event, arrived)
        finally:
            answered(event.assoc, arrived)

    def _taken(self, event: Event, arrived: Arrived) -> Dataset | int:
        caller = caller_of(event.assoc)
        try:
            file = arrived.taken_file()
        except (InstanceError, StorageError) as error:
            return _not_stored(error, caller)
        judged = self._watched.arrived(event.assoc, file)
        try:
            receipt = self._receipt(event, arrived, caller)
        except (InstanceError, StorageError) as error:
            judged(Receipt(Outcome.REJECTED, error.code))
            return _not_stored(error, caller)
        except Exception as error:  # noqa: BLE001 - one bad instance must not end the association without an answer
            # Not its message or traceback: a parser's may quote the data set.
            LOG.error("instance.failed", error=type(error).__name__, sender=caller)  # noqa: TRY400
            judged(Receipt(Outcome.REJECTED, "unexpected"))
            return _answer(Status.PROCESSING_FAILURE, "The node failed; see its log.")
        judged(receipt)
        return _answer(status_of(receipt), receipt.message)

    def _receipt(self, event: Event, arrived: Arrived, caller: str) -> Receipt:
        request = cast("C_STORE", event.request)
        announced = str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID)
        return self._receiving.take(arrived.taken_file(), caller, *announced, arrived.digest)

    def _reported(self, event: Event) -> tuple[int, None]:
        if event.context.abstract_syntax == WORKITEM_EVENT:
            return answer_workitem_event(event, self._on_workitem)
        return answer_report(event, self._on_commitment)


def _rule(text: str) -> CallerRule:
    """A caller as the settings name it.

    Raises:
        SettingsError: ``bad-ae-title`` or ``bad-caller``.
    """
    checked_ae_title(text.partition("@")[0])
    try:
        return CallerRule.parse(text)
    except ValueError as error:
        raise SettingsError(
            "bad-caller", f"{text!r} is no caller: {error}; write AE, AE@address or AE@network."
        ) from None


def _not_stored(error: InstanceError | StorageError, caller: str) -> Dataset | int:
    LOG.error("instance.not_stored", code=error.code, sender=caller)
    return _answer(status_of_refusal(error), error.message)


def _answer(status: Status, message: str) -> Dataset | int:
    if status is Status.SUCCESS:
        return int(status)
    answer = Dataset()
    answer.Status = int(status)
    answer.ErrorComment = message[:ERROR_COMMENT_LENGTH]
    return answer
