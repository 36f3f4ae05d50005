"""UPS-RS where things go wrong: what may pass is tried again, what may not is said, and the token stays at home."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount.workitems import UpsStatus, WorkitemState
from marrowcount_adapters.ups import WebUps
from marrowcount_adapters.ups.encoding import encode_progress
from marrowcount_adapters.ups_worklist.subscribing import FILTERED, GLOBAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workitems import RunningWorklist

Answer = tuple[int, dict[str, str], bytes]
KEYS = [(("ScheduledWorkitemCodeSequence", "CodeValue"), "COUNT")]


class Scripted(ThreadingHTTPServer):
    """Answers what it is told to, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self, answer: Callable[[str, str], Answer]) -> None:
        self.answer, self.asked = answer, list[tuple[str, str, dict[str, str]]]()
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Scripted

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, dict(self.headers)))
        status, headers, body = self.server.answer(self.command, self.path)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def scripted(answer: Callable[[str, str], Answer]) -> Iterator[Scripted]:
    server = Scripted(answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def always(status: int, body: bytes = b"", **headers: str) -> Callable[[str, str], Answer]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _method, _path: (status, named, body)


def workitem(state: str) -> bytes:
    return json.dumps([{"00741000": {"vr": "CS", "Value": [state]}}]).encode()


@pytest.mark.parametrize("status", [401, 408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status: int) -> None:
    """The same request may succeed later; 401, since tokens are renewed by others."""
    with scripted(always(status)) as server, pytest.raises(PeerError) as raised:
        WebUps("ris", server.url, "ME").find([])
    assert raised.value.retryable
    assert raised.value.code == f"http-{status}"


@pytest.mark.parametrize("status", [403, 405, 413, 415, 301])
def test_what_may_not_is_refused(status: int) -> None:
    """A person must look; a redirect is not followed, since the token would go with it."""
    with scripted(always(status, Location="http://127.0.0.1:1/")) as server, pytest.raises(DeliveryRefusedError):
        WebUps("ris", server.url, "ME").change("1.2", "1.9", WorkitemState.IN_PROGRESS)
    assert len(server.asked) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"a": ["', b"\xff", pytest.param(b"[" * 99_999, id="deep")])
def test_an_answer_that_is_none_is_a_passing_failure(body: bytes) -> None:
    """A proxy's page of its own, for example."""
    with scripted(always(200, body)) as server, pytest.raises(PeerError, match="odd-answer"):
        WebUps("ris", server.url, "ME").find([])


def test_a_workitem_that_cannot_be_read_hides_no_other() -> None:
    """It is passed over; of the others only what the node needs is read, and nothing of the patient."""
    good = json.loads(workitem("SCHEDULED"))[0] | {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Made^Up"}]}}
    bad = {"00404018": {"vr": "SQ", "Value": ["no item"]}}  # a value that pydicom only warns of is read all the same
    with scripted(always(200, json.dumps([bad, good, {"00741000": {"Value": "x"}}]).encode())) as server:
        (found,) = WebUps("ris", server.url, "ME").find([])
    assert (found.ProcedureStepState, "PatientName" in found) == ("SCHEDULED", False)


def test_an_answer_has_its_limit() -> None:
    """A worklist cannot fill the node's memory."""
    with scripted(always(200, b" " * (17 << 20))) as server, pytest.raises(PeerError, match="answer-too-long"):
        WebUps("ris", server.url, "ME").find([])


def test_the_token_is_shown_and_read_anew(tmp_path: Path) -> None:
    """Whoever renews the file need not restart the node; without the file nothing is asked."""
    token = tmp_path / "token"
    token.write_text("one\n", encoding="ascii")
    with scripted(always(204)) as server:
        service = WebUps("ris", server.url, "ME", token)
        service.find([])
        token.write_text("two", encoding="ascii")
        service.find([])
        assert [headers["Authorization"] for _, _, headers in server.asked] == ["Bearer one", "Bearer two"]
        token.unlink()
        with pytest.raises(PeerError, match="no-token"):
            service.find([])
        token.write_text("SECRET-1\nSECRET-2", encoding="ascii")
        with pytest.raises(PeerError, match="no-token") as raised:
            service.find([])
        assert "SECRET" not in str(raised.value)
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("said", "used"),
    [
        ("ws://127.0.0.1:{port}/elsewhere/ME", "ws://127.0.0.1:{port}/elsewhere/ME"),
        ("ws://stranger.example.org/subscribers/ME", "ws://127.0.0.1:{port}/subscribers/ME"),
        ("http://127.0.0.1:{port}/subscribers/ME", "ws://127.0.0.1:{port}/subscribers/ME"),
        ("", "ws://127.0.0.1:{port}/subscribers/ME"),
    ],
)
def test_events_are_read_from_the_same_host(said: str, used: str) -> None:
    """Where the answer says, unless it is another host: the token goes there."""
    port = [0]
    answer = lambda _m, _p: (201, {"Content-Location": said.format(port=port[0])}, b"")  # noqa: E731 - it is short
    with scripted(answer) as server:
        port[0] = int(server.server_address[1])
        assert WebUps("ris", server.url, "ME").subscribe(KEYS) == used.format(port=port[0])


def test_without_filters_it_subscribes_to_all() -> None:
    """A server may refuse filters (403); then the node looks for itself which events are for it."""
    with scripted(lambda _m, path: (403 if FILTERED + "/" in path else 201, {}, b"")) as server:
        WebUps("ris", server.url, "ME").subscribe(KEYS)
        paths = [path.partition("?")[0] for _, path, _ in server.asked]
    assert paths == [f"/workitems/{uid}/subscribers/ME" for uid in (FILTERED, GLOBAL)]


@pytest.mark.parametrize("refusal", [400, 409])
@pytest.mark.parametrize(
    ("wanted", "state", "status"),
    [
        (WorkitemState.IN_PROGRESS, "COMPLETED", UpsStatus.FINAL),
        (WorkitemState.IN_PROGRESS, "SCHEDULED", UpsStatus.NOT_IN_PROGRESS),
        (WorkitemState.COMPLETED, "COMPLETED", UpsStatus.ALREADY_COMPLETED),
        (WorkitemState.COMPLETED, "CANCELED", UpsStatus.FINAL),
        (WorkitemState.COMPLETED, "IN PROGRESS", UpsStatus.REQUIREMENTS_UNMET),
        (WorkitemState.CANCELED, "CANCELED", UpsStatus.ALREADY_CANCELED),
    ],
)
def test_a_refusal_without_words_is_understood_by_the_state(
    wanted: WorkitemState, state: str, status: UpsStatus, refusal: int
) -> None:
    """Servers differ in statuses and warnings; the workitem itself does not lie."""
    with scripted(lambda method, _p: (200, {}, workitem(state)) if method == "GET" else (refusal, {}, b"")) as server:
        assert WebUps("ris", server.url, "ME").change("1.2", "1.9", wanted) is status


@pytest.mark.parametrize(
    ("fits", "status"), [(True, UpsStatus.ALREADY_IN_PROGRESS), (False, UpsStatus.WRONG_TRANSACTION)]
)
def test_whose_a_workitem_is_an_update_shows(fits: bool, status: UpsStatus) -> None:  # noqa: FBT001
    """A claim was refused without words and the workitem is IN PROGRESS: ours, if an update with our lock succeeds."""

    def answer(method: str, _path: str) -> Answer:
        if method == "GET":
            return 200, {}, workitem("IN PROGRESS")
        return (200 if method == "POST" and fits else 409), {}, b""

    with scripted(answer) as server:
        assert WebUps("ris", server.url, "ME").change("1.2", "1.9", WorkitemState.IN_PROGRESS) is status


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("COMPLETED", UpsStatus.FINAL),
        ("IN PROGRESS", UpsStatus.WRONG_TRANSACTION),
        ("SCHEDULED", UpsStatus.NOT_IN_PROGRESS),
    ],
)
def test_a_refused_update_is_understood_by_the_state(state: str, status: UpsStatus) -> None:
    """400 and 409 mean different things to different servers."""
    from marrowcount.ports import StepProgress

    with scripted(lambda method, _p: (200, {}, workitem(state)) if method == "GET" else (400, {}, b"")) as server:
        update = encode_progress(StepProgress(1, ""))
        assert WebUps("ris", server.url, "ME").set("1.2", "1.9", update) is status


def test_nobody_there_is_a_passing_failure() -> None:
    """With the worklist's name, and without a trace of what was to be said."""
    with pytest.raises(PeerError, match="no-answer") as raised:
        WebUps("ris", "http://127.0.0.1:1", "ME", timeout_s=2).get("1.2")
    assert "ris" in raised.value.message


def test_a_server_that_ignores_keys_is_checked(server: RunningWorklist) -> None:
    """What is not for the node is left out, whatever the server found."""
    from datetime import UTC

    from marrowcount.testing import HeldClock
    from marrowcount.workitems import Code
    from marrowcount_adapters.ups import UpsWorklist, Wanted
    from workitems import new_workitem

    document = [new_workitem(), new_workitem(stations=(Code("OTHER", "99TEST", "Another"),))]
    for number, each in enumerate(document):
        each["00080018"] = {"vr": "UI", "Value": [f"2.25.{number}"]}
    document.append({"00741000": {"vr": "CS", "Value": ["ODD"]}, "00080018": {"vr": "UI", "Value": ["2.25.9"]}})
    document[-1]["00404021"] = {"vr": "SQ"}
    with scripted(always(200, json.dumps(document).encode())) as odd:
        service = WebUps("ris", odd.url, "ME")
        wanted = Wanted(Code("MARROWCOUNT", "99TEST", ""))
        found = UpsWorklist("ris", service, wanted, UTC, HeldClock()).scheduled()
    assert [workitem.uid for workitem in found] == ["2.25.0"]
    assert server
