"""Nobody gets past the guard who may not, and nothing leaves it that must not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute

from marrowcount_adapters.web_server import Guard, GuardRules, TokenFile

if TYPE_CHECKING:
    from starlette.requests import Request

READER, WRITER = "reader-token-0123456789", "writer-token-0123456789"
VIEWER = "https://viewer.example.org"


def hello(request: Request) -> Response:
    return PlainTextResponse(f"hello {getattr(request.state, 'caller', 'nobody')}")


def fails(_request: Request) -> Response:
    raise RuntimeError("Secret^Patient")


def breaks_off(_request: Request) -> Response:
    def pieces() -> Any:  # noqa: ANN401 - bytes, then an end
        yield b"half"
        raise RuntimeError("Secret^Patient")

    return StreamingResponse(pieces())


APP = Starlette(
    routes=[
        Route("/hello", hello, methods=["GET", "POST"]),
        Route("/fails", fails),
        Route("/breaks-off", breaks_off),
        WebSocketRoute("/events", lambda websocket: websocket.close()),
    ]
)


@pytest.fixture
def tokens(tmp_path: Path) -> TokenFile:
    file = tmp_path / "tokens"
    file.write_text(f"reader read {READER}\nwriter write {WRITER}\n")
    return TokenFile(file)


def ask(rules: GuardRules, method: str, path: str, host: str = "localhost:8104", **headers: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(Guard(APP, rules), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, headers={"Host": host, **named})

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("given", "method", "status"),
    [
        ("", "GET", 401),
        ("Basic dXNlcjpwYXNz", "GET", 401),
        ("Bearer", "GET", 401),
        (f"Bearer {READER}x", "GET", 401),
        (f"Bearer {READER}", "GET", 200),
        (f"bearer  {READER}", "HEAD", 200),
        (f"Bearer {READER}", "POST", 403),
        (f"Bearer {WRITER}", "POST", 200),
        (f"Bearer {WRITER}", "GET", 403),
    ],
)
def test_a_token_is_asked_for(tokens: TokenFile, given: str, method: str, status: int) -> None:
    """RFC 6750: a challenge with 401 and 403; a right for each kind of method."""
    answer = ask(GuardRules(tokens), method, "/hello", **({"Authorization": given} if given else {}))
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) is (status != 200)
    if status == 401:
        assert answer.headers["www-authenticate"].startswith('Bearer realm="marrowcount"')


def test_the_application_hears_who_asks(tokens: TokenFile) -> None:
    """By the name of the token."""
    assert ask(GuardRules(tokens), "GET", "/hello", Authorization=f"Bearer {READER}").text == "hello reader"


def test_tokens_stay_out_of_the_log(tokens: TokenFile, capsys: pytest.CaptureFixture[str]) -> None:
    """Right ones and wrong ones; so do queries."""
    for token in (READER, "wrong-token-0123456789"):
        ask(GuardRules(tokens), "GET", "/hello?PatientName=Secret", Authorization=f"Bearer {token}")
    logged = capsys.readouterr().out
    assert logged.count("web.request") == 2
    assert "caller=reader" in logged
    assert "token-0123456789" not in logged
    assert "Secret" not in logged


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("127.0.0.1:8104", 200),
        ("[::1]:8104", 200),
        ("evil.example.org", 421),
        ("localhost.evil.example.org:8104", 421),
        ("", 421),
    ],
)
def test_without_tokens_the_server_must_be_called_by_its_names(host: str, status: int) -> None:
    """Or any page in a browser on the machine could read patients by DNS rebinding."""
    rules = GuardRules(hosts=frozenset({"localhost", "127.0.0.1", "[::1]"}))
    assert ask(rules, "GET", "/hello", host).status_code == status


def test_browsers_of_named_origins_may_read(tokens: TokenFile) -> None:
    """CORS, its preflight without a token; other origins get no leave."""
    rules = GuardRules(tokens, origins=frozenset({VIEWER}))
    wanted = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    preflight = ask(rules, "OPTIONS", "/hello", Origin=VIEWER, **wanted)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == VIEWER
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    answer = ask(rules, "GET", "/hello", Origin=VIEWER, Authorization=f"Bearer {READER}")
    assert answer.headers["access-control-allow-origin"] == VIEWER
    assert answer.headers["vary"] == "Origin"
    for origin in ("https://evil.example.org", "null"):
        assert "access-control-allow-origin" not in ask(rules, "OPTIONS", "/hello", Origin=origin, **wanted).headers


@pytest.mark.parametrize("path", ["/fails", "/breaks-off"])
def test_a_failure_tells_nothing_of_the_data(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """500, or an answer that breaks off; neither it nor the log holds the exception's words."""
    answer = ask(GuardRules(), "GET", path)
    logged = capsys.readouterr()
    assert answer.status_code in {200, 500}
    assert "Secret" not in answer.text + logged.out + logged.err
    assert "RuntimeError" in logged.out


def test_websockets_are_guarded_too(tokens: TokenFile) -> None:
    """Closed as a violation of policy before they open."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's
        sent.append(message)

    scope = {"type": "websocket", "path": "/events", "headers": [], "query_string": b"", "client": None}
    asyncio.run(Guard(APP, GuardRules(tokens))(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "no-token"}]
