"""The service put together: resources of PS3.18 and what answers for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from marrowcount_adapters.dicomweb.intake import Patience
from marrowcount_adapters.dicomweb.openapi import described
from marrowcount_adapters.dicomweb.operations import OPERATIONS
from marrowcount_adapters.dicomweb.places import base_url
from marrowcount_adapters.dicomweb.problems import HANDLERS
from marrowcount_adapters.dicomweb.render import Rendering
from marrowcount_adapters.dicomweb.retrieve import Retrieval
from marrowcount_adapters.dicomweb.searching import Searching
from marrowcount_adapters.dicomweb.storing import Storing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marrowcount.workflow.receive import Receiving
    from marrowcount_adapters.dicomweb.holdings import Holdings
    from marrowcount_adapters.dicomweb.store import StoreRules

__all__ = ["DicomWebSettings", "dicomweb_app"]

Endpoint: TypeAlias = Callable[[Request], Response | Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class DicomWebSettings:
    """How the service behaves.

    Attributes:
        rules: of what may be stored.
        patience: with slow senders.
        stores_at_a_time: more are told to come again.
        max_results: of one search.
        public_url: of the service behind a proxy; empty to take it from each request.
    """

    rules: StoreRules
    patience: Patience = field(default_factory=Patience)
    stores_at_a_time: int = 8
    max_results: int = 1000
    public_url: str = ""


def dicomweb_app(holdings: Holdings, receiving: Receiving, settings: DicomWebSettings) -> Starlette:
    """The service, to be mounted at its base path."""
    endpoints = _endpoints(holdings, receiving, settings)
    routes = [Route(one.path, endpoints[one.name], methods=[one.method]) for one in OPERATIONS]
    routes.append(Route("/openapi.json", _openapi, methods=["GET"]))
    app = Starlette(routes=routes, exception_handlers=dict(HANDLERS))
    app.state.public_url = settings.public_url
    return app


def _endpoints(holdings: Holdings, receiving: Receiving, settings: DicomWebSettings) -> Mapping[str, Endpoint]:
    retrieval = Retrieval(holdings)
    rendering = Rendering(retrieval)
    searching = Searching(holdings, settings.max_results)
    storing = Storing(receiving, settings.rules, settings.patience, settings.stores_at_a_time)
    return {
        "store": storing.store,
        "searchStudies": searching.studies,
        "searchSeries": searching.series,
        "searchInstances": searching.instances,
        "retrieveInstances": retrieval.instances,
        "retrieveMetadata": retrieval.metadata,
        "retrieveBulkData": retrieval.bulk,
        "retrieveAllBulkData": retrieval.all_bulk,
        "retrievePixelData": retrieval.pixel_data,
        "retrieveFrames": retrieval.frames,
        "renderFrame": rendering.frame,
        "renderFrameThumbnail": rendering.frame_thumbnail,
        "renderInstance": rendering.instance,
        "renderThumbnail": rendering.thumbnail,
    }


def _openapi(request: Request) -> Response:
    return JSONResponse(described(base_url(request)))
