"""HTTP with an archive: its requests, its statuses, and how much of an answer is read."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount.ports.audit import OnQuery, OutgoingQuery, untold

if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator, Mapping
    from pathlib import Path

__all__ = ["Asking", "client_for", "fault_of"]

DICOM_JSON: Final = "application/dicom+json"

CONNECT_S: Final = 10.0

LONGEST_ANSWER: Final = 64 << 20
"""Bytes of a QIDO-RS answer that are read; ten thousand instances weigh some 10 MB."""

PASSING: Final = frozenset({401, 408, 425, 429, 500, 502, 503, 504})
"""After these the same may succeed later; 401 too, since tokens are renewed by others."""

TO_DO: Final = {
    401: ("not-authenticated", "the bearer token is missing, wrong or over; renew it"),
    403: ("not-authorised", "the archive does not permit it to this token; have it permitted there"),
    404: ("not-found", "it does not have this resource; see that the url is its DICOMweb service base"),
    406: ("not-as-stored", "it does not give the image in the encoding in which it is stored"),
    413: ("too-many-matches", "the question is too broad for it"),
}


@dataclass(frozen=True, slots=True)
class Asking:
    """One conversation.

    Attributes:
        archive: its name in the settings.
        on_query: told of each query; its later pages are the same query.
    """

    archive: str
    client: httpx.Client
    on_query: OnQuery = untold

    def matches(self, path: str, keys: Mapping[str, str]) -> list[dict[str, Any]]:
        """All matches of a query, page by page.

        A server may give fewer at a time than it was asked for (PS3.18 section 8.3.4.4), and says so nowhere; so the
        next page is asked for until one brings nothing new.

        Raises:
            PeerError: it cannot be reached, or its answer is none.
        """
        found: list[dict[str, Any]] = []
        while True:
            page = self.page(path, {**keys, "limit": "1000", "offset": str(len(found))})
            new = [each for each in page if each not in found]
            found += new
            if not new:
                return found

    @contextmanager
    def streamed(self, path: str, accept: str) -> Generator[httpx.Response]:
        """An answer that is read by the block; whatever its status.

        Raises:
            PeerError: the connection failed, before or while it was read.
        """
        try:
            with self.client.stream("GET", path, headers={"Accept": accept}) as response:
                yield response
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # a Location may be no URL
            raise PeerError("no-answer", f"{self.archive}: {type(error).__name__} during a transfer.") from None

    def page(self, path: str, keys: Mapping[str, str]) -> list[dict[str, Any]]:
        """The matches of one request.

        Raises:
            PeerError: it cannot be reached, or its answer is none.
        """
        try:
            self._tell(path, keys)
            with self.client.stream("GET", path, params=keys, headers={"Accept": DICOM_JSON}) as response:
                content = self._limited(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # a Location may be no URL
            # Not its words: they hold the URL, and that holds the patient.
            raise PeerError("no-answer", f"{self.archive}: {type(error).__name__} during a query.") from None
        if response.status_code == HTTPStatus.NO_CONTENT:
            return []
        if response.status_code != HTTPStatus.OK:
            raise fault_of(self.archive, response.status_code)
        return self._datasets(content)

    def _tell(self, path: str, keys: Mapping[str, str]) -> None:
        if keys.get("offset", "0") == "0":
            url = self.client.build_request("GET", path, params=keys).url
            self.on_query(OutgoingQuery(url.raw_path))

    def _limited(self, response: httpx.Response) -> bytes:
        content = bytearray()
        for piece in response.iter_bytes():
            content += piece
            if len(content) > LONGEST_ANSWER:
                raise PeerError("too-many-matches", f"{self.archive} answers with more than {LONGEST_ANSWER} bytes.")
        return bytes(content)

    def _datasets(self, content: bytes) -> list[dict[str, Any]]:
        try:
            answer = json.loads(content or b"[]")
        except ValueError:
            answer = None
        if not isinstance(answer, list) or not all(isinstance(each, dict) for each in answer):
            raise PeerError("bad-answer", f"{self.archive} did not answer with DICOM JSON; see that the url is right.")
        return answer


def fault_of(archive: str, status: int) -> PeerError:
    """The failure that a status stands for."""
    code, said = TO_DO.get(status, (f"http-{status}", "see its log"))
    kind = PeerError if status in PASSING else DeliveryRefusedError
    return kind(code, f"{archive} answered HTTP {status}: {said}.")


def client_for(url: str, token_file: Path | None, timeout_s: float, tls: ssl.SSLContext | None = None) -> httpx.Client:
    """A client for one conversation; no redirects, so that a token follows none to another host.

    Raises:
        PeerError: ``no-token``, the token file cannot be read.
    """
    headers = {"Accept-Encoding": "identity"}  # slides do not shrink
    if token_file is not None:
        headers["Authorization"] = f"Bearer {_token(token_file)}"
    timeout = httpx.Timeout(timeout_s, connect=CONNECT_S)
    return httpx.Client(
        base_url=url.rstrip("/") + "/",
        headers=headers,
        timeout=timeout,
        verify=tls or True,
        follow_redirects=False,
        trust_env=False,
    )


def _token(file: Path) -> str:
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PeerError("no-token", f"The bearer token file cannot be read: {type(error).__name__}.") from None
    if not token.isprintable():  # the HTTP client's complaint would quote it
        raise PeerError("no-token", "The bearer token file holds more than one line.")
    return token
