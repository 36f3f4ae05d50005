"""The search transaction over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from marrowcount_adapters.dicomweb.attributes import Level
from marrowcount_adapters.dicomweb.negotiation import JSON, not_acceptable, plain_media_type, ranges_of
from marrowcount_adapters.dicomweb.places import base_url
from marrowcount_adapters.dicomweb.problems import ProblemError
from marrowcount_adapters.dicomweb.query import read_query
from marrowcount_adapters.dicomweb.retrieve import UID
from marrowcount_adapters.dicomweb.search import Scope, search

if TYPE_CHECKING:
    from starlette.requests import Request

    from marrowcount_adapters.dicomweb.holdings import Holdings

__all__ = ["Searching"]

MORE: Final = "There are more results; ask for them with offset."


class Searching:
    """Answers the requests."""

    def __init__(self, holdings: Holdings, max_results: int) -> None:
        self._holdings = holdings
        self._max_results = max_results

    def studies(self, request: Request) -> Response:
        """Studies."""
        return self._found(request, Level.STUDY)

    def series(self, request: Request) -> Response:
        """Series, everywhere or of a study."""
        return self._found(request, Level.SERIES)

    def instances(self, request: Request) -> Response:
        """Instances, everywhere, of a study or of a series."""
        return self._found(request, Level.INSTANCE)

    def _found(self, request: Request, level: Level) -> Response:
        media_type = plain_media_type(ranges_of(request), (JSON, "application/json"))
        if media_type is None:
            raise not_acceptable("Results are sent as application/dicom+json.")
        study, series = request.path_params.get("study"), request.path_params.get("series")
        if not all(uid is None or UID.fullmatch(uid) for uid in (study, series)):
            raise ProblemError(400, "bad-uid", "The URI holds what is no UID (PS3.5 section 9.1).")
        query = read_query(request.query_params.multi_items(), self._max_results)
        self._holdings.bring_up_to_date()
        found = search(self._holdings.index, Scope(level, study, series), query, base_url(request))
        warnings = [*query.warnings, *([MORE] if found.more else [])]
        headers = {"Cache-Control": "private, no-store"}
        if warnings:
            headers["Warning"] = ", ".join(f'299 {request.url.netloc} "{text}"' for text in warnings)
        if not found.results:
            return Response(None, 204, headers)
        return Response(json.dumps(found.results, ensure_ascii=False).encode(), 200, headers, media_type)
