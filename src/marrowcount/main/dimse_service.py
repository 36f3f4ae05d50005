"""The DICOM listener as a service of the node."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount_adapters.dimse import Listener, ListenerSettings

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from marrowcount.main.parts import Announced, Parts
    from marrowcount.settings import Settings

__all__ = ["dimse_service", "listener_settings"]

log: Final = structlog.get_logger()


@contextmanager
def dimse_service(parts: Parts) -> Generator[Announced]:
    """Listen for associations.

    Raises:
        SettingsError: ``cannot-listen``.
    """
    node = parts.settings.node
    listener = Listener(
        listener_settings(parts.settings),
        parts.receiving,
        lambda uid, done, failed: _note_commitment(parts, uid, done, failed),
    )
    listener.start()
    try:
        yield {"ae_title": node.ae_title, "host": node.host, "port": listener.port}
    finally:
        listener.stop()


def listener_settings(settings: Settings) -> ListenerSettings:
    """What the listener needs to know."""
    return ListenerSettings(
        ae_title=settings.node.ae_title,
        host=settings.node.host,
        port=settings.node.port,
        allowed_callers=frozenset(settings.receive.allowed_callers),
        max_associations=settings.receive.max_associations,
    )


def _note_commitment(parts: Parts, transaction_uid: str, committed: Sequence[str], failed: Sequence[str]) -> bool:
    """Record a grant; False while the sender has not noted yet which transaction it asked for."""
    if failed:
        log.error("commitment.refused", transaction_uid=transaction_uid, failed=list(failed))
        return True
    known = parts.ledger.committed(transaction_uid, parts.clock.now())
    log.info("commitment.granted", transaction_uid=transaction_uid, instances=len(committed), known=known)
    return known
