"""Steps of work that are taken at every tick, each in its own thread, whatever becomes of the one before."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import TYPE_CHECKING

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from marrowcount.errors import MarrowcountError
from marrowcount.workflow.unexpected import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Tick", "ticking"]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tick:
    """Work that is looked for again and again.

    Attributes:
        name: for the log and for the thread; no two may have the same.
        every_s: pause between two looks, seconds.
        step: does one piece of work; True where it did something, so that there may be more to do at once.
    """

    name: str
    every_s: float
    step: Callable[[], bool | None]


@contextmanager
def ticking(*ticks: Tick) -> Iterator[None]:
    """Tick while the block lasts: each at once and then at its interval, in a thread of its own.

    A tick is never taken twice at the same time; ticks that fell due while a long step ran count as one. A step
    that fails is logged and taken again at the next tick. At the end of the block no new step begins, and those
    under way are waited for.

    Raises:
        ValueError: two ticks have the same name.
    """
    if len({tick.name for tick in ticks}) < len(ticks):
        raise ValueError("two ticks have the same name")
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # it tells of every tick, and of each that is still busy
    stopping = Event()
    scheduler = BackgroundScheduler(executors={"default": ThreadPoolExecutor(max(1, len(ticks)))}, timezone=UTC)
    for tick in ticks:
        _add(scheduler, tick, stopping)
    scheduler.start()
    try:
        yield
    finally:
        stopping.set()
        scheduler.shutdown(wait=True)


def _add(scheduler: BackgroundScheduler, tick: Tick, stopping: Event) -> None:
    scheduler.add_job(
        _take_steps,
        "interval",
        args=(tick, stopping),
        id=tick.name,
        name=tick.name,
        seconds=tick.every_s,
        next_run_time=datetime.now(UTC),
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,  # better late than never
    )


def _take_steps(tick: Tick, stopping: Event) -> None:
    try:
        while not stopping.is_set() and tick.step():
            pass
    except MarrowcountError as error:
        _log.error("tick.failed", tick=tick.name, code=error.code, message=error.message)
    except Exception as error:  # noqa: BLE001 - the boundary: a failed step must not end the ticks
        _log.error("tick.failed", tick=tick.name, code="unexpected", message=describe(error))
