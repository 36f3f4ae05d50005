"""Servers that take DICOM by STOW-RS, one a process: ``python stow_servers.py NAME FOLDER`` prints its port.

``marrowcount`` is the node's own web service with its store and its ledger; ``aiohttp`` is the least that aiohttp's
MultipartReader can do, which writes each part to a file and says 200; ``aiohttp-fsync`` syncs each file, too.
"""

from __future__ import annotations

import os
import sys
import threading
import uuid
from pathlib import Path

from aiohttp import BodyPartReader, web

PIECE_BYTES = 1 << 20


def serve_marrowcount(folder: Path) -> None:
    """The node's web service alone."""
    from marrowcount.main.logs import configure_logs
    from marrowcount.main.parts import open_parts
    from marrowcount.main.web_service import web_service
    from marrowcount.settings import NodeSection, ReceiveSection, Settings, WebSection

    configure_logs()
    settings = Settings(
        node=NodeSection(data_folder=folder),
        receive=ReceiveSection(disk_watermark_gib=0.0),
        web=WebSection(enabled=True, port=0),
    )
    with open_parts(settings) as parts, web_service(parts) as announced:
        print(announced["web_port"], flush=True)  # noqa: T201 - the parent reads it
        threading.Event().wait()


def serve_aiohttp(folder: Path, *, sync: bool) -> None:
    """A minimal server around aiohttp's reader."""

    async def store(request: web.Request) -> web.Response:
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            with (folder / uuid.uuid4().hex).open("wb", buffering=0) as file:
                while piece := await part.read_chunk(PIECE_BYTES):
                    file.write(piece)
                if sync:
                    os.fsync(file.fileno())
        return web.json_response({})

    app = web.Application(client_max_size=0)
    app.router.add_post("/dicom-web/studies", store)
    web.run_app(app, host="127.0.0.1", port=free_port(), print=None, access_log=None)


def free_port() -> int:
    """A port, said to the parent before anybody listens on it: the client tries until somebody does."""
    from marrowcount.main.processes import free_port as free

    port = free()
    print(port, flush=True)  # noqa: T201 - the parent reads it
    return port


def main() -> None:
    """Serve until killed."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True)
    if name == "marrowcount":
        serve_marrowcount(folder)
    else:
        serve_aiohttp(folder, sync=name == "aiohttp-fsync")


if __name__ == "__main__":
    main()
