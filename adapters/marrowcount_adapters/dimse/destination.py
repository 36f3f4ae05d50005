"""A PACS as a destination of results: C-STORE in order, then storage commitment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import structlog
from pydicom.uid import generate_uid
from pynetdicom import evt

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount.ports import Destination, Reference, TakenFile
from marrowcount_adapters.dimse.association import Calling, called, echo, open_association
from marrowcount_adapters.dimse.commitment import (
    ACTION_REQUEST,
    COMMITMENT_INSTANCE,
    OnCommitment,
    answer_report,
    encode_request,
)
from marrowcount_adapters.dimse.contexts import COMMITMENT, commitment_context
from marrowcount_adapters.dimse.send import SendReport, SentFile, send_files
from marrowcount_adapters.dimse.statuses import Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pynetdicom.association import Association
    from pynetdicom.events import Event

    from marrowcount_adapters.dimse.peers import Peer

__all__ = ["DicomDestination"]

LOG: Final = structlog.get_logger()

LINGER_S: Final = 5.0
"""How long the association stays open for archives that report on it; the others call the listener."""

ANSWER_S: Final = 0.5
"""How long the association stays open after a report, for its answer to go out."""


class DicomDestination(Destination):
    """Sends to one PACS."""

    def __init__(
        self,
        name: str,
        peer: Peer,
        calling: Calling | str,
        *,
        commit: bool,
        on_commitment: OnCommitment | None = None,
    ) -> None:
        """Say where to and how.

        Args:
            name: in the settings.
            peer: the PACS.
            calling: how to call, or the node's AE title alone.
            commit: whether to ask for storage commitment.
            on_commitment: told of reports that come on the asking association; without it, that one is released at
                once and reports come to the listener.
        """
        self._name = name
        self._peer = peer
        self._calling = Calling(calling) if isinstance(calling, str) else calling
        self._commit = commit
        self._on_commitment = on_commitment

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self._name

    def check(self) -> str:
        """C-ECHO, and whether storage commitment is to be had where it is asked for; how it answered.

        Raises:
            PeerError: it did not.
        """
        said = echo(self._peer, self._calling)
        return f"{said}, {self._commitment_offered()}" if self._commit else said

    def _commitment_offered(self) -> str:
        try:
            with called(self._peer, self._calling, [commitment_context()]):
                return "offers storage commitment"
        except DeliveryRefusedError:
            return "offers no storage commitment: set commitment = false, or have it configured there"

    def send(self, files: Sequence[Path], taken: Callable[[Path, TakenFile], None]) -> None:
        """C-STORE all files in this order.

        Raises:
            PeerError: it could not be reached, was out of resources or did not answer.
            DeliveryRefusedError: it refused an instance for good.
        """

        def tell(sent: SentFile) -> None:
            if sent.verdict is Verdict.TAKEN:
                taken(sent.file, _taken(sent))

        self._raise_for(send_files(files, self._peer, self._calling, progress=tell))

    def ask_commitment(self, instances: Sequence[TakenFile]) -> str:
        """N-ACTION; the Transaction UID, or "" where none is asked of this peer or it offers no commitment.

        A peer that offers none has still taken the files, which is what was owed: that is logged as a warning, and
        ``check`` says so; the files stay with the node.

        Raises:
            PeerError: it could not be reached, or did not take the request.
        """
        references = [Reference(one.sop_class_uid, one.sop_instance_uid) for one in instances]
        if not self._commit or not references:
            return ""
        try:
            return self._ask_for_commitment(references)
        except DeliveryRefusedError as error:
            LOG.warning("commitment.unavailable", destination=self._name, code=error.code)
            return ""

    def _raise_for(self, report: SendReport) -> None:
        for failure in report.failures:
            message = f"{self._peer}: {failure.reference.sop_instance_uid} was not taken: {failure.reason}."
            if failure.verdict is Verdict.REFUSED:
                raise DeliveryRefusedError("instance-refused", message)
            raise PeerError("instance-not-taken", message)

    def _ask_for_commitment(self, references: Sequence[Reference]) -> str:
        """N-ACTION; the new Transaction UID.

        Raises:
            PeerError: it could not be reached, or did not take the request.
            DeliveryRefusedError: ``peer-lacks-service``, it does not offer storage commitment.
        """
        reported = threading.Event()
        handlers = [(evt.EVT_N_EVENT_REPORT, self._reported, [reported])] if self._on_commitment else []
        association = open_association(self._peer, self._calling, [commitment_context()], handlers)
        transaction_uid = generate_uid(prefix=None)  # 2.25 and a random UUID: needs no registered root
        try:
            self._request(association, transaction_uid, references)
        except PeerError:
            association.abort()
            raise
        threading.Thread(target=_release_later, args=(association, reported, self._linger_s), daemon=True).start()
        LOG.info("commitment.requested", transaction_uid=transaction_uid, destination=self._name)
        return transaction_uid

    def _request(self, association: Association, transaction_uid: str, references: Sequence[Reference]) -> None:
        answer, _ = association.send_n_action(
            encode_request(transaction_uid, references),
            ACTION_REQUEST,
            COMMITMENT,
            COMMITMENT_INSTANCE,
        )
        status = answer.get("Status")
        if status != Status.SUCCESS:
            said = "did not answer" if status is None else f"answered {status:04X}H to"
            raise PeerError("commitment-not-taken", f"{self._peer} {said} the request for storage commitment.")

    @property
    def _linger_s(self) -> float:
        return LINGER_S if self._on_commitment else 0.0

    def _reported(self, event: Event, reported: threading.Event) -> tuple[int, None]:
        reported.set()
        assert self._on_commitment is not None  # noqa: S101 - bound only then
        return answer_report(event, self._on_commitment)


def _taken(sent: SentFile) -> TakenFile:
    reference = sent.reference
    return TakenFile("", reference.sop_class_uid, reference.sop_instance_uid, code=sent.status or 0)


def _release_later(association: Association, reported: threading.Event, linger_s: float) -> None:
    """Release when the peer has reported and been answered, or had time to."""
    if reported.wait(linger_s):
        association.join(ANSWER_S)
    if association.is_established:
        association.release()
