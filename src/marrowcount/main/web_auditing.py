"""The audit trail of the web server: what was asked, fetched and stored through it, and who was turned away."""

from __future__ import annotations

import re
import threading
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from anyio import to_thread

from marrowcount.errors import MarrowcountError
from marrowcount.main.auditing import node_party
from marrowcount.main.parts import receive_limits
from marrowcount.ports.audit import AlertKind, Party
from marrowcount.workflow.access import Claim
from marrowcount.workflow.receive import Outcome, Receipt, Receiving
from marrowcount_adapters.wsi.header import read_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from starlette.types import ASGIApp, Message, Scope, Send
    from starlette.types import Receive as Hear

    from marrowcount.main.parts import Parts
    from marrowcount.ports import Digest
    from marrowcount.workflow.auditing import AuditTrail, Reception

__all__ = ["AuditedReceiving", "AuditedWeb", "audited_receiving"]

SEARCH: Final = re.compile(r"/(studies(/[0-9.]+/(series(/[0-9.]+/instances)?|instances))?|series|instances)")
RETRIEVAL: Final = re.compile(r"/studies/(?P<study>[0-9.]+)(/.*)?")
STORE: Final = re.compile(r"/studies(/[0-9.]+)?")
"""Paths of PS3.18 sections 10.4 to 10.6, below the base path."""

OF_PAGE: Final = re.compile(r"/(api/slides|results)/(?P<series>[0-9.]+)(/.*)?")
"""What of the page shows one slide; the list names glasses alone."""

REFUSED: Final = frozenset({401, 403, 421})
FAILED: Final = 400

FETCH_PAUSE: Final = timedelta(minutes=10)
"""A viewer fetches a study frame by frame: that is told once in so long."""

MOST_FETCHES: Final = 10_000


@dataclass(slots=True)
class _Request:
    """What one request brings."""

    address: str
    reception: Reception | None = None
    changing: threading.Lock = field(default_factory=threading.Lock)

    def arrived(self, file: Path, sender: str, trail: AuditTrail) -> Callable[[Receipt], None]:
        """An instance is there; several threads take over what one request brings."""
        with self.changing:
            if self.reception is None:
                self.reception = trail.reception(Claim(sender, self.address))
            return partial(self._judged, self.reception.arrived(file))

    def _judged(self, tell: Callable[[Receipt], None], receipt: Receipt) -> None:
        with self.changing:
            tell(receipt)


PRESENT: Final[ContextVar[_Request | None]] = ContextVar("request", default=None)
"""The request that a thread works for."""


class AuditedReceiving(Receiving):
    """Takes over what the present request brings, and has it told of."""

    def __init__(self, parts: Parts) -> None:
        limits = receive_limits(parts.settings.receive)
        super().__init__(parts.store, parts.ledger, parts.clock, read_facts, limits)
        self._trail = parts.trail

    def take(
        self, incoming: Path, sender: str, expected_class: str, expected_instance: str, digest: Digest | None = None
    ) -> Receipt:
        """See the base class."""
        request = PRESENT.get()
        if request is None:
            return super().take(incoming, sender, expected_class, expected_instance, digest)
        judged = request.arrived(incoming, sender, self._trail)
        try:
            receipt = super().take(incoming, sender, expected_class, expected_instance, digest)
        except MarrowcountError as error:
            judged(Receipt(Outcome.REJECTED, error.code))
            raise
        judged(receipt)
        return receipt


def audited_receiving(parts: Parts) -> Receiving:
    """What DICOMweb hands instances to."""
    return AuditedReceiving(parts)


@dataclass(slots=True)
class AuditedWeb:
    """The outermost application: looks at requests and at what became of them.

    Attributes:
        app: guarded.
        base_path: of DICOMweb.
    """

    app: ASGIApp
    parts: Parts
    base_path: str
    told: dict[tuple[str, str], datetime] = field(default_factory=dict[tuple[str, str], "datetime"])
    changing: threading.Lock = field(default_factory=threading.Lock)

    async def __call__(self, scope: Scope, receive: Hear, send: Send) -> None:
        """Serve, then tell; telling waits for the disk, so it happens in a thread."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        client = scope.get("client")
        request, status = _Request(str(client[0]) if client else ""), [500]

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            await send(message)

        token = PRESENT.set(request)
        try:
            await self.app(scope, receive, noting)
        finally:
            PRESENT.reset(token)
            await to_thread.run_sync(self._tell, scope, request, status[0])

    def _tell(self, scope: Scope, request: _Request, status: int) -> None:
        if request.reception is not None:
            request.reception.ended()
        name = str(scope.get("state", {}).get("caller", "")) or request.address  # a token's name, from the guard
        caller = Party(name, request.address, requested=True)
        path = str(scope["path"])
        if status in REFUSED:
            self.parts.trail.alert(AlertKind.NODE_AUTHENTICATION, caller, f"HTTP request refused: {status}")
        elif status < FAILED and scope["method"] == "GET" and path.startswith(f"{self.base_path}/"):
            self._tell_read(path.removeprefix(self.base_path), scope, caller)
        elif status < FAILED and (found := OF_PAGE.fullmatch(path)):
            self._tell_looked_at(found["series"], caller)

    def _tell_read(self, path: str, scope: Scope, caller: Party) -> None:
        if SEARCH.fullmatch(path):
            asked = path.encode() + (b"?" + scope["query_string"] if scope["query_string"] else b"")
            self.parts.trail.queried(caller, node_party(self.parts.settings), asked)
        elif (found := RETRIEVAL.fullmatch(path)) and self._is_news(caller.name, found["study"]):
            self.parts.trail.fetched(caller, self._files(found["study"]))

    def _tell_looked_at(self, series_uid: str, caller: Party) -> None:
        slide = self.parts.ledger.slide(series_uid)
        if slide is not None and self._is_news(caller.name, slide.study_uid):
            self.parts.trail.fetched(caller, self._files(slide.study_uid))

    def _is_news(self, address: str, study_uid: str) -> bool:
        now = self.parts.clock.now()
        with self.changing:
            before = self.told.get((address, study_uid))
            if before is not None and now - before < FETCH_PAUSE:
                return False
            self.told.pop((address, study_uid), None)
            self.told[address, study_uid] = now
            if len(self.told) > MOST_FETCHES:
                del self.told[next(iter(self.told))]
        return True

    def _files(self, study_uid: str) -> Sequence[Path]:
        """The study's instances that the node received."""
        ledger, store = self.parts.ledger, self.parts.store
        series = [slide.series_uid for slide in ledger.slides() if slide.study_uid == study_uid]
        return [store.path(instance.file.path) for uid in series for instance in ledger.instances(uid)]
