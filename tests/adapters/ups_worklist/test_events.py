"""Subscriptions and events: PS3.4 Table CC.2.3-2 and CC.2.4, by WebSocket as PS3.18 8.10 and 11.13 have it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from websockets.sync.client import ClientConnection, connect

from marrowcount_adapters.ups_worklist.events import Notice
from marrowcount_adapters.ups_worklist.json_model import Attributes, first, items, put, put_items
from workitems import COUNT, STATION, code_item, discontinued, performed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from workitems import RunningWorklist

UID = "1.2.3"
GLOBAL, FILTERED = "1.2.840.10008.5.1.4.34.5", "1.2.840.10008.5.1.4.34.5.1"
STATE_REPORT, CANCEL_REQUESTED, PROGRESS, SCP_STATUS, ASSIGNED = 1, 2, 3, 4, 5


class Channel:
    """An open event connection."""

    def __init__(self, worklist: RunningWorklist, socket: ClientConnection) -> None:
        self._worklist, self._socket = worklist, socket

    def next(self) -> Attributes:
        event: Attributes = json.loads(self._socket.recv(20))
        return event

    def kinds(self, count: int) -> list[tuple[int, str, str]]:
        events = [self.next() for _ in range(count)]
        return [(e["00001002"]["Value"][0], first_uid(e), first(e, "ProcedureStepState")) for e in events]

    def assert_silent(self) -> None:
        """Whatever was to be told has been: an event sent now is the next one."""
        self._worklist.operations.hub.send([_mark(self._ae)])
        assert self.next() == {"mark": {}}

    _ae = "ME"


def _mark(ae_title: str) -> Notice:
    return Notice((ae_title,), {"mark": {}})


def first_uid(event: Attributes) -> str:
    return str(event["00001000"]["Value"][0])


@contextmanager
def channel(worklist: RunningWorklist, path: str = "/subscribers/ME") -> Iterator[Channel]:
    with connect(f"ws://127.0.0.1:{worklist.server.port}{path}") as socket:
        yield Channel(worklist, socket)


def subscribe(worklist: RunningWorklist, uid: str, **query: str) -> httpx.Response:
    return worklist.client.post(f"/workitems/{uid}/subscribers/ME", params=query)


def progressed(percent: str) -> Attributes:
    progress: Attributes = {}
    put(progress, "ProcedureStepProgress", percent)
    update: Attributes = {}
    put_items(update, "ProcedureStepProgressInformationSequence", progress)
    return update


def test_a_subscription_says_where_its_events_come_from(worklist: RunningWorklist) -> None:
    """201 with the address of the event connection."""
    worklist.schedule(UID)
    response = subscribe(worklist, UID)
    assert response.status_code == 201
    assert response.headers["Content-Location"] == f"ws://127.0.0.1:{worklist.server.port}/subscribers/ME"


def test_a_subscriber_hears_of_every_step(worklist: RunningWorklist) -> None:
    """The state at once, then each change of state and progress, in order, with the class of all workitems."""
    worklist.schedule(UID)
    with channel(worklist) as events:
        subscribe(worklist, UID)
        worklist.bring_to(UID, "IN PROGRESS")
        worklist.update(UID, progressed("40"), "1.9")
        worklist.update(UID, performed(), "1.9")  # is no event
        worklist.change(UID, "COMPLETED", "1.9")
        assert events.kinds(4) == [
            (STATE_REPORT, UID, "SCHEDULED"),
            (STATE_REPORT, UID, "IN PROGRESS"),
            (PROGRESS, UID, ""),
            (STATE_REPORT, UID, "COMPLETED"),
        ]
        subscribe(worklist, UID)
        event = events.next()
        assert event["00000002"]["Value"] == ["1.2.840.10008.5.1.4.34.6.1"]
        assert first(event, "InputReadinessState") == "READY"


def test_progress_is_told_with_its_figures(worklist: RunningWorklist) -> None:
    """The sequence as it stands."""
    worklist.schedule(UID)
    worklist.bring_to(UID, "IN PROGRESS")
    subscribe(worklist, UID)
    with channel(worklist) as events:
        worklist.update(UID, progressed("40"), "1.9")
        (progress,) = items(events.next(), "ProcedureStepProgressInformationSequence")
        assert first(progress, "ProcedureStepProgress") == "40"


def test_readiness_and_assignment_are_told(worklist: RunningWorklist) -> None:
    """A change of the input's readiness is a state report; of the station, an assignment."""
    worklist.schedule(UID, readiness="INCOMPLETE", stations=())
    subscribe(worklist, UID)
    with channel(worklist) as events:
        ready: Attributes = {}
        put(ready, "InputReadinessState", "READY")
        put_items(ready, "ScheduledStationNameCodeSequence", code_item(STATION))
        worklist.update(UID, ready)
        report, assignment = events.next(), events.next()
        assert (first(report, "InputReadinessState"), first(report, "ProcedureStepState")) == ("READY", "SCHEDULED")
        assert items(assignment, "ScheduledStationNameCodeSequence") == [code_item(STATION)]


def test_a_wish_to_cancel_reaches_the_performer(worklist: RunningWorklist) -> None:
    """202; the state stays, and whoever listens hears who wishes it and why."""
    worklist.schedule(UID)
    worklist.bring_to(UID, "IN PROGRESS")
    subscribe(worklist, UID)
    with channel(worklist) as events:
        wish: Attributes = {}
        put(wish, "ReasonForCancellation", "ordered twice")
        put(wish, "ContactDisplayName", "the lab")
        put_items(wish, "ProcedureStepDiscontinuationReasonCodeSequence", code_item(COUNT))
        assert worklist.client.post(f"/workitems/{UID}/cancelrequest/RIS", json=[wish]).status_code == 202
        event = events.next()
        assert event["00001002"]["Value"] == [CANCEL_REQUESTED]
        told = [first(event, k) for k in ("RequestingAE", "ReasonForCancellation", "ContactDisplayName")]
        assert told == ["RIS", "ordered twice", "the lab"]
        assert items(event, "ProcedureStepDiscontinuationReasonCodeSequence") == [code_item(COUNT)]
    assert worklist.state(UID) == "IN PROGRESS"


def test_an_unclaimed_workitem_is_cancelled_through_in_progress(worklist: RunningWorklist) -> None:
    """Subscribers hear of the wish and of both changes of state (PS3.4 CC.2.2.3)."""
    worklist.schedule(UID)
    subscribe(worklist, UID)
    with channel(worklist) as events:
        worklist.client.post(f"/workitems/{UID}/cancelrequest")
        assert events.kinds(3) == [
            (CANCEL_REQUESTED, UID, ""),
            (STATE_REPORT, UID, "IN PROGRESS"),
            (STATE_REPORT, UID, "CANCELED"),
        ]


def test_a_global_subscriber_hears_of_what_is_new(worklist: RunningWorklist) -> None:
    """Of each new workitem its state and whom it is assigned to; of those before only what happens from now on."""
    worklist.schedule("1.2.1")
    with channel(worklist) as events:
        assert subscribe(worklist, GLOBAL).status_code == 201
        events.assert_silent()
        worklist.schedule("1.2.2")
        assert events.kinds(2) == [(STATE_REPORT, "1.2.2", "SCHEDULED"), (ASSIGNED, "1.2.2", "")]
        worklist.bring_to("1.2.1", "IN PROGRESS")
        assert events.kinds(1) == [(STATE_REPORT, "1.2.1", "IN PROGRESS")]


def test_a_global_subscriber_with_a_lock_hears_of_all_there_are(worklist: RunningWorklist) -> None:
    """An initial report for each, and they stay after their end until it unsubscribes."""
    worklist.schedule("1.2.1")
    worklist.schedule("1.2.2")
    with channel(worklist) as events:
        subscribe(worklist, GLOBAL, deletionlock="true")
        assert sorted(events.kinds(2)) == [(1, "1.2.1", "SCHEDULED"), (1, "1.2.2", "SCHEDULED")]
    worklist.bring_to("1.2.1", "COMPLETED")
    worklist.clock.advance(30 * 24 * 3600)
    assert worklist.operations.forget() == 0
    assert worklist.client.delete(f"/workitems/{GLOBAL}/subscribers/ME").status_code == 200
    assert worklist.operations.forget() == 1


def test_a_filtered_subscriber_hears_of_what_it_wants(worklist: RunningWorklist) -> None:
    """Only of workitems, present and future, that a search with the same keys would find."""
    worklist.schedule("1.2.1", readiness="INCOMPLETE")
    with channel(worklist) as events:
        wanted = "InputReadinessState=READY,ScheduledWorkitemCodeSequence.CodeValue=COUNT"
        assert subscribe(worklist, FILTERED, filter=wanted).status_code == 201
        worklist.schedule("1.2.2", readiness="INCOMPLETE")
        worklist.schedule("1.2.3")
        assert events.kinds(1) == [(STATE_REPORT, "1.2.3", "SCHEDULED")]


@pytest.mark.parametrize("filter_text", ["", "Nonsense=1"])
def test_a_filter_must_be_one(worklist: RunningWorklist, filter_text: str) -> None:
    """400, and nothing is subscribed to."""
    assert subscribe(worklist, FILTERED, filter=filter_text).status_code == 400
    assert worklist.client.delete(f"/workitems/{FILTERED}/subscribers/ME").status_code == 404


def test_a_suspended_subscriber_hears_of_nothing_new(worklist: RunningWorklist) -> None:
    """What it was subscribed to before it still hears of; unsubscribing ends that, too."""
    subscribe(worklist, GLOBAL)
    worklist.schedule("1.2.1")
    with channel(worklist) as events:
        assert worklist.client.post(f"/workitems/{GLOBAL}/subscribers/ME/suspend").status_code == 200
        worklist.schedule("1.2.2")
        worklist.bring_to("1.2.1", "IN PROGRESS")
        assert events.kinds(1) == [(STATE_REPORT, "1.2.1", "IN PROGRESS")]
        worklist.client.post(f"/workitems/{GLOBAL}/subscribers/ME")
        assert worklist.client.delete(f"/workitems/{GLOBAL}/subscribers/ME").status_code == 200
        worklist.update("1.2.1", discontinued(), "1.9")
        events.assert_silent()


def test_unsubscribing_from_one_workitem(worklist: RunningWorklist) -> None:
    """200, then silence; 404 where there was no subscription."""
    worklist.schedule(UID)
    subscribe(worklist, UID)
    with channel(worklist) as events:
        assert worklist.client.delete(f"/workitems/{UID}/subscribers/ME").status_code == 200
        worklist.bring_to(UID, "IN PROGRESS")
        events.assert_silent()
    assert worklist.client.delete(f"/workitems/{UID}/subscribers/ME").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/workitems/9.9/subscribers/ME", 404),
        ("POST", f"/workitems/{GLOBAL}/subscribers/ME?deletionlock=perhaps", 400),
        ("POST", f"/workitems/{GLOBAL}/subscribers/{'M' * 17}", 400),
        ("POST", f"/workitems/{UID}/subscribers/ME/suspend", 400),
        ("POST", f"/workitems/{GLOBAL}/subscribers/ME/suspend", 404),
        ("DELETE", f"/workitems/{GLOBAL}/subscribers/ME", 404),
    ],
)
def test_what_cannot_be_subscribed_to(worklist: RunningWorklist, method: str, path: str, status: int) -> None:
    """PS3.18 Tables 11.10.3-1 to 11.12.3-1."""
    worklist.schedule(UID)
    assert worklist.client.request(method, path).status_code == status


def test_each_connection_of_an_application_hears_all(worklist: RunningWorklist) -> None:
    """Two connections of one AE title, one of them by the address that dcm4chee uses."""
    worklist.schedule(UID)
    subscribe(worklist, UID)
    with channel(worklist) as one, channel(worklist, "/ws/subscribers/ME") as two:
        worklist.bring_to(UID, "IN PROGRESS")
        assert one.kinds(1) == two.kinds(1) == [(STATE_REPORT, UID, "IN PROGRESS")]


def test_a_restart_is_told(worklist: RunningWorklist) -> None:
    """To whoever is subscribed to anything; lists of workitems and subscriptions are kept (WARM START)."""
    worklist.schedule(UID)
    subscribe(worklist, UID)
    with channel(worklist) as events:
        worklist.operations.announce("RESTARTED")
        event = events.next()
        assert event["00001002"]["Value"] == [SCP_STATUS]
        keywords = ("SCPStatus", "SubscriptionListStatus", "UnifiedProcedureStepListStatus")
        assert [first(event, keyword) for keyword in keywords] == ["RESTARTED", "WARM START", "WARM START"]
