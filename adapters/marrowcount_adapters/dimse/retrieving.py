"""The answers to C-FIND, C-MOVE and C-GET, followed to their end."""

from __future__ import annotations

import queue
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from pydicom.dataset import Dataset
from pynetdicom.dsutils import encode

from marrowcount.errors import PeerError
from marrowcount.ports import FetchFailure
from marrowcount.ports.audit import OutgoingQuery
from marrowcount_adapters.dimse.retrieve_statuses import RetrieveStatus, is_pending, refusal_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pynetdicom.association import Association
    from pynetdicom.dimse import _QueueItem

    from marrowcount.ports.audit import OnQuery
    from marrowcount_adapters.dimse.peers import Peer

__all__ = ["MODEL_FIND", "MODEL_GET", "MODEL_MOVE", "Operation", "Transfer", "matches", "wait_for_silence"]

MODEL_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
MODEL_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
MODEL_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"
"""Study Root Query/Retrieve Information Model (PS3.4 C.6.2): FIND, MOVE, GET."""

MOST_MATCHES: Final = 10_000
"""Answers to one query that are heard; more is a mistake in the query or in the archive."""

LOOK_EVERY_S: Final = 0.5


class Operation(Protocol):
    """Sends a request; its answers."""

    def __call__(self, identifier: Dataset, message_id: int) -> Iterator[tuple[Dataset, Dataset | None]]:
        """Begin."""
        ...


def wait_for_silence(association: Association) -> None:
    """Make waiting for a message end when nothing has come for the network timeout, and not before.

    pynetdicom waits for whole messages; one may carry a level of 10 GB and take longer than any silence allowed.
    """
    provider = association.dul

    def next_message(block: bool = False) -> _QueueItem:  # noqa: FBT001, FBT002 - pynetdicom's signature
        provider._idle_timer.restart()  # noqa: SLF001 - it is restarted with every PDU that comes, too
        while True:
            with suppress(queue.Empty):
                return association.dimse.msg_queue.get(block, LOOK_EVERY_S)
            if not block or provider.idle_timer_expired():
                return None, None

    association.dimse.get_msg = next_message  # type: ignore[method-assign] # the one place all answers pass


def matches(association: Association, peer: Peer, query: Dataset, on_query: OnQuery) -> list[Dataset]:
    """All answers to a C-FIND, of which ``on_query`` is told before it goes out.

    Raises:
        PeerError: as :func:`refusal_of`, or ``too-many-matches``.
    """
    on_query(_outgoing(association, query))
    found: list[Dataset] = []
    status = None
    for answer, identifier in association.send_c_find(query, MODEL_FIND):
        status = answer.get("Status")
        if is_pending(status) and identifier is not None:
            found.append(identifier)
        if len(found) > MOST_MATCHES:
            association.send_c_cancel(1, query_model=MODEL_FIND)
            raise PeerError("too-many-matches", f"{peer} answers with more than {MOST_MATCHES} matches.")
    fault = refusal_of(peer, "C-FIND", status)
    if fault is not None:
        raise fault
    return found


def _outgoing(association: Association, query: Dataset) -> OutgoingQuery:
    """The query in the transfer syntax that the peer chose."""
    (syntax,) = next(c for c in association.accepted_contexts if c.abstract_syntax == MODEL_FIND).transfer_syntax
    encoded = encode(query, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    return OutgoingQuery(encoded or b"", MODEL_FIND, str(syntax))


@dataclass(frozen=True, slots=True)
class Transfer:
    """C-MOVE or C-GET on one association.

    Attributes:
        service: C-MOVE or C-GET.
        model: its SOP class.
        begin: sends the request.
    """

    association: Association
    peer: Peer
    service: str
    model: str
    begin: Operation

    def follow(self, identifier: Dataset, message_id: int, progress: Callable[[int], None]) -> list[FetchFailure]:
        """Send the request and hear its answers to the last one; the instances that failed.

        Args:
            identifier: what shall come.
            message_id: of the request.
            progress: told how many sub-operations have ended, at each answer.

        Raises:
            PeerError: as :func:`refusal_of`.
        """
        try:
            answer, failed = self._last_answer(identifier, message_id, progress)
        except KeyboardInterrupt:
            # The archive would go on sending to the node when the association alone ends (PS3.4 C.4.2.3.1).
            with suppress(RuntimeError):
                self.association.send_c_cancel(message_id, query_model=self.model)
            raise
        failures = _failures(self.peer, self.service, answer, failed)
        fault = refusal_of(self.peer, self.service, answer.get("Status"))
        if fault is not None and not (failures and answer.Status == RetrieveStatus.CANNOT_PERFORM):
            raise fault
        return failures

    def _last_answer(
        self, identifier: Dataset, message_id: int, progress: Callable[[int], None]
    ) -> tuple[Dataset, Dataset | None]:
        last: tuple[Dataset, Dataset | None] = Dataset(), None
        with suppress(RuntimeError):  # the association ended before the request could be sent
            for answer in self.begin(identifier, message_id):
                last = answer
                progress(_ended(answer[0]))
        return last


def _ended(answer: Dataset) -> int:
    counts = (answer.get(f"NumberOf{kind}Suboperations") for kind in ("Completed", "Warning", "Failed"))
    return sum(count or 0 for count in counts)


def _failures(peer: Peer, service: str, answer: Dataset, identifier: Dataset | None) -> list[FetchFailure]:
    """Named by Failed SOP Instance UID List (0008,0058), or unnamed where the archive leaves it out."""
    if not answer.get("NumberOfFailedSuboperations") and answer.get("Status") != RetrieveStatus.SUB_OPERATIONS_FAILED:
        return []
    reason = f"{peer} could not send it ({service} {int(answer.Status):04X}H); see its log and the node's"
    return [FetchFailure(uid, reason) for uid in _failed_uids(identifier)] or [FetchFailure("", reason)]


def _failed_uids(identifier: Dataset | None) -> list[str]:
    value = identifier.get("FailedSOPInstanceUIDList") if identifier is not None else None
    if not value:
        return []
    return [str(value)] if isinstance(value, str) else [str(uid) for uid in value]
