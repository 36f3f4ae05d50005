"""Events by WebSocket (PS3.18 8.10.4, 11.13): kept open, opened again after every failure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

import structlog
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from marrowcount.errors import PeerError
from marrowcount.workflow.retry import Backoff
from marrowcount_adapters.ups.encoding import MalformedWorkitemError, data_set_of, decode_event

if TYPE_CHECKING:
    import ssl
    import threading
    from collections.abc import Callable, Mapping

    from websockets.sync.client import ClientConnection

    from marrowcount.ports import WorkitemEvent

__all__ = ["EventChannel", "WebSocketEvents", "event_of_message"]

LOG: Final = structlog.get_logger()

LOOK_S: Final = 0.5
"""Pause between two looks at whether to stop."""

STILL_S: Final = 20.0
"""Silence after which the other side is asked whether it is there, and must answer in the same time."""

LONGEST_MESSAGE: Final = 1 << 20
EVENT_TYPES: Final = ("00001002", "00001001")
"""Event Type ID (0000,1002); the standard's examples of 2015 to 2017 have it in the element before."""


def event_of_message(message: str | bytes) -> WorkitemEvent:
    """An event report as DICOM JSON.

    Raises:
        MalformedWorkitemError: it is none.
    """
    try:
        document = json.loads(message)
        document = document[0] if isinstance(document, list) else document
        kinds = [document[tag]["Value"][0] for tag in EVENT_TYPES if document.get(tag, {}).get("Value")]
        uid = str(document["00001000"]["Value"][0])
        information = data_set_of({tag: each for tag, each in document.items() if not tag.startswith("0000")})
        return decode_event(int(kinds[0]), uid, information)
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise MalformedWorkitemError(type(error).__name__) from error


@dataclass(frozen=True, slots=True)
class WebSocketEvents:
    """How events are asked for and read.

    Attributes:
        subscribe: asks for them; says where they are read.
        headers: shown when connecting.
    """

    subscribe: Callable[[], str]
    headers: Callable[[], Mapping[str, str]]
    tls: ssl.SSLContext | None = None

    def open(self) -> ClientConnection:
        """Subscribe and connect.

        Raises:
            PeerError: either failed.
        """
        url = self.subscribe()
        try:
            return connect(
                url,
                additional_headers=dict(self.headers()),
                ping_interval=STILL_S,
                ping_timeout=STILL_S,
                open_timeout=STILL_S,
                max_size=LONGEST_MESSAGE,
                proxy=None,
                ssl=self.tls if url.startswith("wss://") else None,
            )
        except (OSError, WebSocketException) as error:
            raise PeerError("no-channel", f"the event channel cannot be opened: {type(error).__name__}") from error


@dataclass(frozen=True, slots=True)
class EventChannel:
    """Listens until it is told to stop.

    Attributes:
        name: of the worklist, for the log.
        connected: called after each opening: what happened while nobody listened must be looked for.
        heard: called with each event.
    """

    name: str
    events: WebSocketEvents
    connected: Callable[[], None]
    heard: Callable[[WorkitemEvent], None]
    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=1.0, cap_s=60.0))
    random: Random = field(default_factory=Random)

    def listen(self, stop: threading.Event) -> None:
        """Keep the channel open until ``stop`` is set."""
        failures = 0
        while not stop.is_set():
            try:
                with self.events.open() as connection:
                    LOG.info("worklist.channel_opened", worklist=self.name)
                    failures = 0
                    self.connected()
                    self._read(connection, stop)
            except (PeerError, OSError, WebSocketException) as error:
                failures += 1
                LOG.warning("worklist.channel_lost", worklist=self.name, error=type(error).__name__)
                stop.wait(self.backoff.pause(failures, self.random).total_seconds())

    def _read(self, connection: ClientConnection, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                message = connection.recv(timeout=LOOK_S)
            except TimeoutError:
                continue
            try:
                self.heard(event_of_message(message))
            except MalformedWorkitemError as error:
                LOG.warning("worklist.event_malformed", worklist=self.name, error=str(error))
