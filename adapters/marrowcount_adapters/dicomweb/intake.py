"""The body of a store request on its way from the socket to the disk: bounded in memory, in time and in number."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from anyio import CancelScope, CapacityLimiter, to_thread

from marrowcount_adapters.dicomweb.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

__all__ = ["Patience", "Slots", "drain", "patient_pieces", "pump"]

BATCH_BYTES: Final = 1 << 20
"""What a thread is given at a time: fewer changes of threads, and still little memory."""
DRAIN_BYTES: Final = 16 << 20
"""Of a refused body that are read, so that its sender comes to read the answer."""
DRAIN_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How slow a sender may be.

    Attributes:
        pause_s: longest time without a byte, and the time over which the rate is measured.
        least_rate: bytes a second.
        longest_s: for one whole request.
    """

    pause_s: float = 30.0
    least_rate: int = 1024
    longest_s: float = 3600.0


class Slots:
    """So many requests at a time; who finds none is told to come again."""

    def __init__(self, number: int) -> None:
        self._free = number
        self.limiter = CapacityLimiter(number)

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """One of them for the block.

        Raises:
            ProblemError: 503, all are taken.
        """
        if not self._free:
            raise ProblemError(503, "busy", "As many requests as may be are stored already.", {"Retry-After": "5"})
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


async def patient_pieces(request: Request, patience: Patience) -> AsyncIterator[bytes]:
    """The pieces of a body.

    Raises:
        ProblemError: 408, they come too slowly.
        ClientDisconnect: the sender is gone.
    """
    pieces = request.stream().__aiter__()
    began = window_began = time.monotonic()
    window_bytes = 0
    while True:
        try:
            async with asyncio.timeout(patience.pause_s):
                piece = await anext(pieces, None)
        except TimeoutError:
            raise _too_slow() from None
        if piece is None:
            return
        now = time.monotonic()
        window_bytes += len(piece)
        if now - window_began >= patience.pause_s:
            if window_bytes < patience.least_rate * (now - window_began) or now - began > patience.longest_s:
                raise _too_slow()
            window_began, window_bytes = now, 0
        if piece:
            yield piece


async def pump(pieces: AsyncIterator[bytes], feed: Callable[[bytes], None], limiter: CapacityLimiter) -> None:
    """Hand pieces to a thread, batch by batch; the next batch is read while the last one is worked on."""
    batch: list[bytes] = []
    size = 0
    working: asyncio.Task[None] | None = None
    try:
        async for piece in pieces:
            batch.append(piece)
            size += len(piece)
            if size >= BATCH_BYTES:
                working = await _next(working, feed, batch, limiter)
                batch, size = [], 0
        working = await _next(working, feed, batch, limiter)
    finally:
        if working is not None:
            with CancelScope(shield=True):
                await working


async def drain(request: Request) -> None:
    """Read what is left of a refused body, up to a limit in size and time."""
    left = DRAIN_BYTES
    try:
        async with asyncio.timeout(DRAIN_S):
            async for piece in request.stream():
                left -= len(piece)
                if left < 0:
                    return
    except (TimeoutError, RuntimeError):  # a stream that was read already cannot be read again
        return


async def _next(
    working: asyncio.Task[None] | None, feed: Callable[[bytes], None], batch: list[bytes], limiter: CapacityLimiter
) -> asyncio.Task[None]:
    if working is not None:
        await working
    return asyncio.create_task(_fed(feed, batch, limiter))


async def _fed(feed: Callable[[bytes], None], batch: list[bytes], limiter: CapacityLimiter) -> None:
    await to_thread.run_sync(_feed_all, feed, batch, limiter=limiter)


def _feed_all(feed: Callable[[bytes], None], batch: list[bytes]) -> None:
    for piece in batch:
        feed(piece)


def _too_slow() -> ProblemError:
    return ProblemError(408, "too-slow", "The body came too slowly.", {"Connection": "close"})
