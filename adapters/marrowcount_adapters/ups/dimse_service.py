"""UPS Pull and UPS Watch as SCU (PS3.4 Annex CC), by pynetdicom.

Every message speaks of the UPS Push SOP Class, whichever SOP Class the presentation context is for (PS3.4 CC.3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.dsutils import encode
from pynetdicom.presentation import build_context

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount.ports.audit import OnQuery, OutgoingQuery, untold
from marrowcount.workitems import UpsStatus
from marrowcount_adapters.ups.encoding import DECODED, MalformedWorkitemError, decode_event, encode_state_change
from marrowcount_adapters.ups.worklist import UpsService

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext

    from marrowcount.ports import WorkitemEvent
    from marrowcount.workitems import WorkitemState
    from marrowcount_adapters.ups.worklist import Key

__all__ = ["UPS_EVENT", "DimseUps", "event_of_report"]

UPS_PUSH: Final = "1.2.840.10008.5.1.4.34.6.1"
UPS_WATCH: Final = "1.2.840.10008.5.1.4.34.6.2"
UPS_PULL: Final = "1.2.840.10008.5.1.4.34.6.3"
UPS_EVENT: Final = "1.2.840.10008.5.1.4.34.6.4"
GLOBAL: Final = "1.2.840.10008.5.1.4.34.5"
FILTERED: Final = "1.2.840.10008.5.1.4.34.5.1"

CHANGE_STATE: Final = 1
SUBSCRIBE: Final = 3
"""Action Type ID (PS3.4 Tables CC.2.1-1 and CC.2.3-1)."""

WHOLE: Final = tuple(keyword for keyword in DECODED if keyword != "SOPInstanceUID")
"""What N-GET asks for; the UID stands in the request (PS3.4 Table CC.2.5-3), the Transaction UID is nobody's to ask."""

PENDING: Final = frozenset({0xFF00, 0xFF01})
WARNINGS: Final = frozenset({0x0001, 0x0107, 0x0116, 0xB305})
"""Some of it was not supported, or was made valid; what was asked for is done."""

PASSING: Final = frozenset({0x0110, 0x0213, 0xA700})
"""Processing failure, resource limitation, out of resources."""

Call: TypeAlias = "Callable[[Sequence[PresentationContext]], AbstractContextManager[Association]]"
"""Opens an association with these presentation contexts for a block; raises PeerError where it cannot."""


def event_of_report(event_type: int, instance_uid: str, information: Dataset | None) -> WorkitemEvent | None:
    """An N-EVENT-REPORT of the UPS Event SOP Class; None where it is none that there is."""
    try:
        return decode_event(event_type, instance_uid, information or Dataset())
    except MalformedWorkitemError:
        return None


@dataclass(frozen=True, slots=True)
class DimseUps(UpsService):
    """A UPS Pull and Watch SCP.

    Attributes:
        ae_title: the node's, to which events are sent.
        call: opens associations with it.
        on_query: told of each search.
    """

    name: str
    ae_title: str
    call: Call
    on_query: OnQuery = untold

    def find(self, keys: Sequence[Key]) -> Sequence[Dataset]:
        """Workitems that match (C-FIND)."""
        found: list[Dataset] = []
        query = _identifier([(("SOPInstanceUID",), ""), *keys])
        with self.call([_context(UPS_PULL)]) as association:
            self.on_query(_outgoing(association, query))
            for answer, identifier in association.send_c_find(query, UPS_PULL):
                status = self._status(answer)
                if status in PENDING and identifier is not None:
                    found.append(identifier)
                elif status != UpsStatus.SUCCESS:
                    raise self._refusal("C-FIND", status)
        return found

    def get(self, uid: str) -> Dataset | None:
        """A workitem (N-GET)."""
        tags = [Tag(tag_for_keyword(keyword) or 0) for keyword in WHOLE]
        with self.call([_context(UPS_PULL)]) as association:
            answer, attributes = association.send_n_get(tags, UPS_PUSH, uid, meta_uid=UPS_PULL)
        status = self._known(answer, "N-GET")
        return None if status is UpsStatus.UNKNOWN or attributes is None else attributes

    def set(self, uid: str, transaction_uid: str, update: Dataset) -> UpsStatus:
        """Set attributes (N-SET)."""
        held = Dataset()
        held.TransactionUID = transaction_uid
        held.update(update)
        with self.call([_context(UPS_PULL)]) as association:
            answer, _ = association.send_n_set(held, UPS_PUSH, uid, meta_uid=UPS_PULL)
        return self._known(answer, "N-SET")

    def change(self, uid: str, transaction_uid: str, state: WorkitemState) -> UpsStatus:
        """Change the state (N-ACTION)."""
        information = encode_state_change(transaction_uid, state)
        with self.call([_context(UPS_PULL)]) as association:
            answer, _ = association.send_n_action(information, CHANGE_STATE, UPS_PUSH, uid, meta_uid=UPS_PULL)
        return self._known(answer, "N-ACTION")

    def subscribe(self, keys: Sequence[Key]) -> str:
        """Subscribe with a filter, or to all where the peer has no filters; events come to the listener."""
        with self.call([_context(UPS_WATCH)]) as association:
            if keys and self._subscribed(association, FILTERED, _identifier(keys)).succeeded:
                return ""
            status = self._subscribed(association, GLOBAL, Dataset())
        if not status.succeeded:
            raise self._refusal("N-ACTION", status)
        return ""

    def _subscribed(self, association: Association, uid: str, keys: Dataset) -> UpsStatus:
        keys.ReceivingAE = self.ae_title
        keys.DeletionLock = "FALSE"
        answer, _ = association.send_n_action(keys, SUBSCRIBE, UPS_PUSH, uid, meta_uid=UPS_WATCH)
        return self._known(answer, "N-ACTION")

    def check(self) -> str:
        """Whether it takes the UPS Pull SOP Class."""
        with self.call([_context(UPS_PULL)]):
            return "takes UPS Pull"

    def _known(self, answer: Dataset, service: str) -> UpsStatus:
        status = self._status(answer)
        if status in WARNINGS:
            return UpsStatus.SUCCESS
        try:
            return UpsStatus(status)
        except ValueError:
            raise self._refusal(service, status) from None

    def _status(self, answer: Dataset) -> int:
        """The status of a response.

        Raises:
            PeerError: there was none.
        """
        if "Status" not in answer:
            raise PeerError("peer-no-answer", f"{self.name} did not answer; the association ended before.")
        return int(answer.Status)

    def _refusal(self, service: str, status: int) -> PeerError:
        kind = PeerError if status in PASSING else DeliveryRefusedError
        return kind("workitem-refused", f"{self.name} answered {status:04X}H to {service}.")


def _context(sop_class_uid: str) -> PresentationContext:
    return build_context(sop_class_uid, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])


def _outgoing(association: Association, query: Dataset) -> OutgoingQuery:
    """The search in the transfer syntax that the peer chose for the one context that was offered."""
    (syntax,) = association.accepted_contexts[0].transfer_syntax
    encoded = encode(query, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    return OutgoingQuery(encoded or b"", UPS_PULL, str(syntax))


def _identifier(keys: Sequence[Key]) -> Dataset:
    """Matching and return keys as a data set; keys within one sequence share its item."""
    identifier = Dataset()
    for path, value in keys:
        within = identifier
        for keyword in path[:-1]:
            if not within.get(keyword):
                setattr(within, keyword, DicomSequence([Dataset()]))
            within = within[keyword].value[0]
        setattr(within, path[-1], value or _empty(path[-1]))
    return identifier


def _empty(keyword: str) -> DicomSequence | None:
    """Universal matching: a sequence without items, or no value."""
    return DicomSequence() if dictionary_VR(keyword) == "SQ" else None
