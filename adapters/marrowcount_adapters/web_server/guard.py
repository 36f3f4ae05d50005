"""What every request passes before it reaches a service: who are you, may you, and a line in the log."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog
from starlette.datastructures import Headers, MutableHeaders

from marrowcount_adapters.web_server.tokens import Right

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from marrowcount_adapters.web_server.tokens import TokenFile

__all__ = ["Guard", "GuardRules"]

LOG: Final = structlog.get_logger()

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_METHODS: Final = frozenset({"GET", "HEAD"})
SPEAKING: Final = re.compile(r"[0-9.,]{1,4096}|[a-z][a-z-]{0,30}(\.json)?|[0-9A-F]{8}|\{?[A-Z0-9_]{1,16}\}?")
"""Segments of a path that are logged: UIDs, numbers, tags, AE titles and the names of resources."""
LONGEST_LOGGED: Final = 300
HOST_NAME: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:]*)(:\d+)?")

REALM: Final = 'Bearer realm="marrowcount"'
PROBLEM: Final = "application/problem+json"
POLICY_VIOLATION: Final = 1008
"""Of WebSocket (RFC 6455 section 7.4.1)."""

CORS_METHODS: Final = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
CORS_HEADERS: Final = "Accept, Authorization, Content-Type, If-None-Match, Range"
CORS_SHOWN: Final = "Content-Length, Content-Location, Content-Range, ETag, Location, Retry-After, Warning"
CORS_DAY_S: Final = "86400"


@dataclass(frozen=True, slots=True)
class GuardRules:
    """Who may come in.

    Attributes:
        tokens: of whom; None where none are asked for.
        hosts: names by which the server may be called; empty for any. A server that asks for no token must know its
            names, or a page in a browser on the same machine could call it by one of its own (DNS rebinding).
        origins: of pages in browsers that may read answers (CORS); ``*`` for any.
        open_paths: that may be read without a token, each in full: a page's markup and scripts, never data.
    """

    tokens: TokenFile | None = None
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    open_paths: frozenset[str] = frozenset()


class _Refusal(NamedTuple):
    """An answer given in a service's place; without a code it is no failure."""

    status: int
    code: str = ""
    message: str = ""
    challenge: str = ""


PREFLIGHT: Final = _Refusal(204)


@dataclass(slots=True)
class _Visit:
    """What is logged of a request."""

    began: float = field(default_factory=time.monotonic)
    status: int = 0
    sent_bytes: int = 0
    complete: bool = False
    caller: str = ""


class Guard:
    """The outermost application."""

    def __init__(self, app: ASGIApp, rules: GuardRules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        visit, headers = _Visit(), Headers(scope=scope)
        send = self._noting(send, visit, headers)
        try:
            refusal = self._refusal(scope, headers, visit)
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await _refuse(scope, send, refusal)
        except Exception as error:  # noqa: BLE001 - one request must not bring down the server
            # Not its message or traceback: a parser's may quote the data set.
            LOG.error("web.failed", error=type(error).__name__, **_named(scope))  # noqa: TRY400
            await _give_up(scope, send, visit)
        finally:
            _log(scope, visit)

    def _refusal(self, scope: Scope, headers: Headers, visit: _Visit) -> _Refusal | None:
        host = HOST_NAME.fullmatch(headers.get("host", ""))
        if self._rules.hosts and (host is None or host[1].lower() not in self._rules.hosts):
            return _Refusal(421, "wrong-host", "The server is not called by this name.")
        if scope.get("method") == "OPTIONS" and "access-control-request-method" in headers:
            return PREFLIGHT
        if self._rules.tokens is None or self._is_open(scope):
            return None
        return _stranger(self._rules.tokens, scope, headers, visit)

    def _is_open(self, scope: Scope) -> bool:
        return scope.get("method") in OPEN_METHODS and scope["path"] in self._rules.open_paths

    def _noting(self, send: Send, visit: _Visit, asked: Headers) -> Send:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                self._add_headers(MutableHeaders(scope=message), asked)
            elif message["type"] == "http.response.body":
                visit.sent_bytes += len(message.get("body", b""))
                visit.complete = not message.get("more_body", False)
            await send(message)

        return noting

    def _add_headers(self, headers: MutableHeaders, asked: Headers) -> None:
        headers["X-Content-Type-Options"] = "nosniff"
        origin = asked.get("origin")
        if origin is None or not self._rules.origins & {"*", origin}:
            return
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = CORS_SHOWN
        headers.add_vary_header("Origin")
        if "access-control-request-method" in asked:
            headers["Access-Control-Allow-Methods"] = CORS_METHODS
            headers["Access-Control-Allow-Headers"] = CORS_HEADERS
            headers["Access-Control-Max-Age"] = CORS_DAY_S


def _stranger(tokens: TokenFile, scope: Scope, headers: Headers, visit: _Visit) -> _Refusal | None:
    """Why a request may not come in (RFC 6750 section 3); None where its token is good for it."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if not token or scheme.lower() != "bearer":
        return _Refusal(401, "no-token", "Send a bearer token.", REALM)
    holder = tokens.holder(token.strip())
    if holder is None:
        return _Refusal(401, "wrong-token", "This token is not known.", f'{REALM}, error="invalid_token"')
    visit.caller = holder.name
    scope.setdefault("state", {})["caller"] = holder.name
    right = Right.READ if scope.get("method", "GET") in READING else Right.WRITE
    if right in holder.rights:
        return None
    challenge = f'{REALM}, error="insufficient_scope", scope="{right}"'
    return _Refusal(403, "not-permitted", f"This token is not good to {right}.", challenge)


async def _refuse(scope: Scope, send: Send, refusal: _Refusal) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refusal.code})
        return
    status, body, said = refusal.status, b"", {}
    if refusal.code:
        problem = {"title": HTTPStatus(status).phrase, "status": status, "code": refusal.code}
        body, said = json.dumps(problem | {"detail": refusal.message}).encode(), {"Content-Type": PROBLEM}
    if refusal.challenge:
        said["WWW-Authenticate"] = refusal.challenge
    if scope["method"] not in READING:
        said["Connection"] = "close"  # the body of the request is not read
    raw = [(name.lower().encode(), value.encode()) for name, value in said.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def _give_up(scope: Scope, send: Send, visit: _Visit) -> None:
    """Answer where nothing was answered yet; break the connection off where half was, lest it pass for the whole."""
    if not visit.status:
        await _refuse(scope, send, _Refusal(500, "failed", "The node failed; see its log."))
    elif not visit.complete:
        raise ConnectionAbortedError("an answer broke off") from None  # without the cause, which may quote a data set


def _log(scope: Scope, visit: _Visit) -> None:
    LOG.info(
        "web.request",
        **_named(scope),
        status=visit.status,
        sent_bytes=visit.sent_bytes,
        caller=visit.caller,
        address=(scope.get("client") or ("",))[0],
        took_ms=round(1000 * (time.monotonic() - visit.began)),
    )


def _named(scope: Scope) -> dict[str, str]:
    """Method and path, without what may be a person's name; never the query, which may hold one."""
    segments = (segment if SPEAKING.fullmatch(segment) else "*" for segment in scope["path"].split("/") if segment)
    return {"method": scope.get("method", "WEBSOCKET"), "path": "/" + "/".join(segments)[:LONGEST_LOGGED]}
