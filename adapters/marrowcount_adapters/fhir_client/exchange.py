"""Requests to a FHIR server and its answers, read whole: limits, media types, and no word of a patient in errors."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from marrowcount.errors import PeerError
from marrowcount_adapters.fhir_client.answers import Answer, Verdict, failure, verdict_of
from marrowcount_adapters.fhir_client.exact_json import write_exact

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["AnsweredError", "Exchange", "as_object"]

MEDIA_TYPE: Final = "application/fhir+json"

LONGEST_ANSWER: Final = 4 * 2**20
"""Bytes of an answer that are read; a transaction response of a differential has some 10 kB."""

_TYPE: Final = re.compile(r"[A-Za-z]*")


class AnsweredError(Exception):
    """An answer that is no success: whoever asked may know what else to try, else it becomes its failure.

    Attributes:
        what: was asked, without patient data.
    """

    def __init__(self, answer: Answer, what: str) -> None:
        super().__init__(what)
        self.answer, self.what = answer, what

    @property
    def verdict(self) -> Verdict:
        """What the answer means."""
        return verdict_of(self.answer)

    def final(self, name: str) -> PeerError:
        """The failure that it is where nothing else is tried; ``name`` is the destination's."""
        return failure(name, self.what, self.answer)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One delivery's conversation with a server.

    Attributes:
        base_url: the service base; nothing is ever asked elsewhere, whatever links the server gives.
    """

    client: httpx.Client
    name: str
    base_url: str

    def ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask once; the answer, whatever it is.

        Raises:
            PeerError: no answer came, or more than one can be.
        """
        content = None if body is None else write_exact(body)
        sent = {**({"Content-Type": MEDIA_TYPE} if body is not None else {}), **(headers or {})}
        address = f"{self.base_url.rstrip('/')}{path}"
        try:
            with self.client.stream(method, address, content=content, params=query, headers=sent) as response:
                answer = as_object(_limited(response))
                return Answer(response.status_code, answer, {k.lower(): v for k, v in response.headers.items()})
        except httpx.TransportError as error:
            raise PeerError("no-answer", f"{self.name}: {type(error).__name__}: {error}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # a Location may be no URL; its text may hold anything
            raise PeerError("no-answer", f"{self.name}: {type(error).__name__}") from None

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """Read or search; the resource.

        Raises:
            PeerError: no answer.
            AnsweredError: no success.
        """
        return self._done(self.ask("GET", path, query=query), f"GET {_resource_type(path)}").resource

    def write(
        self, method: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Create, update, or carry out a transaction; the answer, a success.

        Raises:
            PeerError: no answer; it may have been carried out all the same.
            AnsweredError: no success.
        """
        return self._done(self.ask(method, path, body, headers=headers), f"{method} {_resource_type(path)}")

    def _done(self, answer: Answer, what: str) -> Answer:
        if verdict_of(answer) is not Verdict.DONE:
            raise AnsweredError(answer, what)
        return answer


def _resource_type(path: str) -> str:
    """What an address is about; not its id or its query."""
    found = _TYPE.match(path.lstrip("/"))
    return (found[0] if found else "") or "transaction"


def _limited(response: httpx.Response) -> bytes:
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > LONGEST_ANSWER:
            raise PeerError("answer-too-long", f"the answer is longer than {LONGEST_ANSWER} bytes")
    return bytes(content)


def as_object(content: bytes) -> Mapping[str, Any]:
    """JSON as an object; empty where it is none."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
