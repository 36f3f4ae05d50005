"""Pages as people see them: Debian's Chromium, headless, driven by playwright, and a small site for it to look at."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser, Page
    from starlette.requests import Request
    from starlette.types import ASGIApp

__all__ = ["CHROMIUM", "VIEWER_FILES", "browser", "need_chromium", "need_viewer", "opened_page", "site", "way_to"]

CHROMIUM = Path("/usr/bin/chromium")
VIEWER_FILES = Path(__file__).parents[2] / "adapters" / "marrowcount_adapters" / "web_page" / "vendor" / "viewer"

FLAGS = (
    "--no-sandbox",  # tests run as root, in a network of their own
    "--use-gl=angle",
    "--use-angle=swiftshader",  # WebGL without a graphics card
    "--enable-unsafe-swiftshader",
    "--force-color-profile=srgb",  # a screenshot has the colours that the page asked for
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
)


def need_chromium() -> None:
    """The test stands aside where there is nothing to look with."""
    pytest.importorskip("playwright", reason="install marrowcount[dev]")
    if not CHROMIUM.is_file():
        pytest.skip("chromium is not installed: run tests/peers/install.sh")


def need_viewer() -> None:
    """The test stands aside where dicom-microscopy-viewer was not brought from npm."""
    if not VIEWER_FILES.is_dir():
        pytest.skip("the slide viewer is not here: run make viewer")


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium; playwright's own browsers are not asked for."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield chromium
        finally:
            chromium.close()


@contextmanager
def opened_page(
    chromium: Browser,
    url: str,
    width: int,
    height: int,
    **context: Any,  # noqa: ANN401 - playwright's own
) -> Iterator[tuple[Page, list[str]]]:
    """A page of so many CSS pixels, one for each pixel of a screenshot, and what it says on its console meanwhile."""
    within = chromium.new_context(viewport={"width": width, "height": height}, **context)
    page, said = within.new_page(), list[str]()
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"uncaught: {error}"))
    page.goto(url)
    try:
        yield page, said
    finally:
        within.close()


def site(
    *,
    texts: Mapping[str, tuple[str, str]] | None = None,
    folders: Mapping[str, Path] | None = None,
    apps: Mapping[str, ASGIApp] | None = None,
) -> ASGIApp:
    """One origin of single texts (media type and content), folders of files, and other applications.

    The applications see the whole path, as if they were alone; a folder at ``/`` answers for whatever is left.
    """
    routes: list[Route | Mount] = [Route(path, _text(*text)) for path, text in (texts or {}).items()]
    routes += [Mount(path, StaticFiles(directory=folder, html=True)) for path, folder in (folders or {}).items()]
    rest, others = Starlette(routes=routes), dict(apps or {})

    async def chosen(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
        path = scope.get("path", "")
        app = next((app for prefix, app in others.items() if path.startswith(f"{prefix}/")), rest)
        await app(scope, receive, send)

    return chosen


def _text(media_type: str, content: str) -> Any:  # noqa: ANN401 - an endpoint
    def answer(_: Request) -> Response:
        return Response(content, media_type=media_type)

    return answer


def way_to(upstream: str) -> ASGIApp:
    """A reverse proxy to another origin on loopback, for what only reads."""

    async def passed_on(request: Request) -> Response:
        client = httpx.AsyncClient(base_url=upstream, timeout=60)
        path = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
        accept = request.headers.get("accept", "*/*")
        answer = await client.send(client.build_request("GET", path, headers={"Accept": accept}), stream=True)
        headers = {name: answer.headers[name] for name in ("content-type",) if name in answer.headers}
        done = BackgroundTask(client.aclose)
        return StreamingResponse(answer.aiter_bytes(), answer.status_code, headers, background=done)

    return Starlette(routes=[Route("/{path:path}", passed_on, methods=["GET"])])
