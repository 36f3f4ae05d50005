"""Handing on what waits in the spool, in order, whatever happens to the other side."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from marrowcount.errors import DeliveryRefusedError, MarrowcountError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from marrowcount_adapters.audit.spool import Spool, Spooled

__all__ = ["AuditSender", "Transport"]

LOG: Final = structlog.get_logger()

BATCH: Final = 200
SHORTEST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 300.0


class Transport(Protocol):
    """A way to an audit repository."""

    def send(self, messages: Sequence[Spooled]) -> None:
        """Hand a batch on, in this order.

        Raises:
            PeerError: some or all of it may not have arrived.
            DeliveryRefusedError: one of it can never be handed on this way.
            StorageError: the node's own disk failed.
        """
        ...


class AuditSender:
    """Empties a spool into a transport; nothing is forgotten before it was handed on."""

    def __init__(self, spool: Spool, transport: Transport, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._spool = spool
        self._transport = transport
        self._clock_s = clock_s
        self._pause_s = SHORTEST_PAUSE_S
        self._not_before_s = float("-inf")

    def step(self) -> bool:
        """Hand on the oldest messages, where the last failure is long enough ago; whether that was done."""
        if self._clock_s() < self._not_before_s:
            return False
        batch = list(itertools.islice(self._spool.waiting(), BATCH))
        return bool(batch) and self._handed_on(batch)

    def _handed_on(self, batch: list[Spooled]) -> bool:
        try:
            self._transport.send(batch)
        except DeliveryRefusedError as error:
            return self._refused(batch, error)
        except (MarrowcountError, OSError) as error:
            self._postponed(batch, error)
            return False
        self._spool.done(batch)
        if self._pause_s > SHORTEST_PAUSE_S:
            LOG.info("audit.sent_again", to=str(self._transport))
        self._pause_s = SHORTEST_PAUSE_S
        return True

    def _refused(self, batch: list[Spooled], error: DeliveryRefusedError) -> bool:
        """One of them is at fault: hand them on one by one, and lose none but that one, loudly."""
        if len(batch) > 1:
            return all(self._handed_on([message]) for message in batch)
        LOG.critical("audit.lost", code="audit-lost", reason=error.message)
        self._spool.done(batch)
        return True

    def _postponed(self, batch: list[Spooled], error: Exception) -> None:
        LOG.error(
            "audit.not_sent",
            code=getattr(error, "code", "audit-spool-failed"),
            message=getattr(error, "message", type(error).__name__),
            oldest_s=round(time.time() - batch[0].at_s),
            again_after_s=self._pause_s,
        )
        self._not_before_s = self._clock_s() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
