"""C-GET: instances come on the association that asked for them, streamed to the inbox like those of a sender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import structlog
from pydicom.uid import VLWholeSlideMicroscopyImageStorage
from pynetdicom import build_role, evt

from marrowcount.errors import InstanceError, StorageError
from marrowcount_adapters.dimse.contexts import SLIDE_SYNTAXES, storage_context
from marrowcount_adapters.dimse.statuses import Status, status_of, status_of_refusal
from marrowcount_adapters.dimse.streaming import answered, arrived_of, stream_data_sets

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.events import Event
    from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
    from pynetdicom.presentation import PresentationContext

    from marrowcount.workflow.receive import Receiving
    from marrowcount_adapters.dimse.peers import Peer
    from marrowcount_adapters.dimse.transfers import Arrived

__all__ = ["Inlet", "slide_contexts", "slide_role"]

LOG: Final = structlog.get_logger()


def slide_contexts() -> list[PresentationContext]:
    """One for each transfer syntax, so that the archive can send each image as it is stored."""
    return [storage_context(VLWholeSlideMicroscopyImageStorage, syntax) for syntax in SLIDE_SYNTAXES]


def slide_role() -> SCP_SCU_RoleSelectionNegotiation:
    """We are the SCP of storage on an association that we opened (PS3.4 C.5.3, PS3.7 D.3.3.4)."""
    return build_role(VLWholeSlideMicroscopyImageStorage, scp_role=True)


class Inlet:
    """Takes the instances of one C-GET over for the node.

    Attributes:
        fault: why the node itself could not store; None where it could.
        refused: instances that were not taken, with the reason.
    """

    def __init__(self, receiving: Receiving, peer: Peer) -> None:
        self._receiving = receiving
        self._peer = peer
        self.fault: StorageError | None = None
        self.refused: dict[str, str] = {}

    def prepare(self, association: Association) -> None:
        """To be done to the association before it connects."""
        stream_data_sets(association, self._receiving)

    def handlers(self) -> list[evt.EventHandlerType]:
        """To be bound to the association."""
        return [(evt.EVT_C_STORE, self._store)]

    def check(self) -> None:
        """Go no further where nothing more can be stored.

        Raises:
            StorageError: the disk or the ledger can take no more.
        """
        if self.fault is not None:
            raise self.fault

    def _store(self, event: Event) -> int:
        arrived, request = arrived_of(event), cast("C_STORE", event.request)
        if arrived is None:
            return Status.CANNOT_UNDERSTAND
        try:
            return self._taken(arrived, str(request.AffectedSOPClassUID), str(request.AffectedSOPInstanceUID))
        finally:
            answered(event.assoc, arrived)

    def _taken(self, arrived: Arrived, sop_class_uid: str, sop_instance_uid: str) -> int:
        sender = self._peer.ae_title
        try:
            file = arrived.taken_file()
            receipt = self._receiving.take(file, sender, sop_class_uid, sop_instance_uid, arrived.digest)
        except InstanceError as error:
            self.refused[sop_instance_uid] = f"{error.code}: {error.message}"
            return status_of_refusal(error)
        except StorageError as error:
            self.fault = error
            LOG.error("instance.not_stored", code=error.code, sender=sender)  # noqa: TRY400 - the code says all
            return status_of_refusal(error)
        if not receipt.taken:
            self.refused[sop_instance_uid] = f"{receipt.code}: {receipt.message}"
        return status_of(receipt)
