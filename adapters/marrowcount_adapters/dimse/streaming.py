"""pynetdicom's upper layer with a way of its own for P-DATA (PS3.8 section 9.2, event 10 in state 6)."""

from __future__ import annotations

import struct
import threading
from typing import TYPE_CHECKING, Final, cast

import structlog
from pynetdicom.dul import DULServiceProvider

from marrowcount_adapters.dimse.inflow import Inflow
from marrowcount_adapters.dimse.transfers import Arrived

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.events import Event

    from marrowcount.workflow.receive import Receiving
    from marrowcount_adapters.dimse.sockets import BoundedSocket

__all__ = ["answered", "arrived_of", "caller_of", "stream_data_sets"]

LOG: Final = structlog.get_logger()

PDU_HEAD: Final = struct.Struct(">BxI")
P_DATA_TF: Final = 4

ESTABLISHED: Final = "Sta6"
CONNECTION_CLOSED: Final = "Evt17"
INVALID_PDU: Final = "Evt19"
"""PS3.8 Tables 9-8 and 9-10; an invalid PDU is answered with A-ABORT."""

PATIENCE_S: Final = 0.05
"""How long more of a data set is waited for before a look whether this side wants to end the association."""


def stream_data_sets(association: Association, receiving: Receiving) -> None:
    """Let an association bring its data sets of C-STORE to ``receiving``; handlers find them by :func:`arrived_of`.

    The association's socket is a :class:`~marrowcount_adapters.dimse.sockets.BoundedSocket`.
    """
    provider = association.dul
    # pynetdicom builds its provider deep inside the association and offers no way to name another class for it.
    provider.__class__ = _StreamingProvider
    cast("_StreamingProvider", provider).inflow = Inflow(association, receiving)


def arrived_of(event: Event) -> Arrived | None:
    """The data set of a C-STORE request; None where it came without one."""
    arrived = getattr(event.request, "_dataset_path", None)
    return arrived if isinstance(arrived, Arrived) else None


def answered(association: Association, arrived: Arrived) -> None:
    """Let go of a data set, since its answer is known."""
    cast("_StreamingProvider", association.dul).inflow.answered(arrived)


def caller_of(association: Association) -> str:
    """The calling AE title."""
    return str(association.requestor.ae_title).strip()


class _StreamingProvider(DULServiceProvider):
    """Takes P-DATA of established associations off the socket itself, and leaves every other PDU to its base."""

    inflow: Inflow

    def run(self) -> None:
        """Serve the connection; whatever ends it, nothing half received stays."""
        try:
            super().run()
        finally:
            self._ended()

    def _ended(self) -> None:
        association = self.assoc
        if association.requestor.primitive is None:  # another thread still waits for the request
            self.to_user_queue.put(None)  # pyright: ignore[reportArgumentType] # as if the wait had timed out
        if self.inflow.break_off():
            LOG.warning("transfer.broken_off", sender=caller_of(association))
        # That other thread may be answering for a complete data set, and waits for this one before it ends.
        threading.Thread(target=_clear, args=(association, self.inflow), daemon=True).start()

    def _read_pdu_data(self) -> None:
        if self.state_machine.current_state != ESTABLISHED:
            super()._read_pdu_data()
            return
        while self._take_pdu(cast("BoundedSocket", self.socket)) and self._goes_on():
            self._idle_timer.restart()

    def _goes_on(self) -> bool:
        """Whether more of a data set is there, and nothing else is to be done first."""
        socket = cast("BoundedSocket", self.socket)
        return (
            self.inflow.transferring
            and not self._kill_thread
            and self.to_provider_queue.empty()
            and self.event_queue.empty()
            and socket.wait(PATIENCE_S)
        )

    def _take_pdu(self, socket: BoundedSocket) -> bool:
        """Read one PDU; False where it was none of P-DATA, or the last."""
        try:
            socket.begin_pdu()
            head = socket.exactly(PDU_HEAD.size)
            kind, length = PDU_HEAD.unpack(head)
            if kind != P_DATA_TF:
                socket.put_back(head)
                super()._read_pdu_data()
                return False
            return self._take_values(socket, length)
        except OSError:
            self.event_queue.put(CONNECTION_CLOSED)
            return False

    def _take_values(self, socket: BoundedSocket, length: int) -> bool:
        try:
            self.inflow.read(socket, length)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a peer sends, at the process boundary
            LOG.warning("message.invalid", error=type(error).__name__, sender=caller_of(self.assoc))
            self.event_queue.put(INVALID_PDU)
        return self.event_queue.empty()


def _clear(association: Association, inflow: Inflow) -> None:
    association.join()
    inflow.clear()
