"""What one association receives: data sets of C-STORE go from the socket into a file, all else to pynetdicom.

pynetdicom copies every byte of a data set several times on its way, and knows a message's end only by another thread.
Here a value of P-DATA is read into one buffer, and digested and written from there; negotiation, commands, other data
sets, answers, release and abort remain pynetdicom's.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import structlog
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dsutils import create_file_meta
from pynetdicom.pdu_primitives import P_DATA

from marrowcount_adapters.dimse.sockets import LONGEST_PDU_BYTES
from marrowcount_adapters.dimse.transfers import Arrived, Buffers, Transfer

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.dimse_messages import DIMSEMessage

    from marrowcount.workflow.receive import Receiving
    from marrowcount_adapters.dimse.sockets import BoundedSocket

__all__ = ["Inflow", "MalformedError"]

LOG: Final = structlog.get_logger()

VALUE_HEAD: Final = struct.Struct(">IBB")
"""Item length, presentation context (PS3.8 section 9.3.5.1) and message control header (Annex E.2)."""

IS_COMMAND: Final = 1
IS_LAST: Final = 2

LONGEST_COMMAND_BYTES: Final = 1 << 16
LONGEST_IDENTIFIER_BYTES: Final = 1 << 25
"""Of a data set that pynetdicom keeps in memory: a storage commitment request for 250,000 instances, say."""

MOST_UNANSWERED: Final = 4
"""Data sets that may wait for an answer. A peer that negotiated no asynchronous operations waits after each."""

EMPTY_LAST_VALUE: Final = bytes((IS_LAST,))


class MalformedError(Exception):
    """The peer sent what no message consists of (PS3.7 section 6.3, PS3.8 Annex E)."""


class Inflow:
    """The messages that come in over one association, a value at a time."""

    def __init__(self, association: Association, receiving: Receiving) -> None:
        self._association = association
        self._receiving = receiving
        self._buffers: Buffers | None = None
        self._unanswered: list[Arrived] = []
        self._transfer: Transfer | None = None
        self._begin_message()

    @property
    def transferring(self) -> bool:
        """Whether a data set of C-STORE is on its way."""
        return self._transfer is not None

    def read(self, socket: BoundedSocket, length: int) -> None:
        """Read the values of one P-DATA-TF PDU (PS3.8 section 9.3.5), whose head was read.

        Raises:
            MalformedError: they make no message.
            EndlessError: a refused data set never ends.
            OSError: the connection ended or stalled.
        """
        if not 0 < length <= LONGEST_PDU_BYTES:
            raise MalformedError("a P-DATA-TF without a value, or far longer than was negotiated")
        while length:
            if length < VALUE_HEAD.size:
                raise MalformedError("a P-DATA-TF that ends within the head of a value")
            item_length, context_id, control = VALUE_HEAD.unpack(socket.exactly(VALUE_HEAD.size))
            count, length = item_length - 2, length - VALUE_HEAD.size
            if not 0 <= count <= length:
                raise MalformedError("a value that is longer than its P-DATA-TF")
            self._take(socket, context_id, control, count)
            length -= count

    def answered(self, arrived: Arrived) -> None:
        """The answer to a data set is known."""
        arrived.let_go()
        self._unanswered.remove(arrived)

    def break_off(self) -> bool:
        """The connection ended: delete the half that came; False where nothing was on its way."""
        transfer, self._transfer = self._transfer, None
        if transfer is not None:
            transfer.discard()
        if self._buffers is not None:
            self._buffers.close()
        return transfer is not None

    def clear(self) -> None:
        """The association ended: delete what nobody is left to answer for."""
        for arrived in list(self._unanswered):
            self.answered(arrived)

    def _begin_message(self) -> None:
        self._context_id = 0
        self._in_data_set = False
        self._part_bytes = 0

    def _take(self, socket: BoundedSocket, context_id: int, control: int, count: int) -> None:
        if self._context_id not in {0, context_id}:
            raise MalformedError("values of two presentation contexts in one message")
        if bool(control & IS_COMMAND) == self._in_data_set:
            raise MalformedError("a command within a data set, or a data set without a command")
        self._context_id = context_id
        if self._transfer is not None:
            self._transfer.read(socket, count)
            if control & IS_LAST:
                self._complete(self._transfer)
        else:
            self._pass_on(control, socket, count)

    def _pass_on(self, control: int, socket: BoundedSocket, count: int) -> None:
        """Give pynetdicom a command, or a data set that it keeps in memory."""
        self._part_bytes += count
        if self._part_bytes > (LONGEST_IDENTIFIER_BYTES if self._in_data_set else LONGEST_COMMAND_BYTES):
            raise MalformedError("a command or an identifier of no sensible length")
        self._deliver(bytes((control,)) + socket.exactly(count))
        if control & IS_LAST:
            self._after_part(self._association.dimse.message)

    def _deliver(self, value: bytes) -> None:
        primitive = P_DATA()
        primitive.presentation_data_value_list.append((self._context_id, value))
        self._association.dimse.receive_primitive(primitive)

    def _after_part(self, message: DIMSEMessage | None) -> None:
        """A command was complete: its data set follows. Or nothing does."""
        context_id = self._context_id
        self._begin_message()
        if message is not None:
            self._context_id, self._in_data_set = context_id, True
            if isinstance(message, C_STORE_RQ):
                self._begin_transfer(message)

    def _begin_transfer(self, message: C_STORE_RQ) -> None:
        if len(self._unanswered) >= MOST_UNANSWERED:
            raise MalformedError("more operations at the same time than were negotiated")
        self._buffers = self._buffers or Buffers()
        self._transfer = Transfer(self._receiving, _head(message, self._association), self._buffers)

    def _complete(self, transfer: Transfer) -> None:
        arrived, message = transfer.finish(), self._association.dimse.message
        self._transfer = None
        self._unanswered.append(arrived)
        # pynetdicom hands on, untouched, what it takes for the path of a file of its own making.
        message._data_set_path = arrived  # type: ignore[union-attr] # noqa: SLF001
        self._deliver(EMPTY_LAST_VALUE)
        self._begin_message()


def _head(message: C_STORE_RQ, association: Association) -> bytes:
    """What precedes a data set in its file: preamble, prefix and File Meta Information (PS3.10 section 7.1)."""
    command, context = message.command_set, association._accepted_cx[message.context_id or 0]  # noqa: SLF001
    meta = create_file_meta(
        sop_class_uid=command.AffectedSOPClassUID,
        sop_instance_uid=command.AffectedSOPInstanceUID,
        transfer_syntax=context.transfer_syntax[0],
    )
    head = DicomBytesIO()
    head.write(bytes(128) + b"DICM")
    write_file_meta_info(head, meta)
    return head.getvalue()
