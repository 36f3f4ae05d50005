"""The transactions of the worklist (PS3.18 11.4 to 11.9, behaviour as PS3.4 CC.2), each whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from marrowcount.workitems import (
    Lock,
    UpsStatus,
    WorkitemState,
    judge_cancel_request,
    judge_change,
    judge_update,
    lock_of,
    unmet_requirements,
)
from marrowcount_adapters.ups_worklist import events
from marrowcount_adapters.ups_worklist.events import UPS_PUSH, Notice
from marrowcount_adapters.ups_worklist.json_model import (
    Attributes,
    MalformedError,
    first,
    items,
    key_of,
    presence,
    put,
    put_items,
    values,
)
from marrowcount_adapters.ups_worklist.matching import matches
from marrowcount_adapters.ups_worklist.requirements import check_creation, check_update, fill_in
from marrowcount_adapters.ups_worklist.store import StoredWorkitem
from marrowcount_adapters.ups_worklist.subscribing import subscribe_to_new

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.ports import Clock
    from marrowcount_adapters.ups_worklist.events import EventHub
    from marrowcount_adapters.ups_worklist.matching import Search
    from marrowcount_adapters.ups_worklist.store import Transaction, WorklistStore

__all__ = ["Answer", "WorklistOperations", "WorklistRules", "wanted_state"]

PROGRESS: Final = "ProcedureStepProgressInformationSequence"
DISCONTINUED: Final = "ProcedureStepDiscontinuationReasonCodeSequence"
DT_FORMAT: Final = "%Y%m%d%H%M%S.%f+0000"

UNSPECIFIED: Final = ("110513", "DCM", "Discontinued for unspecified reason")
"""PS3.16 CID 9300."""


@dataclass(frozen=True, slots=True)
class WorklistRules:
    """What the worklist decides for itself.

    Attributes:
        keep_final_s: for how long workitems stay after they ended, seconds; AIW-I asks for 24 hours.
    """

    keep_final_s: float = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request.

    Attributes:
        words: what was wrong with its data set; no values of it.
        lock: what its Transaction UID was worth.
        deleted: whether an unknown workitem once was there.
    """

    status: UpsStatus
    words: str = ""
    lock: Lock = Lock.RIGHT
    deleted: bool = False
    notices: tuple[Notice, ...] = field(default=(), repr=False)


class WorklistOperations:
    """Carries out requests and tells subscribers of them once they stand in the database."""

    def __init__(self, store: WorklistStore, clock: Clock, hub: EventHub, rules: WorklistRules | None = None) -> None:
        self.store, self.hub = store, hub
        self._clock, self._rules = clock, rules or WorklistRules()

    def create(self, uid: str, attributes: Attributes) -> Answer:
        """Make a workitem.

        Raises:
            MalformedError: it lacks what it needs.
            StorageError: the database failed.
        """
        if first(attributes, "ProcedureStepState") not in {"", WorkitemState.SCHEDULED}:
            return Answer(UpsStatus.NOT_SCHEDULED)
        check_creation(attributes)
        filled = fill_in(attributes)
        attributes.pop(key_of("TransactionUID"), None)
        put(attributes, "SOPClassUID", UPS_PUSH)
        put(attributes, "SOPInstanceUID", uid)
        with self.store.transaction() as at:
            if at.find(uid) is not None:
                return Answer(UpsStatus.DUPLICATE)
            workitem = self._stamped(StoredWorkitem(uid, WorkitemState.SCHEDULED, "", attributes, 0.0))
            at.add(workitem)
            notices = subscribe_to_new(at, workitem)
        self.hub.send(notices)
        return Answer(UpsStatus.CREATED_WITH_CHANGES if filled else UpsStatus.SUCCESS)

    def retrieve(self, uid: str) -> Attributes | Answer:
        """A workitem without its Transaction UID, or why there is none."""
        with self.store.transaction() as at:
            workitem = at.find(uid)
            return _unknown(at, uid) if workitem is None else workitem.attributes

    def update(self, uid: str, transaction_uid: str, attributes: Attributes) -> Answer:
        """Set attributes; a sequence is set as a whole.

        Raises:
            MalformedError: an attribute may not be set.
            StorageError: the database failed.
        """
        attributes.pop(key_of("TransactionUID"), None)
        with self.store.transaction() as at:
            workitem = at.find(uid)
            if workitem is None:
                return _unknown(at, uid)
            lock = lock_of(workitem.transaction_uid, transaction_uid)
            status = judge_update(workitem.state, lock)
            if status is not UpsStatus.SUCCESS:
                return Answer(status, lock=lock)
            check_update(attributes)
            changed = self._stamped(replace(workitem, attributes=workitem.attributes | attributes))
            at.change(changed)
            notices = _told(at, uid, _news(workitem.attributes, changed.attributes, uid))
        self.hub.send(notices)
        return Answer(UpsStatus.SUCCESS)

    def change_state(self, uid: str, wanted: WorkitemState, transaction_uid: str) -> Answer:
        """Claim, complete or cancel a workitem.

        Raises:
            StorageError: the database failed.
        """
        with self.store.transaction() as at:
            workitem = at.find(uid)
            if workitem is None:
                return _unknown(at, uid)
            lock = lock_of(workitem.transaction_uid, transaction_uid)
            intended = self._dated(workitem) if wanted is WorkitemState.CANCELED else workitem
            unmet = unmet_requirements(wanted, lambda path: presence(intended.attributes, path))
            status = judge_change(workitem.state, wanted, lock, requirements_met=not unmet)
            if status is not UpsStatus.SUCCESS:
                words = f"missing: {', '.join('.'.join(path) for path in unmet)}" if unmet else ""
                return Answer(status, words if status is UpsStatus.REQUIREMENTS_UNMET else "", lock)
            changed = self._in_state(intended, wanted, transaction_uid)
            at.change(changed)
            notices = _told(at, uid, [events.state_report(uid, changed.attributes)])
        self.hub.send(notices)
        return Answer(UpsStatus.SUCCESS)

    def request_cancel(self, uid: str, requester: str, reasons: Attributes) -> Answer:
        """Cancel a workitem that nobody has claimed; pass the wish on to whoever performs it.

        Raises:
            StorageError: the database failed.
        """
        with self.store.transaction() as at:
            workitem = at.find(uid)
            if workitem is None:
                return _unknown(at, uid)
            status = judge_cancel_request(workitem.state)
            if status is not UpsStatus.SUCCESS:
                return Answer(status)
            wish = events.cancel_requested(uid, requester, reasons)
            if workitem.state is WorkitemState.SCHEDULED:
                notices = _told(at, uid, [wish, *self._cancelled_unclaimed(at, workitem, reasons)])
            elif at.subscribers(uid):
                notices = _told(at, uid, [wish])
            else:
                return Answer(UpsStatus.PERFORMER_UNREACHABLE)
        self.hub.send(notices)
        return Answer(UpsStatus.SUCCESS)

    def _cancelled_unclaimed(self, at: Transaction, workitem: StoredWorkitem, reasons: Attributes) -> list[Attributes]:
        """Through IN PROGRESS to CANCELED, as PS3.4 CC.2.2.3 wants it; what subscribers are told of both."""
        progress: Attributes = {}
        put_items(progress, DISCONTINUED, *(items(reasons, DISCONTINUED) or [_code(*UNSPECIFIED)]))
        if first(reasons, "ReasonForCancellation"):
            put(progress, "ReasonForCancellation", first(reasons, "ReasonForCancellation"))
        attributes = dict(workitem.attributes)
        put_items(attributes, PROGRESS, progress)
        claimed = events.state_report(workitem.uid, workitem.attributes, WorkitemState.IN_PROGRESS)
        ended = self._dated(replace(workitem, attributes=attributes))
        changed = self._in_state(ended, WorkitemState.CANCELED, f"2.25.{uuid4().int}")
        at.change(changed)
        return [claimed, events.state_report(workitem.uid, changed.attributes)]

    def search(self, search: Search) -> tuple[Sequence[Attributes], bool]:
        """What is found on the wanted page, the oldest change first, and whether there is more behind it."""
        with self.store.transaction() as at:
            found = [item.attributes for item in at.all() if matches(item.attributes, search.keys)]
        page = found[search.offset : search.offset + search.limit]
        return [search.told(attributes) for attributes in page], len(found) > search.offset + len(page)

    def forget(self) -> int:
        """Delete what ended long ago and nobody has a lock on; how many."""
        with self.store.transaction() as at:
            return at.delete_final(self._clock.now().timestamp() - self._rules.keep_final_s)

    def announce(self, status: str) -> None:
        """Tell all subscribers that the worklist was restarted or goes down."""
        with self.store.transaction() as at:
            receivers = {wish.ae_title: wish.uid for wish in at.global_subscriptions()}
            for workitem in at.all():
                receivers |= dict.fromkeys(at.subscribers(workitem.uid), workitem.uid)
        self.hub.send([Notice((ae_title,), events.scp_status(uid, status)) for ae_title, uid in receivers.items()])

    def _dated(self, workitem: StoredWorkitem) -> StoredWorkitem:
        """With the time of its cancellation, which the worklist fills in where the performer did not."""
        progress, *others = [dict(item) for item in items(workitem.attributes, PROGRESS)] or [{}]
        if not values(progress, "ProcedureStepCancellationDateTime"):
            put(progress, "ProcedureStepCancellationDateTime", self._now())
        attributes = dict(workitem.attributes)
        put_items(attributes, PROGRESS, progress, *others)
        return replace(workitem, attributes=attributes)

    def _in_state(self, workitem: StoredWorkitem, state: WorkitemState, transaction_uid: str) -> StoredWorkitem:
        attributes = dict(workitem.attributes)
        put(attributes, "ProcedureStepState", state.value)
        return self._stamped(
            replace(workitem, state=state, transaction_uid=transaction_uid, attributes=attributes), modified=False
        )

    def _stamped(self, workitem: StoredWorkitem, *, modified: bool = True) -> StoredWorkitem:
        if modified:
            put(workitem.attributes, "ScheduledProcedureStepModificationDateTime", self._now())
        return replace(workitem, changed_at=self._clock.now().timestamp())

    def _now(self) -> str:
        return self._clock.now().astimezone(UTC).strftime(DT_FORMAT)


def _unknown(at: Transaction, uid: str) -> Answer:
    return Answer(UpsStatus.UNKNOWN, deleted=at.was_deleted(uid))


def _told(at: Transaction, uid: str, happened: Sequence[Attributes]) -> tuple[Notice, ...]:
    receivers = tuple(at.subscribers(uid))
    return tuple(Notice(receivers, event) for event in happened)


def _news(before: Attributes, after: Attributes, uid: str) -> list[Attributes]:
    """What subscribers are to be told of an update (PS3.4 CC.2.4.3)."""

    def changed(*keywords: str) -> bool:
        return any(before.get(key_of(keyword)) != after.get(key_of(keyword)) for keyword in keywords)

    news: list[Attributes] = []
    if changed("InputReadinessState"):
        news.append(events.state_report(uid, after))
    if changed(PROGRESS):
        news.append(events.progress_report(uid, after))
    if changed("ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence"):
        news.append(events.assigned(uid, after))
    return news


def _code(value: str, scheme: str, meaning: str) -> Attributes:
    code: Attributes = {}
    put(code, "CodeValue", value)
    put(code, "CodingSchemeDesignator", scheme)
    put(code, "CodeMeaning", meaning)
    return code


def wanted_state(attributes: Attributes) -> WorkitemState:
    """The state that a request to change it asks for.

    Raises:
        MalformedError: it names none that there is.
    """
    try:
        return WorkitemState(first(attributes, "ProcedureStepState"))
    except ValueError as error:
        raise MalformedError("ProcedureStepState is none of IN PROGRESS, COMPLETED, CANCELED") from error
