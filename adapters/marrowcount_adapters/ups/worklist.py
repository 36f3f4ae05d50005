"""The port of a worklist over a UPS service, by whichever protocol: what the performer says and hears in its words."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import structlog

from marrowcount.errors import DeliveryRefusedError
from marrowcount.ports import StepProgress, WorkAnswer, Worklist
from marrowcount.workitems import InputReadiness, UpsStatus, WorkitemState
from marrowcount_adapters.ups.encoding import (
    MalformedWorkitemError,
    decode_workitem,
    encode_discontinuation,
    encode_performed,
    encode_progress,
    keyword_of_value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from pydicom.dataset import Dataset

    from marrowcount.ports import Clock, PerformedStep
    from marrowcount.workitems import Code, Discontinuation, Workitem

__all__ = ["Key", "UpsService", "UpsWorklist", "Wanted"]

LOG: Final = structlog.get_logger()

Key: TypeAlias = tuple[tuple[str, ...], str]
"""Keywords of an attribute and the sequences around it, and its value; "" only asks for it to be told."""

TOLD: Final = (
    "ScheduledProcedureStepPriority",
    "ScheduledStationNameCodeSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledWorkitemCodeSequence",
    "ScheduledProcedureStepStartDateTime",
    "ScheduledProcedureStepExpirationDateTime",
    "InputInformationSequence",
)
"""What a search must tell, besides what it is asked by."""

_ANSWERS: Final[Mapping[UpsStatus, WorkAnswer]] = MappingProxyType(
    {
        UpsStatus.SUCCESS: WorkAnswer.DONE,
        UpsStatus.ALREADY_IN_PROGRESS: WorkAnswer.ALREADY,
        UpsStatus.ALREADY_COMPLETED: WorkAnswer.ALREADY,
        UpsStatus.ALREADY_CANCELED: WorkAnswer.ALREADY,
        UpsStatus.WRONG_TRANSACTION: WorkAnswer.TAKEN,
        UpsStatus.NOT_IN_PROGRESS: WorkAnswer.TAKEN,
        UpsStatus.FINAL: WorkAnswer.ENDED,
        UpsStatus.UNKNOWN: WorkAnswer.GONE,
    }
)


class UpsService(Protocol):
    """The UPS operations, as either protocol has them.

    Raises (all methods):
        PeerError: it could not be reached or failed; try again later.
        DeliveryRefusedError: it refused for good.
    """

    def find(self, keys: Sequence[Key]) -> Sequence[Dataset]:
        """Workitems that match."""
        ...

    def get(self, uid: str) -> Dataset | None:
        """A workitem; None where it is not known, or no more."""
        ...

    def set(self, uid: str, transaction_uid: str, update: Dataset) -> UpsStatus:
        """Set attributes."""
        ...

    def change(self, uid: str, transaction_uid: str, state: WorkitemState) -> UpsStatus:
        """Change the state."""
        ...

    def subscribe(self, keys: Sequence[Key]) -> str:
        """Ask for events of workitems that match; where they can be read, or ""."""
        ...

    def check(self) -> str:
        """Whether it answers, in a few words."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which workitems are for the node.

    Attributes:
        station: whom they are scheduled for (0040,4025).
        unassigned: whether those scheduled for nobody in particular are wanted, too.
        station_class: what kind of station they are scheduled for (0040,4026); None for any.
        workitem_codes: what is to be done (0040,4018); none for anything.
    """

    station: Code
    unassigned: bool = False
    station_class: Code | None = None
    workitem_codes: tuple[Code, ...] = ()

    def wants(self, workitem: Workitem) -> bool:
        """Whether it is for the node; asked of every result, since worklists may ignore keys."""
        stations, classes = workitem.stations, workitem.station_classes
        for_us = any(map(self.station.same_as, stations)) or (self.unassigned and not stations)
        of_kind = self.station_class is None or not classes or any(map(self.station_class.same_as, classes))
        asked = workitem.workitem_codes
        known = not self.workitem_codes or any(code.same_as(one) for code in self.workitem_codes for one in asked)
        return for_us and of_kind and known

    def searches(self) -> Iterator[Sequence[Key]]:
        """The searches that find them: one for each code of what is to be done."""
        for code in self.workitem_codes:
            yield [*self._station_keys(), *_keys_of("ScheduledWorkitemCodeSequence", code)]
        if not self.workitem_codes:
            yield self._station_keys()

    def filter(self) -> Sequence[Key]:
        """Of a subscription: there is one for each AE title, so that it cannot name several codes."""
        searches = list(self.searches())
        return searches[0] if len(searches) == 1 else self._station_keys()

    def _station_keys(self) -> list[Key]:
        return [] if self.unassigned else _keys_of("ScheduledStationNameCodeSequence", self.station)


def _keys_of(sequence: str, code: Code) -> list[Key]:
    return [((sequence, keyword_of_value(code.value)), code.value), ((sequence, "CodingSchemeDesignator"), code.scheme)]


@dataclass(frozen=True, slots=True)
class UpsWorklist(Worklist):
    """A worklist as its performer sees it.

    Attributes:
        zone: of the worklist's times that name none.
    """

    worklist_name: str
    service: UpsService
    wanted: Wanted
    zone: tzinfo
    clock: Clock

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self.worklist_name

    def scheduled(self) -> Sequence[Workitem]:
        """Workitems for this node that nobody has claimed and whose input is ready."""
        state: list[Key] = [
            (("ProcedureStepState",), WorkitemState.SCHEDULED.value),
            (("InputReadinessState",), InputReadiness.READY.value),
        ]
        told: list[Key] = [((keyword,), "") for keyword in TOLD]
        found: dict[str, Workitem] = {}
        for keys in self.wanted.searches():
            asked = {path[0] for path, _ in keys}
            for dataset in self.service.find([*state, *keys, *(key for key in told if key[0][0] not in asked)]):
                for workitem in self._decoded(dataset):
                    found.setdefault(workitem.uid, workitem)
        return [workitem for workitem in found.values() if self.wanted.wants(workitem)]

    def _decoded(self, dataset: Dataset) -> Iterator[Workitem]:
        """The workitem, whole; nothing, and a line in the log, where it is none."""
        uid = str(dataset.get("SOPInstanceUID") or "")
        try:
            whole = dataset if "InputInformationSequence" in dataset or not uid else self.service.get(uid)
            if whole is not None:
                yield decode_workitem(whole, self.zone, uid)
        except MalformedWorkitemError as error:
            LOG.warning("workitem.malformed", worklist=self.name, workitem=uid, error=str(error))

    def claim(self, workitem_uid: str, transaction_uid: str) -> WorkAnswer:
        """Take a workitem on."""
        return self._changed(workitem_uid, transaction_uid, WorkitemState.IN_PROGRESS)

    def report(self, workitem_uid: str, transaction_uid: str, progress: StepProgress) -> WorkAnswer:
        """Tell how far it has come."""
        return _answer(self.service.set(workitem_uid, transaction_uid, encode_progress(progress)), workitem_uid)

    def complete(self, workitem_uid: str, transaction_uid: str, performed: PerformedStep) -> WorkAnswer:
        """Tell what was done, and end it."""
        update = encode_performed(performed)
        update.update(encode_progress(StepProgress(100, "completed")))
        return self._ended(workitem_uid, transaction_uid, update, WorkitemState.COMPLETED)

    def cancel(self, workitem_uid: str, transaction_uid: str, why: Discontinuation) -> WorkAnswer:
        """Give it up."""
        update = encode_discontinuation(why, self.clock.now())
        return self._ended(workitem_uid, transaction_uid, update, WorkitemState.CANCELED)

    def _ended(self, uid: str, transaction_uid: str, update: Dataset, state: WorkitemState) -> WorkAnswer:
        """Meet the final state requirements, then end; an earlier attempt may have got as far as its end."""
        status = self.service.set(uid, transaction_uid, update)
        if status is not UpsStatus.SUCCESS and status is not UpsStatus.FINAL:
            return _answer(status, uid)
        return self._changed(uid, transaction_uid, state)

    def _changed(self, uid: str, transaction_uid: str, state: WorkitemState) -> WorkAnswer:
        return _answer(self.service.change(uid, transaction_uid, state), uid)

    def subscribe(self) -> str:
        """Ask to be told of workitems for this node."""
        return self.service.subscribe(self.wanted.filter())

    def check(self) -> str:
        """Ask whether it answers; what it said, in a few words."""
        return self.service.check()


def _answer(status: UpsStatus, uid: str) -> WorkAnswer:
    if status not in _ANSWERS:
        raise DeliveryRefusedError("workitem-refused", f"the worklist answered {status:04X}H for workitem {uid}")
    return _ANSWERS[status]
