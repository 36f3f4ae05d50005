"""Agreement of disk and ledger, as the first thing that a node does when it starts."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from marrowcount.workflow.reconcile import reconcile
from marrowcount_adapters.wsi.header import read_facts

if TYPE_CHECKING:
    from collections.abc import Generator

    from marrowcount.main.parts import Announced, Parts

__all__ = ["reconciled_store"]

STALE_S: Final = 3600.0
"""Age from which a file in the inbox that nobody locks belongs to no living transfer."""


@contextmanager
def reconciled_store(parts: Parts) -> Generator[Announced]:
    """Clear away what an earlier run left half received, and bring files and entries together, before anybody calls.

    Raises:
        StorageError: the disk or the database failed.
    """
    parts.receiving.sweep(STALE_S)
    reconcile(parts.store, parts.ledger, parts.clock, read_facts)
    yield {}
