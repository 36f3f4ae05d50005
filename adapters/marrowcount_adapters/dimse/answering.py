"""Storage commitment as SCP (PS3.4 Annex J): N-ACTION taken over, N-EVENT-REPORT sent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, cast
from weakref import WeakKeyDictionary, WeakValueDictionary

import structlog
from pydicom.dataset import Dataset
from pynetdicom import build_role, evt

from marrowcount.errors import DeliveryRefusedError, PeerError, StorageError
from marrowcount.ports import CommitmentReporter, CommitmentRequest
from marrowcount_adapters.dimse.association import called
from marrowcount_adapters.dimse.commitment import (
    ACTION_REQUEST,
    COMMITMENT_INSTANCE,
    EVENT_COMPLETE,
    EVENT_FAILURES,
    decode_request,
    encode_report,
)
from marrowcount_adapters.dimse.contexts import COMMITMENT, commitment_context
from marrowcount_adapters.dimse.statuses import ActionStatus, Status
from marrowcount_adapters.dimse.streaming import caller_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pynetdicom.association import Association
    from pynetdicom.dimse_primitives import N_ACTION
    from pynetdicom.events import Event

    from marrowcount.ports import CommitmentReport
    from marrowcount_adapters.dimse.association import Calling
    from marrowcount_adapters.dimse.peers import Peer

__all__ = ["CommitmentRequests", "DicomReporter"]

LOG: Final = structlog.get_logger()

QUIET_S: Final = 0.5
"""An association on which nothing came for so long is one whose requester waits for the report."""

PATIENCE_S: Final = 5.0
"""How long an association is waited for to become quiet."""

PAUSE_S: Final = 0.05


class CommitmentRequests:
    """Takes requests over, and remembers on which associations they came."""

    def __init__(self, take: Callable[[CommitmentRequest], object], most_instances: int = 20_000) -> None:
        """Say who records requests.

        Args:
            take: when it returns, the request survives a power failure.
            most_instances: that one request may name.
        """
        self._take = take
        self._most_instances = most_instances
        self._asking: WeakValueDictionary[str, Association] = WeakValueDictionary()
        self._heard_at: WeakKeyDictionary[Association, float] = WeakKeyDictionary()

    def handlers(self) -> list[evt.EventHandlerType]:
        """To be bound to the server."""
        return [(evt.EVT_N_ACTION, self._asked), (evt.EVT_DIMSE_RECV, self._heard)]

    def asking_association(self, transaction_uid: str) -> Association | None:
        """The association on which the request came, once its requester waits; None where it went on or is gone.

        A report that is sent while the requester sends something else, too, would cross it, and pynetdicom takes what
        comes for the answer.
        """
        association = self._asking.get(transaction_uid)
        deadline = time.monotonic() + PATIENCE_S
        while association is not None and association.is_established and time.monotonic() < deadline:
            if time.monotonic() - self._heard_at.get(association, 0.0) >= QUIET_S:
                return association
            time.sleep(PAUSE_S)
        return None

    def _heard(self, event: Event) -> None:
        self._heard_at[event.assoc] = time.monotonic()

    def _asked(self, event: Event) -> tuple[int, None]:
        """Handle N-ACTION: record the request, and only then say so."""
        status = self._judged(event)
        if status is not ActionStatus.SUCCESS:
            LOG.warning("commitment.request_refused", requester=caller_of(event.assoc), status=f"{status:04X}")
        return status, None

    def _judged(self, event: Event) -> ActionStatus:
        request = cast("N_ACTION", event.request)
        if request.RequestedSOPInstanceUID != COMMITMENT_INSTANCE:
            return ActionStatus.NO_SUCH_INSTANCE
        if request.ActionTypeID != ACTION_REQUEST:
            return ActionStatus.NO_SUCH_ACTION
        try:
            transaction_uid, references = decode_request(event.action_information)
        except Exception as error:  # noqa: BLE001 - whatever a peer sends, at the process boundary
            LOG.warning("commitment.request_invalid", requester=caller_of(event.assoc), error=type(error).__name__)
            return ActionStatus.INVALID_ARGUMENT
        named = tuple(dict.fromkeys(references))
        if len(named) > self._most_instances:
            return ActionStatus.RESOURCE_LIMITATION
        self._asking[transaction_uid] = event.assoc
        try:
            self._take(CommitmentRequest(transaction_uid, caller_of(event.assoc), named))
        except StorageError as error:
            LOG.error("commitment.request_not_recorded", code=error.code)  # noqa: TRY400 - the code says all
            return ActionStatus.RESOURCE_LIMITATION
        return ActionStatus.SUCCESS


class DicomReporter(CommitmentReporter):
    """Tells a requester on the association on which it asked, while that is open, or calls it."""

    def __init__(self, peers: Mapping[str, tuple[Peer, Calling]], requests: CommitmentRequests | None = None) -> None:
        """Say whom to call how.

        Args:
            peers: where requesters listen, and how to call them, by AE title.
            requests: knows the associations on which requests came.
        """
        self._peers = peers
        self._requests = requests

    def report(self, requester: str, report: CommitmentReport) -> None:
        """N-EVENT-REPORT; when this returns, the requester has answered it with success.

        Raises:
            PeerError: it could not be reached, or answered something else.
            DeliveryRefusedError: ``requester-unknown``, nobody says where it listens.
        """
        if self._told_where_it_asked(report):
            return
        if requester not in self._peers:
            message = f"Nobody says where {requester} listens; name it as [[requester]] or [[pacs]], then revive this."
            raise DeliveryRefusedError("requester-unknown", message)
        peer, calling = self._peers[requester]
        roles = [build_role(COMMITMENT, scp_role=True)]
        with called(peer, calling, [commitment_context()], roles=roles) as association:
            if not any(context.as_scp for context in association.accepted_contexts):
                raise PeerError("role-refused", f"{peer} does not let us report commitment: it refused the SCP role.")
            _send(association, report)

    def _told_where_it_asked(self, report: CommitmentReport) -> bool:
        """Whether the requester heard the report on the association on which it asked."""
        association = self._requests.asking_association(report.transaction_uid) if self._requests else None
        if association is None:
            return False
        try:
            _send(association, report)
        except PeerError as error:
            LOG.info("commitment.asking_association_lost", code=error.code, transaction_uid=report.transaction_uid)
            return False
        return True


def _send(association: Association, report: CommitmentReport) -> None:
    event_type = EVENT_FAILURES if report.failed else EVENT_COMPLETE
    try:
        answer, _ = association.send_n_event_report(encode_report(report), event_type, COMMITMENT, COMMITMENT_INSTANCE)
    except (ConnectionError, RuntimeError, ValueError):  # ended before; no such context
        answer = Dataset()
    status = answer.get("Status")
    if status != Status.SUCCESS:
        said = "no answer came" if status is None else f"it was answered {status:04X}H"
        raise PeerError("report-not-heard", f"The report on storage commitment was not heard: {said}.")
