"""Answers that say what was wrong: a code for programs and a sentence for people (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from marrowcount.errors import InstanceError, StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

__all__ = ["HANDLERS", "ProblemError", "problem"]

RETRY_S: Final = 30
ASKED_WRONGLY: Final = frozenset({"bad-query", "bad-path", "bad-accept", "bad-multipart", "bad-viewport"})


class ProblemError(Exception):
    """A request cannot be met.

    Attributes:
        status: of HTTP.
        code: stable, lower case with hyphens.
        message: without patient data.
        headers: beside the usual ones.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"[{code}] {message}")
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers or {})


def problem(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer."""
    described = {"title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": message}
    return Response(json.dumps(described), status, dict(headers or {}), "application/problem+json")


def _asked_wrongly(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - Starlette dispatches by type
    return problem(error.status, error.code, error.message, error.headers)


def _instance(_request: Request, error: Exception) -> Response:
    assert isinstance(error, InstanceError)  # noqa: S101
    return problem(400 if error.code in ASKED_WRONGLY else 500, error.code, error.message)


def _storage(_request: Request, error: Exception) -> Response:
    assert isinstance(error, StorageError)  # noqa: S101
    return problem(503, error.code, error.message, {"Retry-After": str(RETRY_S)})


def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    return problem(error.status_code, code, "There is no such resource or method; see /openapi.json.", error.headers)


def _gone(_request: Request, _error: Exception) -> Response:
    return problem(400, "gone", "The sender left before its body came whole.")


def _failed(_request: Request, _error: Exception) -> Response:
    return problem(500, "failed", "The node failed; see its log.")


HANDLERS: Final = {
    ProblemError: _asked_wrongly,
    InstanceError: _instance,
    StorageError: _storage,
    HTTPException: _http,
    ClientDisconnect: _gone,
    Exception: _failed,
}
"""For Starlette, which raises the last kind again, for the guard to log."""
