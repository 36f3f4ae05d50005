"""The event channel: events of every form that is about, and connections that break."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from queue import Queue
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.sync.server import serve

from marrowcount.errors import PeerError
from marrowcount.ports import WorkitemEvent, WorkitemEventKind
from marrowcount.workflow.retry import Backoff
from marrowcount.workitems import Code, WorkitemState
from marrowcount_adapters.ups import EventChannel, WebSocketEvents
from marrowcount_adapters.ups.channel import event_of_message
from marrowcount_adapters.ups.encoding import MalformedWorkitemError

if TYPE_CHECKING:
    from websockets.sync.server import ServerConnection

REPORT = {
    "00000002": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.34.6.4"]},
    "00000110": {"vr": "US", "Value": [23]},
    "00001000": {"vr": "UI", "Value": ["1.2.3"]},
    "00001002": {"vr": "US", "Value": [1]},
    "00404041": {"vr": "CS", "Value": ["READY"]},
    "00741000": {"vr": "CS", "Value": ["SCHEDULED"]},
}
SCHEDULED = WorkitemEvent(WorkitemEventKind.STATE, "1.2.3", WorkitemState.SCHEDULED)


def test_a_state_report_is_read() -> None:
    """As PS3.18 11.13 shows it."""
    assert event_of_message(json.dumps(REPORT)) == SCHEDULED


def test_older_forms_are_read() -> None:
    """An array around it; the type in the element that the examples of 2015 to 2017 had it in."""
    older = {key: value for key, value in REPORT.items() if key != "00001002"} | {"00001001": REPORT["00001002"]}
    assert event_of_message(json.dumps([older])) == SCHEDULED


def test_a_wish_to_cancel_is_read() -> None:
    """Who wishes it, and the reason proposed."""
    code = {
        "00080100": {"vr": "SH", "Value": ["110510"]},
        "00080102": {"vr": "SH", "Value": ["DCM"]},
        "00080104": {"vr": "LO", "Value": ["Duplicate order"]},
    }
    wish = {
        "00001000": REPORT["00001000"],
        "00001002": {"vr": "US", "Value": [2]},
        "00741236": {"vr": "AE", "Value": ["RIS"]},
        "0074100E": {"vr": "SQ", "Value": [code]},
    }
    expected = WorkitemEvent(
        WorkitemEventKind.CANCEL_REQUESTED,
        "1.2.3",
        requester="RIS",
        reason=Code("110510", "DCM", "Duplicate order"),
    )
    assert event_of_message(json.dumps(wish)) == expected


@pytest.mark.parametrize(
    "message", ["", "x", "[]", "{}", "[1]", json.dumps(REPORT | {"00001002": {"vr": "US", "Value": [9]}})]
)
def test_what_is_no_event_is_said_to_be_none(message: str) -> None:
    """And not raised as something else, which would end the channel."""
    with pytest.raises(MalformedWorkitemError):
        event_of_message(message)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from([*REPORT, "vr", "Value"]), inner
), max_leaves=12))  # fmt: skip
def test_whatever_comes_is_an_event_or_none(document: object) -> None:
    """No message of a worklist ends the node's listening."""
    with suppress(MalformedWorkitemError):
        assert isinstance(event_of_message(json.dumps(document)), WorkitemEvent)


def test_the_channel_is_opened_again_and_says_so() -> None:
    """Nonsense is passed over; a broken connection, or a refused subscription, is tried again; each opening is told."""
    heard, opened, connections = Queue[WorkitemEvent](), Queue[str](), [0]

    def talk(connection: ServerConnection) -> None:
        connections[0] += 1
        connection.send("nonsense")
        connection.send(json.dumps(REPORT))
        if connections[0] > 1:
            connection.recv()  # until the other side leaves

    refusals = [PeerError("no-answer", "away")]
    with serve(talk, "127.0.0.1", 0) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/subscribers/ME"

        def subscribe() -> str:
            if refusals:
                raise refusals.pop()
            return url

        events = WebSocketEvents(subscribe, lambda: {"Authorization": "Bearer x"})
        backoff = Backoff(base_s=0.01, cap_s=0.02)
        channel = EventChannel("ris", events, lambda: opened.put("opened"), heard.put, backoff)
        stop = threading.Event()
        listening = threading.Thread(target=channel.listen, args=(stop,))
        listening.start()
        try:
            assert [heard.get(timeout=30) for _ in range(2)] == [SCHEDULED] * 2
            assert [opened.get(timeout=30) for _ in range(2)] == ["opened"] * 2
        finally:
            stop.set()
            listening.join()
            server.shutdown()
            serving.join()
    assert connections[0] == 2
