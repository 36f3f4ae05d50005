"""Performing workitems as a service of the node: looking for them, carrying them on, and hearing of them."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import MarrowcountError
from marrowcount.main.worklists import performing_of, ups_service, worklist_of
from marrowcount_adapters.schedule import Tick, ticking
from marrowcount_adapters.ups import EventChannel, WebSocketEvents, WebUps

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from marrowcount.main.parts import Announced, Parts
    from marrowcount.ports import WorkitemEvent
    from marrowcount.settings import WorklistSection
    from marrowcount.workflow.performing import Performing
    from marrowcount_adapters.ups import DimseUps

__all__ = ["worklist_service"]

log: Final = structlog.get_logger()

LOOK_EVERY_S: Final = 1.0
"""Between two looks at whether a task is due; each task has pauses of its own."""

SUBSCRIBE_EVERY_S: Final = 600.0
"""Between two subscriptions at a DIMSE worklist: one that lost its memory would never tell."""


@contextmanager
def worklist_service(parts: Parts) -> Generator[Announced]:
    """Perform the workitems of every worklist in the settings."""
    performers = [_performer(section, parts) for section in parts.settings.worklist]
    with ExitStack() as running:
        for performer in performers:
            if performer.listens:
                running.enter_context(_listening(performer))
            else:
                _hear_from_listener(performer, parts)
        running.enter_context(ticking(*(tick for performer in performers for tick in performer.ticks())))
        yield {"worklists": [performer.section.name for performer in performers]} if performers else {}


@dataclass(frozen=True, slots=True)
class Performer:
    """The node's part on one worklist, and how it is kept going."""

    section: WorklistSection
    service: WebUps | DimseUps
    performing: Performing

    @property
    def listens(self) -> bool:
        """Whether it reads events from a channel of its own."""
        return self.section.subscribe and isinstance(self.service, WebUps)

    def ticks(self) -> Iterator[Tick]:
        """What is done again and again."""
        name = self.section.name
        yield Tick(f"worklist {name}: look", self.section.poll_s, lambda: bool(self.performing.take_on()))
        yield Tick(f"worklist {name}: go on", LOOK_EVERY_S, self.performing.advance)
        if self.section.subscribe and not self.listens:
            yield Tick(f"worklist {name}: subscribe", SUBSCRIBE_EVERY_S, self._subscribe)

    def _subscribe(self) -> bool:
        self.performing.worklist.subscribe()
        return False

    def look(self) -> None:
        """Look for workitems now; a failure is logged, and the next look is not far."""
        _guarded(self.section.name, self.performing.take_on)

    def hear(self, event: WorkitemEvent) -> None:
        """Act on an event; a failure is logged, and found out at the next look."""
        _guarded(self.section.name, lambda: self._heard(event))

    def _heard(self, event: WorkitemEvent) -> None:
        log.info("worklist.event", worklist=self.section.name, kind=event.kind.name, workitem=event.workitem_uid)
        if self.performing.hear(event):
            self.performing.take_on()


def _guarded(name: str, step: Callable[[], object]) -> None:
    try:
        step()
    except MarrowcountError as error:
        log.warning("worklist.failed", worklist=name, code=error.code, message=error.message)


def _performer(section: WorklistSection, parts: Parts) -> Performer:
    service = ups_service(section, parts.settings, parts.trail)
    return Performer(section, service, performing_of(section, parts, worklist_of(section, parts.settings, service)))


def _hear_from_listener(performer: Performer, parts: Parts) -> None:
    if performer.section.ae_title and performer.section.subscribe:
        parts.news.hear(performer.section.ae_title, performer.hear)


@contextmanager
def _listening(performer: Performer) -> Generator[None]:
    """The event channel, in a thread of its own."""
    service = performer.service
    assert isinstance(service, WebUps)  # noqa: S101 - asked before
    stop, name = threading.Event(), performer.section.name
    events = WebSocketEvents(performer.performing.worklist.subscribe, service.headers, service.tls)
    channel = EventChannel(name, events, performer.look, performer.hear)
    listening = threading.Thread(target=channel.listen, args=(stop,), name=f"worklist-{name}")
    listening.start()
    try:
        yield
    finally:
        stop.set()
        listening.join()
