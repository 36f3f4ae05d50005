"""One question to a server by HTTP, one JSON object as answer: nothing is followed elsewhere, no answer is endless."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx

from marrowcount.errors import PeerError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

__all__ = ["Answer", "Asking", "require_secure"]

LONGEST_ANSWER: Final = 64 * 2**10
"""Bytes; a token may have some thousand, a description of a server as well."""
CONNECT_S: Final = 5.0
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; not shown by ``repr``, since it may hold a token.

    Attributes:
        date: of the server's clock; None where it did not say.
        retry_after_s: how long it asks to be left alone, seconds.
    """

    status: int
    document: Mapping[str, Any]
    date: datetime | None = None
    retry_after_s: float = 0.0

    def __repr__(self) -> str:
        return f"Answer(status={self.status})"

    def text(self, name: str) -> str:
        """A member that is a text; empty where it is none."""
        value = self.document.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> frozenset[str] | None:
        """A member that is a list of texts; None where it is none, which says nothing."""
        value = self.document.get(name)
        return frozenset(map(str, value)) if isinstance(value, list) else None


@dataclass(frozen=True, slots=True)
class Asking:
    """How servers are asked.

    Attributes:
        tls: for servers not signed by those whom the system trusts, or that ask for a certificate.
    """

    timeout_s: float = 10.0
    tls: ssl.SSLContext | None = None

    def get(self, url: str) -> Answer:
        """Read a document.

        Raises:
            PeerError: ``insecure``, ``no-answer`` or ``answer-too-long``.
        """
        return self._ask("GET", url, None)

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """Send a form.

        Raises:
            PeerError: as :meth:`get`.
        """
        return self._ask("POST", url, form)

    def _ask(self, method: str, url: str, form: Mapping[str, str] | None) -> Answer:
        require_secure(url)
        # Uncompressed: a few kilobytes that unfold to gigabytes would be in memory before anybody counted.
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        timeout = httpx.Timeout(self.timeout_s, connect=min(CONNECT_S, self.timeout_s))
        client = httpx.Client(
            headers=headers, timeout=timeout, follow_redirects=False, trust_env=False, verify=self.tls or True
        )
        try:
            with client, client.stream(method, url, data=form) as response:
                return _answer(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PeerError("no-answer", f"{url}: {type(error).__name__}: {error}") from None


def require_secure(url: str) -> None:
    """Keys and tokens go nowhere in clear but within the machine.

    Raises:
        PeerError: ``insecure``.
    """
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname or "", parts.scheme
    except ValueError:
        host, scheme = "", ""
    if not host or (scheme != "https" and not (scheme == "http" and host in LOOPBACK)):
        raise PeerError("insecure", f"{url} is no https URL: tokens go in clear nowhere but on loopback")


def _answer(response: httpx.Response) -> Answer:
    content = bytearray()
    for piece in response.iter_raw():
        content += piece
        if len(content) > LONGEST_ANSWER:
            raise PeerError("answer-too-long", f"{response.url} answers with more than {LONGEST_ANSWER} bytes")
    date = _instant(response.headers.get("Date", ""))
    return Answer(response.status_code, _object(bytes(content)), date, _wait(response.headers.get("Retry-After", "")))


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _instant(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _wait(text: str) -> float:
    """Seconds (RFC 9110 section 10.2.3), given so or as a date; 0 where neither can be read."""
    if text.strip().isdecimal():
        return float(text)
    until = _instant(text)
    return max(0.0, (until - datetime.now(UTC)).total_seconds()) if until else 0.0
