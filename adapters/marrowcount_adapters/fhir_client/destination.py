"""A FHIR server as a destination: posts a transaction, reads its answer entry by entry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount.ports import Destination, TakenFile

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["FhirDestination"]

MEDIA_TYPE: Final = "application/fhir+json"

PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses after which the same request may succeed later; 401 too, since tokens are renewed by others."""

PASSING_ISSUES: Final = frozenset({"transient", "throttled", "timeout", "lock-error", "no-store"})
"""OperationOutcome issue codes that mean the same, even under a 4xx status."""

LONGEST_ANSWER: Final = 4 * 2**20
"""Bytes of an answer that are read; a transaction response of a differential has some 10 kB."""


@dataclass(frozen=True, slots=True)
class FhirDestination(Destination):
    """A FHIR R4 service base.

    Attributes:
        token_file: holds a static bearer token, read at each delivery so that it can be renewed; None for none.
        timeout_s: to wait for an answer, in seconds; connecting has 5 s.
        tls: for servers that are not signed by those whom the system trusts, or ask for a certificate.
        auth: signs each request, and renews its token where the server says 401; None for none.
    """

    destination_name: str
    base_url: str
    token_file: Path | None = None
    timeout_s: float = 60.0
    tls: ssl.SSLContext | None = None
    auth: httpx.Auth | None = None

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self.destination_name

    def send(self, files: Sequence[Path], taken: Callable[[Path, TakenFile], None]) -> None:
        """Post each file, a transaction bundle.

        Raises:
            PeerError: no answer, or one that may change.
            DeliveryRefusedError: refused for good; the message holds the server's OperationOutcome.
        """
        with self._client() as client:
            for file in files:
                bundle = file.read_bytes()
                _require_identified(bundle)
                _check_entries(self._request(client, "POST", "", bundle))
                taken(file, TakenFile())

    def ask_commitment(self, instances: Sequence[TakenFile]) -> str:  # noqa: ARG002 - the port's
        """There is none to ask for."""
        return ""

    def check(self) -> str:
        """Ask for the capability statement.

        Raises:
            PeerError: it does not answer as a FHIR R4 server.
        """
        with self._client() as client:
            statement = self._request(client, "GET", "/metadata", None)
        version = statement.get("fhirVersion")
        if statement.get("resourceType") != "CapabilityStatement" or not str(version).startswith("4."):
            raise PeerError("not-fhir-r4", f"{self.name} answers, but not as a FHIR R4 server (version {version})")
        return f"FHIR {version}"

    def _client(self) -> httpx.Client:
        # Uncompressed: a few kilobytes that unfold to gigabytes would be in memory before anybody counted.
        headers = {"Accept": MEDIA_TYPE, "Accept-Encoding": "identity"}
        if self.token_file is not None:
            headers["Authorization"] = f"Bearer {self._token(self.token_file)}"
        # No redirects: a token must not follow one to another host.
        return httpx.Client(
            headers=headers,
            auth=self.auth,
            timeout=httpx.Timeout(self.timeout_s, connect=5.0),
            follow_redirects=False,
            trust_env=False,
            verify=self.tls or True,
        )

    def _token(self, file: Path) -> str:
        try:
            token = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise PeerError("no-token", f"{self.name}: the bearer token file cannot be read: {error}") from None
        if not token.isprintable():  # the HTTP client's complaint would quote it
            raise PeerError("no-token", f"{self.name}: the bearer token file holds more than one line")
        return token

    def _request(self, client: httpx.Client, method: str, path: str, body: bytes | None) -> Mapping[str, Any]:
        headers = {"Content-Type": MEDIA_TYPE} if body is not None else {}
        try:
            with client.stream(method, self.base_url.rstrip("/") + path, content=body, headers=headers) as response:
                content = _limited(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # a Location may be no URL
            raise PeerError("no-answer", f"{self.name}: {type(error).__name__}: {error}") from None
        answer = _as_object(content)
        if response.is_success:
            return answer
        raise _refusal(self.name, response.status_code, answer)


def _limited(response: httpx.Response) -> bytes:
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > LONGEST_ANSWER:
            raise PeerError("answer-too-long", f"the answer is longer than {LONGEST_ANSWER} bytes")
    return bytes(content)


def _as_object(content: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _refusal(name: str, status: int, answer: Mapping[str, Any]) -> PeerError:
    said = f"{name}: HTTP {status}{_outcome(answer)}"
    codes = {str(issue.get("code")) for issue in _issues(answer)}
    if status in PASSING or status == HTTPStatus.UNAUTHORIZED or codes & PASSING_ISSUES:
        return PeerError(f"http-{status}", said)
    return DeliveryRefusedError(f"http-{status}", said)


def _issues(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    issues = answer.get("issue")
    return [issue for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []


def _outcome(answer: Mapping[str, Any]) -> str:
    """The codes and places of the faults; not their texts, which may quote what was sent."""
    places = [f"{issue.get('code')} at {issue.get('expression', ['?'])}" for issue in _issues(answer)]
    return f" ({'; '.join(places)})" if places else ""


def _require_identified(bundle: bytes) -> None:
    """A result whose patient cannot be told from its subject goes to no health record."""
    for entry in _as_object(bundle).get("entry", []):
        subject = entry.get("resource", {}).get("subject")
        if subject is not None and not subject.get("identifier", {}).get("system"):
            raise DeliveryRefusedError(
                "unidentified-patient",
                "the slide's header does not tell whose it is: it needs a Patient ID, and its issuer an entry in the "
                "setting patient_id_systems; then have the slide sent anew",
            )


def _check_entries(answer: Mapping[str, Any]) -> None:
    """A transaction succeeds or fails whole, but some servers answer 200 with failed entries inside."""
    entries = answer.get("entry")
    if answer.get("resourceType") != "Bundle" or not isinstance(entries, list):
        raise PeerError("odd-answer", "the server accepted the transaction but did not answer with a Bundle")
    statuses = [_status(entry) for entry in entries]
    failed = [status for status in statuses if not status.startswith("2")]
    if failed:
        raise DeliveryRefusedError("entry-refused", f"{len(failed)} entries of the transaction failed: {failed[0]}")


def _status(entry: object) -> str:
    """Status of an entry's response; empty where it has none."""
    response = entry.get("response") if isinstance(entry, dict) else None
    return str(response.get("status", "")) if isinstance(response, dict) else ""
