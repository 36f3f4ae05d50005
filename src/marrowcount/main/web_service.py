"""The web server as a service of the node: one listener for everything that goes over HTTP."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog
from starlette.applications import Starlette

from marrowcount.main.dicomweb_routes import dicomweb_routes
from marrowcount.main.key_routes import KEYS_PATH, key_routes, keys_handed_out
from marrowcount.main.page_routes import open_paths, page_routes
from marrowcount.main.securing import server_context, watched
from marrowcount.main.web_auditing import AuditedWeb
from marrowcount.settings.kinds import LOOPBACK
from marrowcount_adapters.web_server import Guard, GuardRules, TokenFile, WebServer, WebServerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from starlette.routing import BaseRoute

    from marrowcount.main.parts import Announced, Parts
    from marrowcount.settings import WebSection

__all__ = ["OFFERED", "guard_rules", "web_app", "web_service"]

LOG: Final = structlog.get_logger()

Offer: TypeAlias = "Callable[[Parts], Sequence[BaseRoute]]"
"""Makes the routes of something that the node offers; none where the settings do not want it."""

OFFERED: Final[tuple[Offer, ...]] = (key_routes, dicomweb_routes, page_routes)
"""In the order in which routes are tried: what lies below the base path of DICOMweb, as the keys may, goes before
DICOMweb, and the page, which has the root, goes last."""


@contextmanager
def web_service(parts: Parts) -> Generator[Announced]:
    """Listen for HTTP or HTTPS, where the settings want it.

    Raises:
        SettingsError: ``cannot-listen``, ``tokens-unreadable``, or the files of section tls make no context.
    """
    section, secured = parts.settings.web, parts.settings.tls
    if not section.enabled:
        yield {}
        return
    tls = server_context(secured, "web server") if section.tls else None
    server = WebServer(
        AuditedWeb(Guard(web_app(parts), guard_rules(section)), parts, section.base_path),
        WebServerSettings(section.host, section.port, section.max_connections, tls=tls),
    )
    if section.host not in LOOPBACK and tls is None:
        LOG.warning("web.unencrypted", host=section.host, advice="tokens and patient data go in clear; use TLS")
    server.start()
    try:
        with watched(tls, "web", secured.warn_days), keys_handed_out(parts):
            yield {"web_port": server.port, "dicomweb": section.base_path} | ({"page": "/"} if section.page else {})
    finally:
        server.stop()


def web_app(parts: Parts) -> Starlette:
    """Everything that is offered, without the guard before it."""
    return Starlette(routes=[route for offer in OFFERED for route in offer(parts)])


def guard_rules(section: WebSection) -> GuardRules:
    """Who may come in.

    Raises:
        SettingsError: ``tokens-unreadable``.
    """
    tokens = TokenFile(section.tokens_file) if section.tokens_file is not None else None
    known_by_name = tokens is None and section.host in LOOPBACK and not section.tls
    hosts = LOOPBACK | {"[::1]"} if known_by_name else frozenset[str]()
    return GuardRules(tokens, hosts, frozenset(section.allowed_origins), open_paths(section) | {KEYS_PATH})
