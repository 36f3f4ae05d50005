"""A shim before Orthanc's DICOMweb: its metadata of annotations lose all coordinates but the first, this mends them.

Orthanc 1.10 with DICOMweb 1.7 writes of each OF, OD or OL element the first value only and no Bulk Data URI, while it
serves the whole of it at ``/bulk/006A0002/{group}/{tag}``. The shim puts that address where the cut value stands.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from browsing import way_to

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp

__all__ = ["cut_elements", "orthanc_shim"]

GROUPS = "006A0002"
CUT = ("00660016", "00660022", "00660040")
"""Point Coordinates Data, Double Point Coordinates Data, Long Primitive Point Index List."""


def orthanc_shim(upstream: str) -> ASGIApp:
    """What Orthanc answers, with metadata of annotations made whole."""

    async def metadata(request: Request) -> Response:
        async with httpx.AsyncClient(base_url=upstream, timeout=60) as client:
            answer = await client.get(request.url.path, headers={"Accept": "application/dicom+json"})
        instances = answer.json() if answer.is_success else []
        for instance in instances:
            _mend(instance, request.url.path.partition("/studies/")[0])
        return Response(json.dumps(instances), answer.status_code, media_type="application/dicom+json")

    series = "/{root}/studies/{study}/series/{series}"
    mended = [Route(path, metadata) for path in (f"{series}/metadata", f"{series}/instances/{{instance}}/metadata")]
    rest = way_to(upstream)
    app = Starlette(routes=mended)
    app.router.default = rest
    return app


def _mend(instance: dict[str, Any], root: str) -> None:
    study, series, uid = (instance[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018"))
    for number, tag, element in cut_elements(instance):
        bulk = f"{root}/studies/{study}/series/{series}/instances/{uid}/bulk/{GROUPS}/{number}/{tag}"
        element.pop("Value", None)
        element["BulkDataURI"] = bulk


def cut_elements(instance: dict[str, Any]) -> list[tuple[int, str, dict[str, Any]]]:
    """Number of the group, tag and element of each that Orthanc cuts."""
    groups = instance.get(GROUPS, {}).get("Value", [])
    return [(n, tag, group[tag]) for n, group in enumerate(groups, 1) for tag in CUT if tag in group]
