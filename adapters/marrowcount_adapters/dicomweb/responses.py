"""Answers whose bodies come from files piece by piece: multipart messages and single values."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import Response, StreamingResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from starlette.requests import Request

    from marrowcount_adapters.dicomweb.frames import Segment

__all__ = ["Body", "answered", "file_pieces", "multipart_response"]

PIECE_BYTES: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Body:
    """A body, or a part of one, that has not been read yet.

    Attributes:
        media_type: with its parameters.
        location: URI of the same by itself; empty where it has none.
        size_bytes: of what ``pieces`` will bring.
    """

    media_type: str
    location: str
    size_bytes: int
    pieces: Callable[[], Iterator[bytes]]


def file_pieces(path: Path, segments: Sequence[Segment]) -> Callable[[], Iterator[bytes]]:
    """Bytes of a file, to be read when they are sent."""

    def pieces() -> Iterator[bytes]:
        with path.open("rb", buffering=0) as file:
            for segment in segments:
                file.seek(segment.offset)
                left = segment.length
                while left:
                    piece = file.read(min(left, PIECE_BYTES))
                    if not piece:
                        raise EOFError("a file became shorter while it was sent")
                    left -= len(piece)
                    yield piece

    return pieces


def multipart_response(
    request: Request, bodies: Sequence[Body], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """``multipart/related`` of these parts (RFC 2387), its length known beforehand."""
    boundary = secrets.token_hex(16)
    heads = [_head(body, boundary, first=number == 0) for number, body in enumerate(bodies)]
    tail = f"\r\n--{boundary}--\r\n".encode()
    size = sum(map(len, heads)) + sum(body.size_bytes for body in bodies) + len(tail)
    kinds = {body.media_type.partition(";")[0] for body in bodies}
    kind = kinds.pop() if len(kinds) == 1 else "application/octet-stream"
    media_type = f'multipart/related; type="{kind}"; boundary={boundary}'

    def pieces() -> Iterator[bytes]:
        for head, body in zip(heads, bodies, strict=True):
            yield head
            yield from body.pieces()
        yield tail

    return answered(request, Body(media_type, "", size, pieces), status, headers)


def answered(request: Request, body: Body, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """One body as the answer; its head alone where that is asked for."""
    said = {**(headers or {}), "Content-Length": str(body.size_bytes)}
    if body.location:
        said["Content-Location"] = body.location
    if request.method == "HEAD":
        return Response(None, status, said, body.media_type)
    return StreamingResponse(body.pieces(), status, said, body.media_type)


def _head(body: Body, boundary: str, *, first: bool) -> bytes:
    lines = ["" if first else "\r\n", f"--{boundary}\r\nContent-Type: {body.media_type}\r\n"]
    if body.location:
        lines.append(f"Content-Location: {body.location}\r\n")
    return "".join([*lines, "\r\n"]).encode("latin-1")
