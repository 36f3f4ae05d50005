"""The pause of pynetdicom's reactor, made sure.

Before it sends, an association pauses the thread that takes messages off its queue, so that the answer comes to the
sender: it clears a checkpoint and looks whether a flag says that the thread stands there. The thread sets that flag
before it comes to the checkpoint, and may be put aside between the two; then it passes, takes the answer, and the
sender waits for it until its timeout.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pynetdicom.association import Association

__all__ = ["Checkpoint"]

LOOK_AGAIN_S: Final = 0.0005


class Checkpoint(threading.Event):
    """An event whose :meth:`clear` returns when the association's thread really stands before it, or has ended."""

    def __init__(self, association: Association) -> None:
        super().__init__()
        self._association = association
        self._changed = threading.Condition()
        self._open = True
        self._standing = False

    def is_set(self) -> bool:
        """Whether the thread may pass."""
        return self._open

    def set(self) -> None:
        """Let it pass."""
        with self._changed:
            self._open = True
            self._changed.notify_all()

    def clear(self) -> None:
        """Let it not pass any more, and wait until it has come."""
        with self._changed:
            self._open = False
        while self._is_awaited():
            time.sleep(LOOK_AGAIN_S)

    def wait(self, timeout: float | None = None) -> bool:
        """Stand here until it is open."""
        with self._changed:
            self._standing = not self._open
            passed = self._changed.wait_for(self.is_set, timeout)
            self._standing = False
        return passed

    def _is_awaited(self) -> bool:
        association = self._association
        with self._changed:
            at_rest = self._standing or self._open
        return (
            not at_rest
            and association.is_alive()
            and association is not threading.current_thread()
            and not association._kill  # noqa: SLF001 - set before its thread ends, and nowhere else told
        )
