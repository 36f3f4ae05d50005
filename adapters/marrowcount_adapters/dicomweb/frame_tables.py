"""Remembers where the frames of the last instances lie: viewers ask for one frame after another."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from marrowcount_adapters.dicomweb.frames import find_frames
from marrowcount_adapters.dicomweb.part10 import opened

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount_adapters.dicomweb.frames import Frames
    from marrowcount_adapters.dicomweb.held import Held

__all__ = ["FrameTables"]

MAX_OFFSETS: Final = 2_000_000
"""Of all tables together, 16 MB; a large level has 200,000."""


class FrameTables:
    """The tables; may be asked by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: OrderedDict[Path, Frames] = OrderedDict()

    def of(self, held: Held) -> Frames | None:
        """Where an instance's frames lie; None where it has none.

        Raises:
            InstanceError: ``damaged`` or ``not-dicom``.
            OSError: the file cannot be read.
        """
        with self._lock:
            known = self._tables.get(held.path)
            if known is not None:
                self._tables.move_to_end(held.path)
                return known
        with opened(held.path) as source:
            found = find_frames(source)
        if found is not None:
            self._remember(held.path, found)
        return found

    def _remember(self, path: Path, frames: Frames) -> None:
        with self._lock:
            self._tables[path] = frames
            while len(self._tables) > 1 and sum(one.count for one in self._tables.values()) > MAX_OFFSETS:
                self._tables.popitem(last=False)
