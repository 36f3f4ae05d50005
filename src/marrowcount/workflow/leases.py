"""A lease on a piece of work, kept up while the work goes on: who dies lets go of it within one lease."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from marrowcount.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["Lease", "LeaseLostError"]

_log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """The work went to another process, or was made pointless: stop it."""


class Lease:
    """A lease, extended in the background for as long as the work goes on.

    Args:
        what: is leased, for the log and the thread's name.
        extend: extends it in the ledger; False where it was lost.
        lease_s: its length in seconds.
    """

    def __init__(self, what: str, extend: Callable[[], bool], lease_s: float) -> None:
        self._what, self._extend, self._lease_s = what, extend, lease_s
        self._ended = threading.Event()
        self._lost = threading.Event()

    def check(self) -> None:
        """Whether it is worth going on.

        Raises:
            LeaseLostError: it is not; whatever comes of it will not be recorded.
        """
        if self._lost.is_set():
            raise LeaseLostError

    @contextmanager
    def kept_up(self) -> Generator[Lease, None, None]:
        """Extend the lease at every third of its length until the block ends."""
        beats = threading.Thread(target=self._beat, name=f"lease-{self._what}", daemon=True)
        beats.start()
        try:
            yield self
        finally:
            self._ended.set()
            beats.join()

    def _beat(self) -> None:
        while not self._lost.is_set() and not self._ended.wait(self._lease_s / 3):
            self._extend_once()

    def _extend_once(self) -> None:
        try:
            if not self._extend():
                self._lost.set()
        except StorageError as error:
            # The next beat may succeed; if none does, the lease ends and another process takes over.
            _log.warning("lease.not_extended", lease=self._what, code=error.code)
