"""The worklist's resources (PS3.18 Table 11.3-1) as a Starlette application."""

from __future__ import annotations

import hmac
import json
import re
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocketDisconnect

from marrowcount.errors import StorageError
from marrowcount.workitems import UpsStatus
from marrowcount_adapters.ups_worklist.answers import (
    Outcome,
    outcome_of_cancel_request,
    outcome_of_change,
    outcome_of_creation,
    outcome_of_update,
)
from marrowcount_adapters.ups_worklist.json_model import (
    Attributes,
    MalformedError,
    first,
    parse_attributes,
)
from marrowcount_adapters.ups_worklist.matching import parse_filter, parse_search
from marrowcount_adapters.ups_worklist.operations import Answer, wanted_state
from marrowcount_adapters.ups_worklist.subscribing import FILTERED, GLOBAL, Subscribing

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from starlette.requests import HTTPConnection, Request
    from starlette.websockets import WebSocket

    from marrowcount_adapters.ups_worklist.operations import WorklistOperations

__all__ = ["worklist_app"]

LOG: Final = structlog.get_logger()

DICOM_JSON: Final = "application/dicom+json"
JSON_TYPES: Final = frozenset({DICOM_JSON, "application/json"})
LONGEST_BODY: Final = 1 << 20
UID: Final = re.compile(r"[0-9.]{1,64}")
AE_TITLE: Final = re.compile(r"[\x21-\x5b\x5d-\x7e][\x20-\x5b\x5d-\x7e]{0,15}")
ANONYMOUS: Final = "UPS-RS"
"""Requesting AE (0074,1236) where HTTP names none; the attribute must have a value."""

TOO_SLOW: Final = 1013
"""WebSocket close code: try again later."""
UNAUTHORISED: Final = 3000

TRANSACTION_PARAMETERS: Final = ("transaction-uid", "transaction", "TransactionUID", "00081195")
UID_PARAMETERS: Final = ("workitem", "AffectedSOPInstanceUID", "SOPInstanceUID")
"""The standard writes {transaction-uid} and {workitem} and names no parameter; editions and clients differ."""


class _RefusedError(Exception):
    """The request is answered at once."""

    def __init__(self, status: HTTPStatus, words: str = "") -> None:
        super().__init__(words)
        self.status, self.words = status, words


def worklist_app(operations: WorklistOperations, token: str = "") -> Starlette:
    """The application; ``token`` is the bearer token that every request must show, "" for none."""
    requests = _Requests(operations, token)
    item, subscriber = "/workitems/{uid}", "/workitems/{uid}/subscribers/{ae_title}"
    routes = [
        Route("/workitems", requests.create, methods=["POST"]),
        Route("/workitems", requests.search, methods=["GET"]),
        Route(item, requests.retrieve, methods=["GET"]),
        Route(item, requests.update, methods=["POST"]),
        Route(f"{item}/state", requests.change_state, methods=["PUT"]),
        Route(f"{item}/state/{{requester}}", requests.change_state, methods=["PUT"]),
        Route(f"{item}/cancelrequest", requests.request_cancel, methods=["POST"]),
        Route(f"{item}/cancelrequest/{{requester}}", requests.request_cancel, methods=["POST"]),
        Route(subscriber, requests.subscribe, methods=["POST"]),
        Route(subscriber, requests.unsubscribe, methods=["DELETE"]),
        Route(f"{subscriber}/suspend", requests.suspend, methods=["POST"]),
        WebSocketRoute("/subscribers/{ae_title}", requests.open_channel),
        WebSocketRoute("/ws/subscribers/{ae_title}", requests.open_channel),
    ]
    handlers: dict[Any, Any] = {
        _RefusedError: lambda _, error: _plain(error.status, error.words),
        MalformedError: lambda _, error: _plain(HTTPStatus.BAD_REQUEST, str(error)),
        StorageError: _database_failed,
    }
    return Starlette(routes=routes, exception_handlers=handlers)


class _Requests:
    """Reads requests, has them carried out in a thread of their own, and writes what came of it."""

    def __init__(self, operations: WorklistOperations, token: str) -> None:
        self._do, self._token = operations, token
        self._subscribing = Subscribing(operations.store, operations.hub)

    async def create(self, request: Request) -> Response:
        attributes = await self._attributes(request)
        uid = _parameter(request, UID_PARAMETERS) or first(attributes, "SOPInstanceUID")
        answer = await run_in_threadpool(self._do.create, _uid(uid), attributes)
        response = _answered(request, answer, outcome_of_creation(answer))
        if answer.status.succeeded:
            response.headers["Location"] = f"{_base(request)}/workitems/{uid}"
        return response

    async def retrieve(self, request: Request) -> Response:
        self._admit(request)
        _require_json_accepted(request)
        found = await run_in_threadpool(self._do.retrieve, _uid(request.path_params["uid"]))
        if isinstance(found, Answer):
            return _plain(HTTPStatus.GONE if found.deleted else HTTPStatus.NOT_FOUND, "")
        return _dicom(HTTPStatus.OK, [found])

    async def update(self, request: Request) -> Response:
        attributes = await self._attributes(request)
        transaction_uid = _parameter(request, TRANSACTION_PARAMETERS) or first(attributes, "TransactionUID")
        uid = _uid(request.path_params["uid"])
        answer = await run_in_threadpool(self._do.update, uid, transaction_uid, attributes)
        return _answered(request, answer, outcome_of_update(answer))

    async def change_state(self, request: Request) -> Response:
        attributes = await self._attributes(request)
        wanted, transaction_uid = wanted_state(attributes), first(attributes, "TransactionUID")
        uid = _uid(request.path_params["uid"])
        answer = await run_in_threadpool(self._do.change_state, uid, wanted, transaction_uid)
        return _answered(request, answer, outcome_of_change(answer))

    async def request_cancel(self, request: Request) -> Response:
        attributes = await self._attributes(request, may_be_empty=True)
        requester = _ae_title(request.path_params.get("requester", ANONYMOUS))
        uid = _uid(request.path_params["uid"])
        answer = await run_in_threadpool(self._do.request_cancel, uid, requester, attributes)
        return _answered(request, answer, outcome_of_cancel_request(answer))

    async def search(self, request: Request) -> Response:
        self._admit(request)
        _require_json_accepted(request)
        search = parse_search(request.query_params.multi_items())
        found, more = await run_in_threadpool(self._do.search, search)
        if not found:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        return _dicom(HTTPStatus.PARTIAL_CONTENT if more else HTTPStatus.OK, list(found))

    async def subscribe(self, request: Request) -> Response:
        self._admit(request)
        uid, ae_title = _uid(request.path_params["uid"]), _ae_title(request.path_params["ae_title"])
        filter_text = request.query_params.get("filter", "")
        if uid == FILTERED:
            parse_filter(filter_text)  # refuses what is none, before anything is changed
        lock = request.query_params.get("deletionlock", "false").lower()
        if lock not in {"true", "false"}:
            raise MalformedError("deletionlock is true or false")
        status = await run_in_threadpool(
            lambda: self._subscribing.subscribe(uid, ae_title, locked=lock == "true", filter_text=filter_text)
        )
        if status is not UpsStatus.SUCCESS:
            return _plain(HTTPStatus.NOT_FOUND, "")
        channel = f"{re.sub('^http', 'ws', _base(request))}/subscribers/{ae_title}"
        return Response(status_code=HTTPStatus.CREATED, headers={"Content-Location": channel})

    async def unsubscribe(self, request: Request) -> Response:
        return await self._unsubscribed(request, self._subscribing.unsubscribe)

    async def suspend(self, request: Request) -> Response:
        if request.path_params["uid"] not in {GLOBAL, FILTERED}:
            raise MalformedError("only a subscription to the worklist can be suspended")
        return await self._unsubscribed(request, self._subscribing.suspend)

    async def _unsubscribed(self, request: Request, end: Callable[[str, str], bool]) -> Response:
        self._admit(request)
        uid, ae_title = _uid(request.path_params["uid"]), _ae_title(request.path_params["ae_title"])
        ended = await run_in_threadpool(end, uid, ae_title)
        return Response(status_code=HTTPStatus.OK if ended else HTTPStatus.NOT_FOUND)

    async def open_channel(self, websocket: WebSocket) -> None:
        try:
            self._admit(websocket)
            ae_title = _ae_title(websocket.path_params["ae_title"])
        except (_RefusedError, MalformedError):
            await websocket.close(UNAUTHORISED)
            return
        queue = self._do.hub.open(ae_title)
        try:
            await websocket.accept()
            await _relay(websocket, queue)
        finally:
            self._do.hub.close(ae_title, queue)

    async def _attributes(self, request: Request, *, may_be_empty: bool = False) -> Attributes:
        self._admit(request)
        body = await _limited_body(request)
        if not body and may_be_empty:
            return {}
        if request.headers.get("content-type", DICOM_JSON).partition(";")[0].strip().lower() not in JSON_TYPES:
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {DICOM_JSON}")
        return parse_attributes(body)

    def _admit(self, connection: HTTPConnection) -> None:
        if not self._token:
            return
        shown = connection.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(shown.encode(), self._token.encode()):
            raise _RefusedError(HTTPStatus.UNAUTHORIZED)


async def _relay(websocket: WebSocket, queue: asyncio.Queue[Any]) -> None:
    """Send events until the reader leaves, or is too slow for them."""
    import anyio  # noqa: PLC0415 - Starlette's own, for the task that watches the reader

    async with anyio.create_task_group() as tasks:

        async def watch() -> None:
            with suppress(WebSocketDisconnect):
                while True:
                    await websocket.receive_text()
            tasks.cancel_scope.cancel()

        tasks.start_soon(watch)
        while (event := await queue.get()) is not None:
            await websocket.send_text(json.dumps(event))
        await websocket.close(TOO_SLOW)
        tasks.cancel_scope.cancel()


async def _limited_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a workitem has at most {LONGEST_BODY} bytes")
    return bytes(body)


def _require_json_accepted(request: Request) -> None:
    accepted = request.headers.get("accept", "*/*")
    kinds = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    if not kinds & {DICOM_JSON, "application/json", "application/*", "*/*"}:
        raise _RefusedError(HTTPStatus.NOT_ACCEPTABLE, f"only {DICOM_JSON} is told")


def _parameter(request: Request, names: tuple[str, ...]) -> str:
    """A UID as a parameter of one of these names, or as the bare query."""
    for name in names:
        if name in request.query_params:
            return request.query_params[name]
    bare = request.url.query
    return bare if UID.fullmatch(bare) else ""


def _uid(text: str) -> str:
    if not UID.fullmatch(text):
        raise MalformedError("the workitem's UID is missing or is none")
    return text


def _ae_title(text: str) -> str:
    if not AE_TITLE.fullmatch(text):
        raise MalformedError("an AE title has 1 to 16 characters")
    return text


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _answered(request: Request, answer: Answer, outcome: Outcome) -> Response:
    status, warning = outcome
    response = _plain(status, answer.words)
    if warning:
        response.headers["Warning"] = f"299 {_base(request)}: {warning}"
    return response


def _plain(status: HTTPStatus, words: str) -> Response:
    return Response(words, status_code=status, media_type="text/plain" if words else None)


def _dicom(status: HTTPStatus, datasets: list[Attributes]) -> Response:
    return Response(json.dumps(datasets), status_code=status, media_type=DICOM_JSON)


def _database_failed(_request: Request, error: Exception) -> Response:
    LOG.error("worklist.database_failed", error=str(error))
    return _plain(HTTPStatus.SERVICE_UNAVAILABLE, "")
