"""Receipt that an audit trail is told of, where no association tells of it: what is fetched, and files taken in."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from marrowcount.workflow.receive import Receiving

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from marrowcount.ports import Digest
    from marrowcount.workflow.auditing import Reception
    from marrowcount.workflow.receive import Receipt

__all__ = ["AuditedReceiving"]


class AuditedReceiving(Receiving):
    """Takes instances over as its base does, and tells of each."""

    _reception: Reception | None = None

    @contextmanager
    def told_to(self, reception: Reception) -> Generator[None]:
        """For the block, tell of what is taken; its end is told, too, whatever ends it."""
        self._reception = reception
        try:
            yield
        finally:
            self._reception = None
            reception.ended()

    def take(
        self,
        incoming: Path,
        sender: str,
        expected_class: str,
        expected_instance: str,
        digest: Digest | None = None,
    ) -> Receipt:
        """As the base class.

        Raises:
            StorageError: as the base class.
        """
        told = self._reception.arrived(incoming) if self._reception else None
        receipt = super().take(incoming, sender, expected_class, expected_instance, digest)
        if told is not None:
            told(receipt)
        return receipt
