"""Who hears of what: PS3.4 Table CC.2.3-2, the states of a subscription and what changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.workitems import UpsStatus
from marrowcount_adapters.ups_worklist.events import Notice, assigned, state_report
from marrowcount_adapters.ups_worklist.json_model import values
from marrowcount_adapters.ups_worklist.matching import matches, parse_filter
from marrowcount_adapters.ups_worklist.store import GlobalSubscription

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount_adapters.ups_worklist.events import EventHub
    from marrowcount_adapters.ups_worklist.store import StoredWorkitem, Transaction, WorklistStore

__all__ = ["FILTERED", "GLOBAL", "Subscribing", "subscribe_to_new"]

GLOBAL: Final = "1.2.840.10008.5.1.4.34.5"
FILTERED: Final = "1.2.840.10008.5.1.4.34.5.1"
"""Well-known UIDs of the subscription to all workitems, and to those of a filter."""


class Subscribing:
    """Subscribes, unsubscribes and suspends."""

    def __init__(self, store: WorklistStore, hub: EventHub) -> None:
        self._store, self._hub = store, hub

    def subscribe(self, uid: str, ae_title: str, *, locked: bool, filter_text: str = "") -> UpsStatus:
        """Subscribe to a workitem, to all, or to those of a filter.

        Raises:
            MalformedError: the filter is none.
            StorageError: the database failed.
        """
        with self._store.transaction() as at:
            if uid in {GLOBAL, FILTERED}:
                wish = GlobalSubscription(ae_title, uid, filter_text if uid == FILTERED else "", locked)
                notices = _subscribe_globally(at, wish)
            else:
                workitem = at.find(uid)
                if workitem is None:
                    return UpsStatus.UNKNOWN
                at.subscribe(ae_title, uid, locked=locked)
                notices = [Notice((ae_title,), state_report(uid, workitem.attributes))]
        self._hub.send(notices)
        return UpsStatus.SUCCESS

    def unsubscribe(self, uid: str, ae_title: str) -> bool:
        """Unsubscribe; from everything, where it is from all. False where there was no such subscription."""
        with self._store.transaction() as at:
            if uid not in {GLOBAL, FILTERED}:
                return at.unsubscribe(ae_title, uid)
            known = at.suspend(ae_title, uid)
            at.unsubscribe_all(ae_title)
            return known

    def suspend(self, uid: str, ae_title: str) -> bool:
        """Hear of no new workitems; False where there was no such subscription."""
        with self._store.transaction() as at:
            return at.suspend(ae_title, uid)


def _subscribe_globally(at: Transaction, wish: GlobalSubscription) -> Sequence[Notice]:
    wanted = [workitem for workitem in at.all() if _wants(wish, workitem)]
    at.subscribe_globally(wish)
    notices: list[Notice] = []
    for workitem in wanted:
        if at.subscription_of(wish.ae_title, workitem.uid) is not None:
            continue  # what was said of one workitem counts more than what is said of all
        at.subscribe(wish.ae_title, workitem.uid, locked=wish.locked)
        if wish.locked:
            notices.append(Notice((wish.ae_title,), state_report(workitem.uid, workitem.attributes)))
    return notices


def subscribe_to_new(at: Transaction, workitem: StoredWorkitem) -> Sequence[Notice]:
    """Subscribe those who want to hear of such a new workitem; what they are told of it."""
    for wish in at.global_subscriptions():
        if _wants(wish, workitem):
            locked = wish.locked or bool(at.subscription_of(wish.ae_title, workitem.uid))
            at.subscribe(wish.ae_title, workitem.uid, locked=locked)
    receivers = tuple(at.subscribers(workitem.uid))
    told = [Notice(receivers, state_report(workitem.uid, workitem.attributes))]
    if any(
        values(workitem.attributes, keyword)
        for keyword in ("ScheduledStationNameCodeSequence", "ScheduledHumanPerformersSequence")
    ):
        told.append(Notice(receivers, assigned(workitem.uid, workitem.attributes)))
    return told


def _wants(wish: GlobalSubscription, workitem: StoredWorkitem) -> bool:
    return not wish.filter or matches(workitem.attributes, parse_filter(wish.filter))
