"""What the log says of each association that was accepted: who came for what, and what was asked until it ended.

PS3.15 A.5.3 has messages for what is transferred and queried, and for who is turned away, but none for an association
that does neither, such as one of C-ECHO, or of N-ACTION for storage commitment. This is the trace of those.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import structlog
from pydicom.uid import UID
from pynetdicom import evt

from marrowcount_adapters.dimse.admission import claim_of, service_of

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.events import Event

    from marrowcount.workflow.access import Claim

__all__ = ["TracedAssociations"]

LOG: Final = structlog.get_logger()

REQUEST: Final = "_RQ"
"""Ends the names of pynetdicom's messages that ask."""


@dataclass(frozen=True, slots=True)
class _Traced:
    """One association; who called is kept, since a closed connection does not tell its certificate."""

    claim: Claim
    requests: Counter[str] = field(default_factory=Counter[str])


@dataclass(slots=True)
class TracedAssociations:
    """Logs an association's acceptance and its end; several threads of pynetdicom tell it."""

    changing: threading.Lock = field(default_factory=threading.Lock)
    accepted: WeakKeyDictionary[Association, _Traced] = field(default_factory=WeakKeyDictionary["Association", _Traced])

    def handlers(self) -> list[evt.EventHandlerType]:
        """To be bound to the server."""
        return [
            (evt.EVT_ACCEPTED, self._accepted),
            (evt.EVT_DIMSE_RECV, self._received),
            (evt.EVT_CONN_CLOSE, self._closed),
        ]

    def _accepted(self, event: Event) -> None:
        claim, contexts = self._of(event.assoc).claim, event.assoc.accepted_contexts
        services = {service_of(UID(str(context.abstract_syntax))) for context in contexts}
        LOG.info(
            "association.accepted",
            calling=claim.ae_title,
            address=claim.address,
            certificate=bool(claim.certificate),
            services=sorted(service.value if service else "echo" for service in services),
        )

    def _received(self, event: Event) -> None:
        name = type(event.message).__name__
        if name.endswith(REQUEST):
            self._of(event.assoc).requests[name.removesuffix(REQUEST).replace("_", "-")] += 1

    def _closed(self, event: Event) -> None:
        with self.changing:
            traced = self.accepted.pop(event.assoc, None)
        if traced is not None:
            claim, counted = traced.claim, dict(sorted(traced.requests.items()))
            LOG.info("association.ended", calling=claim.ae_title, address=claim.address, requests=counted)

    def _of(self, association: Association) -> _Traced:
        """A request may be heard before the acceptance is told of, by another thread."""
        with self.changing:
            if association not in self.accepted:
                self.accepted[association] = _Traced(claim_of(association))
            return self.accepted[association]
