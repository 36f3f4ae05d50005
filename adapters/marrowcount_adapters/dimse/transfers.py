"""One data set of C-STORE on its way from the socket into its file, held against the limits as it grows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from marrowcount.errors import InstanceError, MarrowcountError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from marrowcount.ports import ArrivingFile, Digest
    from marrowcount.workflow.receive import Receiving
    from marrowcount_adapters.dimse.sockets import BoundedSocket

__all__ = ["Arrived", "Buffers", "EndlessError", "Transfer"]

BUFFER_BYTES: Final = 1 << 18
"""Small enough for a processor's cache, large enough that digesting and writing let other threads run meanwhile."""

CHECK_EVERY_BYTES: Final = 8 << 20
"""How often a transfer is held against the limits."""

LONGEST_DRAIN_BYTES: Final = 1 << 36
"""How much of a refused data set is read so that its sender can be told; who sends more never ends."""


class EndlessError(Exception):
    """A refused data set goes on and on."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A complete data set that waits for its answer.

    Attributes:
        file: its own file, to be deleted after the answer; None where it was refused.
        digest: of the file.
        refusal: why it was refused, and only read to its end.
    """

    file: ArrivingFile | None
    digest: Digest | None
    refusal: MarrowcountError | None

    def taken_file(self) -> Path:
        """Where it lies.

        Raises:
            InstanceError: it was refused as too large.
            StorageError: it was refused for want of space.
        """
        if self.refusal is not None or self.file is None:
            raise self.refusal or StorageError("disk-failed", "The file of a data set is not there.")
        return self.file.path

    def let_go(self) -> None:
        """Delete the file, which lives on under another name where it was taken over."""
        if self.file is not None:
            self.file.discard()


class Buffers:
    """Two buffers of an association: one is filled from the socket while the other is digested and written."""

    def __init__(self) -> None:
        self.filling = memoryview(bytearray(BUFFER_BYTES))
        self._resting = memoryview(bytearray(BUFFER_BYTES))
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="dicom-writer")
        self._written: Future[None] | None = None

    def hand_over(self, write: Callable[[memoryview], None], piece: memoryview) -> memoryview:
        """Have what was filled written; the buffer to fill next. The one before must be settled."""
        self._written = self._writing.submit(write, piece)
        self.filling, self._resting = self._resting, self.filling
        return self.filling

    def settle(self) -> None:
        """Wait for what was handed over.

        Raises:
            StorageError: it could not be written.
        """
        written, self._written = self._written, None
        if written is not None:
            written.result()

    def close(self) -> None:
        """End the thread that writes."""
        self._writing.shutdown()


class Transfer:
    """A data set on its way in; refused where the limits or the disk do not allow it, but read to its end."""

    def __init__(self, receiving: Receiving, head: bytes, buffers: Buffers) -> None:
        """Begin.

        Args:
            receiving: who takes the instance over.
            head: what precedes the data set in its file (PS3.10 section 7.1).
            buffers: to read into.
        """
        self._receiving = receiving
        self._buffers = buffers
        self._buffer = buffers.filling
        self._filled = len(head)
        self._buffer[: self._filled] = head
        self._file: ArrivingFile | None = None
        self._refusal: MarrowcountError | None = None
        self.received_bytes = 0
        try:
            self._file = receiving.arriving()
        except StorageError as error:
            self._refusal = error

    def read(self, socket: BoundedSocket, count: int) -> None:
        """Take so many bytes from the socket.

        Raises:
            OSError: the connection ended or stalled.
            EndlessError: the data set was refused, and never ends.
        """
        while count:
            if self._filled == len(self._buffer):
                self._flush()
            taken = socket.into(self._buffer[self._filled : self._filled + count])
            self._filled += taken
            count -= taken

    def finish(self) -> Arrived:
        """The data set is complete."""
        self._flush()
        self._settle()
        digest = self._file.finish() if self._file is not None else None
        return Arrived(self._file, digest, self._refusal)

    def discard(self) -> None:
        """Delete what is there."""
        self._settle()
        if self._file is not None:
            self._file.discard()

    def _flush(self) -> None:
        """Have the buffer written while the other one is filled."""
        before, self.received_bytes = self.received_bytes, self.received_bytes + self._filled
        piece, self._filled = self._buffer[: self._filled], 0
        self._settle()
        try:
            if before // CHECK_EVERY_BYTES != self.received_bytes // CHECK_EVERY_BYTES:
                self._check()
        except (InstanceError, StorageError) as error:
            self._refuse(error)
        if self._file is not None:
            self._buffer = self._buffers.hand_over(self._file.write, piece)

    def _settle(self) -> None:
        """Wait until the buffer before this one is written."""
        try:
            self._buffers.settle()
        except StorageError as error:
            self._refuse(error)

    def _check(self) -> None:
        if self._refusal is None:
            self._receiving.check_transfer(self.received_bytes)
        elif self.received_bytes > LONGEST_DRAIN_BYTES:
            raise EndlessError

    def _refuse(self, error: MarrowcountError) -> None:
        """Free its space at once; the rest is read and dropped."""
        file, self._file, self._refusal = self._file, None, error
        if file is not None:
            file.discard()
