"""The page's service: its shell, its own JSON, the files of results; headers that bind the browser on every answer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from marrowcount.errors import StorageError
from marrowcount_adapters.web_page.documents import encoded, facts_document, slide_document, slides_document
from marrowcount_adapters.web_page.shell import VENDOR, WORKER_SCRIPT, shell_routes, viewer_is_here

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from marrowcount_adapters.web_page.views import PageSource

__all__ = ["page_app"]

POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",  # decoders of the slide viewer are WebAssembly
    "worker-src": "'self' blob:",  # it decodes in workers
    "connect-src": "'self'",
    "img-src": "'self' blob: data:",
    "style-src": "'self' 'sha256-JxUHoUDhN6FBkSak1coehzJME/jqPm3SsO+5PriuYOg='",  # the viewer's one style, of 0.48.24
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
"""Content Security Policy: what a browser may load and run for the page. Nothing comes from elsewhere."""

WORKER_POLICY: Final = {"default-src": "'none'", "script-src": "'self' 'unsafe-eval'", "connect-src": "'self'"}
"""Of the viewer's worker, whose decoders make functions of text (Emscripten). It sees frames, never the page."""

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

NEVER_KEPT: Final = {"Cache-Control": "no-store"}
"""What may be of a patient stays in no browser's cache."""

PROBLEM: Final = "application/problem+json"
RETRY_S: Final = 30
SLIDES_AT_FIRST: Final = 100
WHOLE_NUMBER: Final = re.compile(r"[1-9][0-9]{0,5}")

MOST_SLIDES: Final = 10_000


def page_app(source: PageSource, vendor: Path = VENDOR) -> Starlette:
    """The service, to be mounted at the root.

    Args:
        source: of all that it shows.
        vendor: folder of the slide viewer; where that is missing the page does without.
    """
    page = _Page(source, viewer=viewer_is_here(vendor))
    series = "{series:str}"
    app = Starlette(
        routes=[
            *shell_routes(vendor),
            Route("/api/about", page.about, methods=["GET"]),
            Route("/api/slides", page.slides, methods=["GET"]),
            Route(f"/api/slides/{series}", page.slide, methods=["GET"]),
            Route(f"/results/{series}/{{name:path}}", page.result_file, methods=["GET"]),
        ],
        middleware=[Middleware(_Bound)],
        exception_handlers={StorageError: _unavailable, HTTPException: _refused},
    )
    app.router.redirect_slashes = False  # what has no name is answered so, and leads nowhere
    return app


@dataclass(frozen=True, slots=True)
class _Page:
    """Answers with data."""

    source: PageSource
    viewer: bool

    def about(self, request: Request) -> Response:
        """What is the same for all slides."""
        return _answer(request, facts_document(self.source.facts, viewer=self.viewer))

    def slides(self, request: Request) -> Response:
        """The slides that changed last; ``most`` says how many."""
        lines, known = self.source.slides(_most(request))
        return _answer(request, slides_document(lines, known))

    def slide(self, request: Request) -> Response:
        """One slide."""
        view = self.source.slide(request.path_params["series"])
        if view is None:
            raise HTTPException(404, "No such slide is known.")
        return _answer(request, slide_document(view))

    def result_file(self, request: Request) -> Response:
        """A file of the slide's present result, by one of the names that results have."""
        found = self.source.result_file(request.path_params["series"], request.path_params["name"])
        if found is None:
            raise HTTPException(404, "The slide has no such file.")
        path, file = found
        return FileResponse(path, headers=NEVER_KEPT, media_type=file.media_type)


def _most(request: Request) -> int:
    text = request.query_params.get("most", str(SLIDES_AT_FIRST))
    if not WHOLE_NUMBER.fullmatch(text) or int(text) > MOST_SLIDES:
        raise HTTPException(400, f"most is a number from 1 to {MOST_SLIDES}.")
    return int(text)


def _answer(request: Request, document: Mapping[str, object]) -> Response:
    body, tag = encoded(document)
    headers = {**NEVER_KEPT, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def _unavailable(_request: Request, error: Exception) -> Response:
    assert isinstance(error, StorageError)  # noqa: S101 - Starlette dispatches by type
    return _problem(503, error.message, {"Retry-After": str(RETRY_S)})


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    return _problem(error.status_code, error.detail, error.headers or {})


def _problem(status: int, detail: str, headers: Mapping[str, str]) -> Response:
    """As of RFC 9457."""
    text = json.dumps({"title": HTTPStatus(status).phrase, "status": status, "detail": detail})
    return Response(text, status, {**headers, **NEVER_KEPT}, PROBLEM)


class _Bound:
    """Adds the headers that bind the browser to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def binding(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                policy = WORKER_POLICY if scope["path"].endswith(WORKER_SCRIPT) else POLICY
                headers["Content-Security-Policy"] = "; ".join(f"{kind} {sources}" for kind, sources in policy.items())
            await send(message)

        await self._app(scope, receive, binding)
