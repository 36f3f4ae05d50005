"""Where the service is, as the user agent that asks can reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["base_url"]


def base_url(request: Request) -> str:
    """Of the service: as the settings have it, else as this request came."""
    configured: str = request.app.state.public_url
    if configured:
        return configured.rstrip("/")
    return f"{request.url.scheme}://{_authority(request)}{request.scope.get('root_path', '')}"


def _authority(request: Request) -> str:
    """Host and port. dicomweb-client leaves the port out of Host; who calls our very address came to our port."""
    authority = request.url.netloc
    address, port = request.scope.get("server") or ("", None)
    return f"{address}:{port}" if port and authority == address else authority
