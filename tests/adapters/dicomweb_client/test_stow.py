"""Giving results back by STOW-RS: one instance a request, streamed, judged by what the server says of it."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from giving import given
from marrowcount.errors import DeliveryRefusedError, InstanceError, PeerBusyError, PeerError
from marrowcount_adapters.dicomweb_client import StowDestination
from marrowcount_adapters.dicomweb_client.stow import PIECE_BYTES, _Body
from result_files import result_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANN, SR = "1.2.8.1", "1.2.8.2"


@dataclass
class Server:
    """Answers one after another, the last for ever, and keeps what it was sent."""

    answers: list[tuple[int, Any, dict[str, str]]]
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def next(self) -> tuple[int, Any, dict[str, str]]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def serving(*answers: tuple[int, Any] | tuple[int, Any, dict[str, str]]) -> Iterator[Server]:
    server = Server([(*answer, {})[:3] for answer in answers])  # type: ignore[misc]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.requests.append((self.path, dict(self.headers), body))
            self.answer()

        def do_GET(self) -> None:
            server.requests.append((self.path, dict(self.headers), b""))
            self.answer()

        def answer(self) -> None:
            status, said, headers = server.next()
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
    server.url = f"http://127.0.0.1:{http.server_address[1]}/dicom-web"
    yield server
    http.shutdown()
    http.server_close()


def referenced(uid: str, warning: int | None = None) -> dict[str, Any]:
    item: dict[str, Any] = {"00081155": {"vr": "UI", "Value": [uid]}}
    if warning is not None:
        item["00081196"] = {"vr": "US", "Value": [warning]}
    return {"00081199": {"vr": "SQ", "Value": [item]}}


def failed(uid: str, reason: int) -> dict[str, Any]:
    item = {"00081155": {"vr": "UI", "Value": [uid]}, "00081197": {"vr": "US", "Value": [reason]}}
    return {"00081198": {"vr": "SQ", "Value": [item]}}


@pytest.fixture
def results(tmp_path: Path) -> list[Path]:
    return result_files(tmp_path)


def destination(server: Server, **more: Any) -> StowDestination:  # noqa: ANN401 - what a test sets
    return StowDestination("cloud", server.url, timeout_s=10, **more)


def test_each_instance_is_stored_by_a_request_of_its_own(results: list[Path]) -> None:
    """Annotations first, bit by bit, as PS3.18 section 8.6.1.2 has it; nothing is asked to be committed."""
    with serving((200, referenced(ANN)), (200, referenced(SR))) as server:
        said = given(destination(server), results)
    assert [(one.sop_instance_uid, one.code) for one in said.taken] == [(ANN, 0), (SR, 0)]
    assert said.commitment_uid == ""
    for (path, headers, body), file in zip(server.requests, results, strict=True):
        assert path == "/dicom-web/studies"
        assert headers["Accept"] == "application/dicom+json"
        assert "chunked" not in headers.get("Transfer-Encoding", "")
        message = message_from_bytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
        (part,) = message.get_payload()  # type: ignore[misc]
        assert part.get_content_type() == "application/dicom"  # type: ignore[union-attr]
        assert file.read_bytes() in body


def test_a_large_instance_is_read_in_pieces(tmp_path: Path) -> None:
    """Memory stays bounded, and the length is known beforehand."""
    file = tmp_path / "large.dcm"
    with file.open("wb") as opened:
        opened.truncate(5 * PIECE_BYTES + 17)
    body = _Body(file)
    lengths = [len(piece) for piece in body.pieces()]
    assert max(lengths) <= PIECE_BYTES
    assert sum(lengths) == int(body.headers["Content-Length"])


def test_a_warning_is_noted_and_taken(results: list[Path]) -> None:
    """202 with a Warning Reason (B000: coerced) in the body means stored."""
    with serving((202, referenced(ANN, 0xB000))) as server:
        assert [one.code for one in given(destination(server), results[:1]).taken] == [0xB000]


@pytest.mark.parametrize("status", [200, 202, 409])
@pytest.mark.parametrize(
    ("reason", "retryable"),
    [
        (0xA700, True),
        (0xA7FF, True),
        (0x0213, True),
        (0xA900, False),
        (0xC000, False),
        (0x0122, False),
        (0x0110, False),
    ],
)
def test_what_failed_is_judged_by_its_reason(
    results: list[Path],
    status: int,
    reason: int,
    retryable: bool,  # noqa: FBT001 - a table
) -> None:
    """Whatever the HTTP status: clients that take 2xx for success lose instances."""
    with serving((status, failed(ANN, reason))) as server, pytest.raises(PeerError) as failure:
        given(destination(server), results[:1])
    assert failure.value.retryable is retryable
    assert f"{reason:04X}H" in failure.value.message


def test_what_was_taken_before_a_failure_is_told(results: list[Path]) -> None:
    """The outbox sends the rest again, not all."""
    with serving((200, referenced(ANN)), (409, failed(SR, 0xA700))) as server:
        taken: list[str] = []
        with pytest.raises(PeerError):
            destination(server).send(results, lambda path, _: taken.append(path.name))
    assert taken == ["ann.dcm"]


def test_a_refusal_keeps_nothing_else_from_being_sent(results: list[Path]) -> None:
    """What comes behind may take an earlier result back; the first refusal is told in the end."""
    with serving((409, failed(ANN, 0xA900)), (200, referenced(SR)), (409, failed(ANN, 0xC000))) as server:
        taken: list[str] = []
        with pytest.raises(DeliveryRefusedError, match="A900H"):
            destination(server).send([*results, results[0]], lambda path, _: taken.append(path.name))
    assert taken == ["sr.dcm"]
    assert len(server.requests) == 3


def test_after_a_passing_failure_nothing_more_is_sent(results: list[Path]) -> None:
    """All that is left is sent again later, in order."""
    with serving((503, b""), (200, referenced(SR))) as server, pytest.raises(PeerBusyError):
        destination(server).send(results, lambda _path, _said: None)
    assert len(server.requests) == 1


def test_an_instance_that_the_server_could_not_name_has_failed(results: list[Path]) -> None:
    """Other Failures Sequence (0008,119A), PS3.18 Annex I."""
    other = {"0008119A": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0xC000]}}]}}
    with serving((202, other)) as server, pytest.raises(DeliveryRefusedError, match="C000H"):
        given(destination(server), results[:1])


@pytest.mark.parametrize("body", [{}, b"", b"<xml/>", [], [referenced("1.2.3")], {"00081199": {"Value": "odd"}}])
def test_accepted_without_a_word_about_the_instance_is_no_success(results: list[Path], body: object) -> None:
    """202 alone says nothing: the body must name the instance, or it is sent again."""
    with serving((202, body)) as server, pytest.raises(PeerError) as failure:
        given(destination(server), results[:1])
    assert failure.value.code == "odd-answer"
    assert failure.value.retryable


@pytest.mark.parametrize("body", [{}, b"", [referenced(ANN)], b"<NativeDicomModel/>"])
def test_ok_means_that_all_was_stored(results: list[Path], body: object) -> None:
    """200 is defined so; the body, as an array or in XML too, may add to it."""
    with serving((200, body)) as server:
        assert len(given(destination(server), results[:1]).taken) == 1


def test_conflict_without_a_reason_is_refused(results: list[Path]) -> None:
    """409: nothing was stored, and the same request would fail again."""
    with serving((409, b"")) as server, pytest.raises(DeliveryRefusedError, match="409"):
        given(destination(server), results[:1])


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, True), (403, False), (404, False), (413, False), (415, False), (500, True), (502, True)],
)
def test_http_failures_are_judged(results: list[Path], status: int, retryable: bool) -> None:  # noqa: FBT001 - a table
    """A fault of the server or a token may pass; a wrong address or a refusal does not."""
    with serving((status, b"")) as server, pytest.raises(PeerError) as failure:
        given(destination(server), results[:1])
    assert failure.value.retryable is retryable


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("120", 120, 120), ("Fri, 01 Jan 2100 00:00:00 GMT", 1e9, 1e10), ("soon", 0, 0), ("", 0, 0)],
)
def test_a_busy_server_says_when_to_come_back(results: list[Path], said: str, least: float, most: float) -> None:
    """Retry-After in seconds or as a date (RFC 9110 section 10.2.3)."""
    with serving((503, b"", {"Retry-After": said})) as server, pytest.raises(PeerBusyError) as failure:
        given(destination(server), results[:1])
    assert least <= failure.value.retry_after_s <= most


def test_the_token_is_read_anew_each_time(results: list[Path], tmp_path: Path) -> None:
    """Others renew it."""
    token = tmp_path / "token"
    with serving((200, b"")) as server:
        for text in ("first", "second"):
            token.write_text(f"{text}\n")
            given(destination(server, token_file=token), results[:1])
    assert [headers["Authorization"] for _, headers, _ in server.requests] == ["Bearer first", "Bearer second"]


def test_a_server_that_is_away_may_come_back(results: list[Path]) -> None:
    """No answer is a passing failure, told without what was sent."""
    with pytest.raises(PeerError) as failure:
        given(StowDestination("cloud", "http://127.0.0.1:9/dicom-web", timeout_s=2), results)
    assert failure.value.code == "no-answer"


def test_a_file_that_is_no_dicom_is_named(tmp_path: Path) -> None:
    """Nothing is sent of it."""
    wrong = tmp_path / "notes.txt"
    wrong.write_text("no DICOM")
    with serving((200, b"")) as server, pytest.raises(InstanceError, match=r"notes\.txt"):
        given(destination(server), [wrong])
    assert server.requests == []


@pytest.mark.parametrize(("status", "well"), [(200, True), (204, True), (501, True), (404, False), (503, False)])
def test_check_asks_whether_it_answers(status: int, well: bool) -> None:  # noqa: FBT001 - a table
    """A service that stores only says that it does not search, which is an answer."""
    with serving((status, [] if status == 200 else b"")) as server:
        if well:
            assert destination(server).check() == "answers DICOMweb"
        else:
            with pytest.raises(PeerError):
                destination(server).check()
