"""The listener takes what comes in time and in measure, and lets go of the rest."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import trustme
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from marrowcount.errors import SettingsError
from marrowcount_adapters.web_server import WebServer, WebServerSettings, server


def hello(_request: object) -> Response:
    return PlainTextResponse("hello")


def endless(_request: object) -> Response:
    return StreamingResponse(iter(lambda: bytes(1 << 20), b""))


APP = Starlette(routes=[Route("/hello", hello), Route("/endless", endless)])


@contextmanager
def serving(max_connections: int = 10, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    listening = WebServer(APP, WebServerSettings("127.0.0.1", 0, max_connections, drain_s=1, tls=tls))
    listening.start()
    try:
        yield listening.port
    finally:
        listening.stop()


def received(connection: socket.socket) -> bytes:
    """Until the other side closes; a reset is an end, too."""
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def test_it_listens_and_stops() -> None:
    """After it was stopped nobody answers."""
    with serving() as port:
        assert httpx.get(f"http://127.0.0.1:{port}/hello").text == "hello"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/hello")


def test_a_taken_address_is_told() -> None:
    """By a setting's error with a code."""
    with serving() as port, pytest.raises(SettingsError, match="Cannot listen") as caught:
        WebServer(APP, WebServerSettings("127.0.0.1", port)).start()
    assert caught.value.code == "cannot-listen"


@pytest.mark.parametrize("begun", [b"", b"GET /hello HT", b"GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_a_head_that_does_not_come_is_not_awaited(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither before its first byte nor within it (the attack named slowloris)."""
    monkeypatch.setattr(server, "HEAD_S", 0.3)
    with serving() as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(begun)
        assert received(connection) == b""


def test_a_second_head_is_not_awaited_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a connection that did well once."""
    monkeypatch.setattr(server, "HEAD_S", 0.3)
    whole = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with serving() as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(whole + whole[:20])
        assert received(connection).count(b"200 OK") == 1


def test_an_endless_head_is_refused() -> None:
    """400, before it fills the memory."""
    with serving() as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET /hello HTTP/1.1\r\n" + b"X-More: %b\r\n" % (b"x" * 1000) * 40)
        assert received(connection).startswith(b"HTTP/1.1 400 ")


def test_a_receiver_that_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place is free for others again."""
    monkeypatch.setattr(server, "STALL_S", 0.3)
    with serving(max_connections=2) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.recv(1)
        deadline = time.monotonic() + 60
        while httpx.get(f"http://127.0.0.1:{port}/hello").status_code == 503:
            assert time.monotonic() < deadline, "the place is still taken"


def test_more_connections_than_allowed_are_told_so() -> None:
    """503, and the others are served."""
    with serving(max_connections=2) as port, httpx.Client() as first:
        assert first.get(f"http://127.0.0.1:{port}/hello").status_code == 200
        assert httpx.get(f"http://127.0.0.1:{port}/hello").status_code == 503
        assert first.get(f"http://127.0.0.1:{port}/hello").status_code == 200


def test_it_speaks_tls_and_may_ask_for_a_certificate() -> None:
    """With a context of ours; who shows no certificate is not let in."""
    authority = trustme.CA()
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    authority.configure_trust(ours)
    ours.verify_mode = ssl.CERT_REQUIRED
    theirs = ssl.create_default_context()
    authority.configure_trust(theirs)
    with serving(tls=ours) as port:
        with pytest.raises(httpx.TransportError):
            httpx.get(f"https://127.0.0.1:{port}/hello", verify=theirs)
        authority.issue_cert("viewer@example.org").configure_cert(theirs)
        assert httpx.get(f"https://127.0.0.1:{port}/hello", verify=theirs).text == "hello"
