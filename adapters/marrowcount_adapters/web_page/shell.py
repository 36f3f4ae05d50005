"""The page without data: markup, style, scripts and the slide viewer; what a browser gets before anybody signed in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.responses import FileResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute

__all__ = ["VENDOR", "WORKER_SCRIPT", "shell_paths", "shell_routes", "viewer_is_here"]

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
VENDOR: Final = HERE / "vendor" / "viewer"
VIEWER_SCRIPT: Final = "dicomMicroscopyViewer.min.js"
WORKER_SCRIPT: Final = "dataLoader.worker.min.js"
VIEWER_PLACES: Final = ("/dicom-microscopy-viewer/", "/static/js/")
"""Where the viewer looks for its own parts; the second holds for its worker (0.48)."""

MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
}
"""What the page consists of; files of other kinds are not served."""


@dataclass(frozen=True)
class _Served:
    """A file under its path, asked again each time and sent again only when it changed."""

    path: str
    file: Path

    @cached_property
    def _tag(self) -> str:
        with self.file.open("rb") as file:
            return f'"{hashlib.file_digest(file, "sha256").hexdigest()[:32]}"'

    def answer(self, request: Request) -> Response:
        headers = {"ETag": self._tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == self._tag:
            return Response(status_code=304, headers=headers)
        return FileResponse(self.file, headers=headers, media_type=MEDIA_TYPES[self.file.suffix])


def shell_routes(vendor: Path = VENDOR) -> Sequence[BaseRoute]:
    """A route for each file, none for a folder: nothing else can be asked for."""
    return [Route(served.path, served.answer, methods=["GET"]) for served in _served(vendor)]


def shell_paths(vendor: Path = VENDOR) -> frozenset[str]:
    """Paths that hold no data, and may be asked for by anybody who reaches the server."""
    return frozenset(served.path for served in _served(vendor))


def viewer_is_here(vendor: Path = VENDOR) -> bool:
    """Whether the slide viewer was brought from npm when this was built."""
    return (vendor / VIEWER_SCRIPT).is_file()


def _served(vendor: Path) -> Iterator[_Served]:
    yield _Served("/", STATIC / "index.html")
    for file in _files(STATIC):
        yield _Served(f"/page/{file.name}", file)
    for place in VIEWER_PLACES:
        for file in _files(vendor):
            yield _Served(place + file.name, file)


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(file for file in folder.iterdir() if file.suffix in MEDIA_TYPES)
