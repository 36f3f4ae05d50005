"""The node's public keys on its web server, for EHRs to fetch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse
from starlette.routing import Route

from marrowcount.main.ehr_access import key_folder
from marrowcount_adapters.schedule import Tick, ticking

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from marrowcount.main.parts import Parts

__all__ = ["KEYS_PATH", "key_routes", "keys_handed_out"]

KEYS_PATH: Final = "/.well-known/jwks.json"
LOOK_EVERY_S: Final = 30.0
HOLDS_S: Final = 300
"""How long others may hold on to an answer: short beside any overlap of keys."""


def key_routes(parts: Parts) -> Sequence[BaseRoute]:
    """The key set (RFC 7517); it holds nothing that is secret, so that nobody is asked for a token."""

    def answer(request: Request) -> Response:
        del request
        document = key_folder(parts.settings).public_keys(parts.clock.now())
        headers = {"Cache-Control": f"public, max-age={HOLDS_S}"}
        return JSONResponse(document, media_type="application/jwk-set+json", headers=headers)

    return [Route(KEYS_PATH, answer, methods=["GET"])]


@contextmanager
def keys_handed_out(parts: Parts) -> Generator[None]:
    """While the block lasts, keys count as published soon after they were made, where EHRs fetch them here."""
    if parts.settings.keys.published != "web":
        yield
        return
    with ticking(Tick("keys-published", LOOK_EVERY_S, lambda: _note(parts))):
        yield


def _note(parts: Parts) -> bool:
    key_folder(parts.settings).note_published(parts.clock.now())
    return False
