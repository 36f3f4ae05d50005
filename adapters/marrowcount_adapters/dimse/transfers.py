"""What is being received at the moment: held against the limits, and cleared away where it breaks off."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast
from weakref import WeakKeyDictionary

import structlog
from pynetdicom import evt
from pynetdicom.pdu import P_DATA_TF

if TYPE_CHECKING:
    from collections.abc import Callable

    from pynetdicom.association import Association
    from pynetdicom.dimse_messages import DIMSEMessage
    from pynetdicom.events import Event

__all__ = ["Transfers", "caller_of"]

LOG: Final = structlog.get_logger()

CHECK_EVERY_BYTES: Final = 8 << 20
"""How often a running transfer is held against the limits."""


@dataclass(slots=True)
class _Transfer:
    """One association's.

    Attributes:
        received_bytes: of the message that is coming in.
        files: of data sets that are coming in or not answered for yet, by path.
    """

    received_bytes: int = 0
    files: dict[str, IO[bytes]] = field(default_factory=dict)

    def note_file(self, message: DIMSEMessage | None) -> None:
        """Remember the file that a message is written to; a peer may begin a second before it ends the first."""
        file = message._data_set_file if message else None  # noqa: SLF001 - pynetdicom names it nowhere else
        if file:
            self.files[file.name] = cast("IO[bytes]", file)


class Transfers:
    """Watches over all associations of a listener."""

    def __init__(self, may_continue: Callable[[int], bool]) -> None:
        self._may_continue = may_continue
        self._transfers: WeakKeyDictionary[Association, _Transfer] = WeakKeyDictionary()

    def handlers(self) -> list[evt.EventHandlerType]:
        """To be bound to the server."""
        return [
            (evt.EVT_CONN_OPEN, self._opened),
            (evt.EVT_PDU_RECV, self._pdu_received),
            (evt.EVT_DIMSE_RECV, self._message_received),
            (evt.EVT_CONN_CLOSE, self._closed),
        ]

    def answered(self, association: Association, path: Path) -> None:
        """A data set was taken or refused; pynetdicom deletes its file."""
        self._transfers[association].files.pop(str(path), None)

    def _opened(self, event: Event) -> None:
        self._transfers[event.assoc] = _Transfer()

    def _pdu_received(self, event: Event) -> None:
        """Abort a transfer that outgrows the limits, before it fills the disk."""
        if not isinstance(event.pdu, P_DATA_TF):
            return
        transfer = self._transfers[event.assoc]
        transfer.note_file(event.assoc.dimse.message)
        before, transfer.received_bytes = transfer.received_bytes, transfer.received_bytes + event.pdu.pdu_length
        if before // CHECK_EVERY_BYTES == transfer.received_bytes // CHECK_EVERY_BYTES:
            return
        if not self._may_continue(transfer.received_bytes):
            LOG.error("transfer.aborted", sender=caller_of(event.assoc), received_bytes=transfer.received_bytes)
            # Aborting waits for the very thread that runs this handler.
            threading.Thread(target=event.assoc.abort, kwargs={"block": True}, daemon=True).start()

    def _message_received(self, event: Event) -> None:
        transfer = self._transfers[event.assoc]
        transfer.received_bytes = 0
        transfer.note_file(event.message)

    def _closed(self, event: Event) -> None:
        """Clear up what pynetdicom leaves: a thread that waits for a request, and files that nobody deletes."""
        association = event.assoc
        if association.requestor.primitive is None:
            association.dul.to_user_queue.put(None)  # pyright: ignore[reportArgumentType] # as if the wait had timed out
        transfer = self._transfers[association]
        transfer.note_file(association.dimse.message)
        if transfer.files:
            threading.Thread(target=_clear, args=(association, transfer.files), daemon=True).start()


def caller_of(association: Association) -> str:
    """The calling AE title."""
    return str(association.requestor.ae_title).strip()


def _clear(association: Association, files: dict[str, IO[bytes]]) -> None:
    """Delete files once the association's thread can no longer be at work on them."""
    association.join()
    for path, file in files.items():
        file.close()
        Path(path).unlink(missing_ok=True)
        LOG.warning("transfer.broken_off", sender=caller_of(association))
