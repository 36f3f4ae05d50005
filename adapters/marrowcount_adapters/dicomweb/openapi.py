"""The service as OpenAPI 3.1 describes it, written from the same table as the routes."""

from __future__ import annotations

import re
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount import __version__
from marrowcount_adapters.dicomweb.operations import OPERATIONS, Takes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marrowcount_adapters.dicomweb.operations import Operation

__all__ = ["described"]

Json = dict[str, object]

NAMES: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
ANY_STATUSES: Final = (401, 403, 500)
"""That the guard before the service, or a failure of its own, may answer with."""
BINARY: Final[Json] = {"type": "string", "format": "binary"}

SCHEMAS: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "DataSet": {
            "type": "object",
            "description": "A data set in the DICOM JSON Model (PS3.18 Annex F).",
            "patternProperties": {
                "^[0-9A-F]{8}$": {
                    "type": "object",
                    "required": ["vr"],
                    "properties": {
                        "vr": {"type": "string", "pattern": "^[A-Z]{2}$"},
                        "Value": {"type": "array"},
                        "InlineBinary": {"type": "string", "contentEncoding": "base64"},
                        "BulkDataURI": {"type": "string", "format": "uri-reference"},
                    },
                    "additionalProperties": False,
                }
            },
            "additionalProperties": False,
        },
        "DataSets": {"type": "array", "items": {"$ref": "#/components/schemas/DataSet"}},
        "Problem": {
            "type": "object",
            "description": "What was wrong (RFC 9457).",
            "required": ["title", "status", "code", "detail"],
            "properties": {
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "code": {"type": "string", "description": "Stable, for programs."},
                "detail": {"type": "string", "description": "For people, without patient data."},
            },
        },
    }
)

UID: Final[Json] = {"type": "string", "pattern": "^[0-9.]{1,64}$"}
PATH_SCHEMAS: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "study": UID,
        "series": UID,
        "instance": UID,
        "frames": {"type": "string", "pattern": "^[1-9][0-9]*(,[1-9][0-9]*)*$"},
        "path": {"type": "string", "pattern": "^([0-9A-Fa-f]{8}/[1-9][0-9]*/)*[0-9A-Fa-f]{8}$"},
    }
)
WHOLE: Final[Json] = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
QUERIES: Final[Mapping[Takes, Mapping[str, Json]]] = MappingProxyType(
    {
        Takes.NOTHING: {},
        Takes.SEARCH: {
            "limit": WHOLE,
            "offset": WHOLE,
            "includefield": {"type": "string", "description": "all, or keywords and tags parted by commas."},
            "fuzzymatching": {"type": "boolean", "description": "Names are matched literally, with a Warning."},
            "PatientID": {"type": "string", "description": "As any attribute by keyword or tag; with * and ?."},
        },
        Takes.PICTURE: {
            "viewport": {"type": "string", "pattern": "^[1-9][0-9]{0,4},[1-9][0-9]{0,4}$"},
            "quality": {"type": "integer", "minimum": 1, "maximum": 100},
        },
    }
)


def described(server: str) -> Json:
    """The description.

    Args:
        server: URL of the service.
    """
    paths: dict[str, dict[str, object]] = {}
    for operation in OPERATIONS:
        path = NAMES.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "marrowcount DICOMweb",
            "version": __version__,
            "description": "STOW-RS, QIDO-RS and WADO-RS (PS3.18) over what the node received and over its results.",
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "servers": [{"url": server}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": dict(SCHEMAS),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation) -> Json:
    found: Json = {
        "operationId": operation.identifier,
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": {
            str(status): _response(operation, status) for status in sorted({*operation.statuses, *ANY_STATUSES})
        },
    }
    if operation.method == "POST":
        content = {
            'multipart/related; type="application/dicom"': {"schema": BINARY},
            "application/dicom": {"schema": BINARY},
        }
        found["requestBody"] = {"required": True, "content": content}
    return found


def _path_parameters(operation: Operation) -> list[Json]:
    names = NAMES.findall(operation.path)
    return [{"name": name, "in": "path", "required": True, "schema": PATH_SCHEMAS[name]} for name in names]


def _query_parameters(operation: Operation) -> list[Json]:
    return [{"name": name, "in": "query", "schema": schema} for name, schema in QUERIES[operation.takes].items()]


def _response(operation: Operation, status: int) -> Json:
    described_as: Json = {"description": HTTPStatus(status).phrase}
    if status in {204, 304}:
        return described_as
    stored = operation.method == "POST" and status in {202, 409, 503}
    if status in {200, 206} or stored:
        described_as["content"] = {media_type: {"schema": _schema(operation)} for media_type in operation.media_types}
    else:
        described_as["content"] = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return described_as


def _schema(operation: Operation) -> Json:
    if "application/dicom+json" not in operation.media_types:
        return BINARY
    name = "DataSet" if operation.method == "POST" else "DataSets"
    return {"$ref": f"#/components/schemas/{name}"}
