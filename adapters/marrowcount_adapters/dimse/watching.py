"""What others may want to know of the listener's associations: who was turned away, and what was received from whom."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

from pynetdicom import evt

from marrowcount_adapters.dimse.admission import claim_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pynetdicom.association import Association
    from pynetdicom.events import Event

    from marrowcount.workflow.access import Claim
    from marrowcount.workflow.receive import Receipt

__all__ = ["AssociationWatch", "Reception", "Unwatched", "WatchedAssociations"]


class Reception(Protocol):
    """What is received over one association; called by its threads, one at a time."""

    def arrived(self, file: Path) -> Callable[[Receipt], None]:
        """An instance is there and will be judged; what to call with the judgement, when the file may be gone."""
        ...

    def ended(self) -> None:
        """No more will come, but for one that was being judged when the connection closed; then this is told again."""
        ...


class AssociationWatch(Protocol):
    """Told what happens; its methods neither raise nor keep their callers waiting."""

    def refused(self, claim: Claim, reason: str) -> None:
        """An association was rejected."""
        ...

    def handshake_failed(self, address: str, reason: str) -> None:
        """A connection did not get through its TLS handshake."""
        ...

    def reception(self, claim: Claim) -> Reception:
        """The first instance of an association is there."""
        ...


class Unwatched(AssociationWatch, Reception):
    """Nobody watches."""

    def refused(self, claim: Claim, reason: str) -> None:
        """An association was rejected."""

    def handshake_failed(self, address: str, reason: str) -> None:
        """A connection did not get through its TLS handshake."""

    def reception(self, claim: Claim) -> Reception:  # noqa: ARG002 - nobody watches
        """The first instance of an association is there."""
        return self

    def arrived(self, file: Path) -> Callable[[Receipt], None]:  # noqa: ARG002 - nobody watches
        """An instance is there and will be judged."""
        return self._judged

    def _judged(self, receipt: Receipt) -> None:
        """It was."""

    def ended(self) -> None:
        """No more will come."""


@dataclass(slots=True)
class _Watched:
    """One association; its own thread receives, and another one hears that the connection closed."""

    changing: threading.Lock = field(default_factory=threading.Lock)
    reception: Reception | None = None
    closed: bool = False

    def judged(self, tell: Callable[[Receipt], None], receipt: Receipt) -> None:
        """An instance was judged; it may be the last one of a connection that was closed meanwhile."""
        with self.changing:
            tell(receipt)
            if self.closed and self.reception is not None:
                self.reception.ended()


class WatchedAssociations:
    """Tells a watch of each association's receptions, and of its end."""

    def __init__(self, watch: AssociationWatch) -> None:
        self._watch = watch
        self._opening = threading.Lock()
        self._watched: WeakKeyDictionary[Association, _Watched] = WeakKeyDictionary()

    def handlers(self) -> list[evt.EventHandlerType]:
        """To be bound to the server."""
        return [(evt.EVT_CONN_CLOSE, self._connection_closed)]

    def arrived(self, association: Association, file: Path) -> Callable[[Receipt], None]:
        """An instance is there and will be judged; what to call with the judgement."""
        watched = self._of(association)
        with watched.changing:
            if watched.reception is None:
                watched.reception = self._watch.reception(claim_of(association))
            return partial(watched.judged, watched.reception.arrived(file))

    def _connection_closed(self, event: Event) -> None:
        watched = self._of(event.assoc)
        with watched.changing:
            watched.closed = True
            if watched.reception is not None:
                watched.reception.ended()

    def _of(self, association: Association) -> _Watched:
        with self._opening:
            return self._watched.setdefault(association, _Watched())
