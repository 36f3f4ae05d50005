"""A UPS Pull, Watch and Push SCP by pynetdicom in front of the worklist's operations, which sends its events by DIMSE.

The operations keep PS3.4 Table CC.1.1-2; here is only what travels, so that the node's SCU meets real messages.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_role, evt

from marrowcount.workitems import UpsStatus, WorkitemState
from marrowcount_adapters.ups_worklist.matching import MatchingKey, Search
from marrowcount_adapters.ups_worklist.operations import Answer
from marrowcount_adapters.ups_worklist.subscribing import Subscribing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marrowcount_adapters.ups_worklist import WorklistOperations
    from marrowcount_adapters.ups_worklist.json_model import Attributes

PUSH, WATCH, PULL, EVENT = (f"1.2.840.10008.5.1.4.34.6.{n}" for n in (1, 2, 3, 4))


@dataclass
class UpsScp:
    """A running SCP.

    Attributes:
        seen: service and SOP classes (of the message, of the presentation context) of each request.
        refuse: statuses answered instead of what was asked for, the first first.
    """

    operations: WorklistOperations
    port: int = 0
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    refuse: list[int] = field(default_factory=list)
    filters: bool = True

    def note(self, service: str, event: evt.Event, sop_class: object) -> None:
        self.seen.append((service, str(sop_class), str(event.context.abstract_syntax)))

    def handle_find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        self.note("C-FIND", event, event.request.AffectedSOPClassUID)
        if self.refuse:
            yield self.refuse.pop(0), None
            return
        identifier = event.identifier.to_json_dict()
        keys = tuple(_keys(identifier, ()))
        told, _ = self.operations.search(Search(keys, frozenset(identifier)))
        for attributes in told:
            yield 0xFF00, Dataset.from_json({tag: attributes[tag] for tag in identifier if tag in attributes})

    def handle_get(self, event: evt.Event) -> tuple[int, Dataset | None]:
        self.note("N-GET", event, event.request.RequestedSOPClassUID)
        found = self.operations.retrieve(str(event.request.RequestedSOPInstanceUID))
        if isinstance(found, Answer):
            return UpsStatus.UNKNOWN, None
        wanted = {f"{tag:08X}" for tag in map(int, event.attribute_identifiers)}
        return 0x0000, Dataset.from_json({tag: element for tag, element in found.items() if tag in wanted})

    def handle_set(self, event: evt.Event) -> tuple[int, Dataset | None]:
        self.note("N-SET", event, event.request.RequestedSOPClassUID)
        if self.refuse:
            return self.refuse.pop(0), None
        update = event.modification_list
        lock = str(update.get("TransactionUID") or "")
        uid = str(event.request.RequestedSOPInstanceUID)
        return int(self.operations.update(uid, lock, update.to_json_dict()).status), None

    def handle_action(self, event: evt.Event) -> tuple[int, Dataset | None]:
        self.note(f"N-ACTION {event.action_type}", event, event.request.RequestedSOPClassUID)
        if self.refuse:
            return self.refuse.pop(0), None
        information, uid = event.action_information, str(event.request.RequestedSOPInstanceUID)
        if event.action_type == 1:
            wanted = WorkitemState(str(information.ProcedureStepState))
            answer = self.operations.change_state(uid, wanted, str(information.get("TransactionUID") or ""))
            return int(answer.status), None
        return self._subscribed(uid, information)

    def _subscribed(self, uid: str, information: Dataset) -> tuple[int, None]:
        keys = {k: v for k, v in information.to_json_dict().items() if k not in {"00741234", "00741230"}}
        if keys and not self.filters:
            return int(UpsStatus.UNKNOWN), None
        text = ",".join(f"{'.'.join(key.path)}={key.wanted}" for key in _keys(keys, ()))
        subscribing = Subscribing(self.operations.store, self.operations.hub)
        status = subscribing.subscribe(uid, str(information.ReceivingAE), locked=False, filter_text=text)
        return int(status), None


def _keys(identifier: Attributes, path: tuple[str, ...]) -> Iterator[MatchingKey]:
    for tag, element in identifier.items():
        for value in element.get("Value") or ():
            if element["vr"] == "SQ":
                yield from _keys(value, (*path, tag))
            else:
                yield MatchingKey((*path, tag), str(value))


@contextmanager
def ups_scp(operations: WorklistOperations) -> Iterator[UpsScp]:
    """An SCP that listens while the block lasts."""
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    scp, entity = UpsScp(operations), AE("RIS")
    for sop_class in (PUSH, WATCH, PULL):
        entity.add_supported_context(sop_class, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    handlers: list[Any] = [
        (evt.EVT_C_FIND, scp.handle_find),
        (evt.EVT_N_GET, scp.handle_get),
        (evt.EVT_N_SET, scp.handle_set),
        (evt.EVT_N_ACTION, scp.handle_action),
    ]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    scp.port = server.socket.getsockname()[1]
    try:
        yield scp
    finally:
        server.shutdown()


def send_event(port: int, ae_title: str, event: Attributes) -> int:
    """An N-EVENT-REPORT on an association of its own, with the roles that PS3.4 CC gives: the worklist is the SCP."""
    entity = AE("RIS")
    entity.add_requested_context(EVENT, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    association = entity.associate(
        "127.0.0.1", port, ae_title=ae_title, ext_neg=[build_role(EVENT, scp_role=True, scu_role=False)]
    )
    assert association.is_established
    information = Dataset.from_json({tag: each for tag, each in event.items() if not re.match("0000", tag)})
    uid, kind = event["00001000"]["Value"][0], event["00001002"]["Value"][0]
    try:
        status, _ = association.send_n_event_report(information, kind, PUSH, uid, meta_uid=EVENT)
    finally:
        association.release()
    return int(status.Status)


__all__ = ["UpsScp", "send_event", "ups_scp"]
