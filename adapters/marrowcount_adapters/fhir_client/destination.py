"""A FHIR server as a destination: looks whose result it is and what is there, then writes it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import httpx

from marrowcount.errors import PeerError
from marrowcount.ports import Destination, TakenFile
from marrowcount_adapters.fhir_client.capabilities import Knowledge, Way, capabilities_of
from marrowcount_adapters.fhir_client.exchange import MEDIA_TYPE, AnsweredError, Exchange
from marrowcount_adapters.fhir_client.looking import addressed
from marrowcount_adapters.fhir_client.parcel import read_parcel
from marrowcount_adapters.fhir_client.writing import Writing

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["FhirDestination"]


@cache
def _usual_trust() -> ssl.SSLContext:
    """Those whom httpx trusts; to read them takes longer than to send a result, so they are read once."""
    return httpx.create_ssl_context(trust_env=False)


def _trust(base_url: str) -> ssl.SSLContext | bool:
    return _usual_trust() if httpx.URL(base_url).scheme == "https" else False


@dataclass(frozen=True, slots=True)
class FhirDestination(Destination):
    """A FHIR service base.

    Attributes:
        token_file: holds a static bearer token, read at each delivery so that it can be renewed; None for none.
        timeout_s: to wait for an answer, in seconds; connecting has 5 s.
        tls: for servers that are not signed by those whom the system trusts, or ask for a certificate.
        auth: signs each request, and renews its token where the server says 401; None for none.
        look_up_patient: each result's patient must be known to the server, where it can be asked.
        ways: of writing that may be tried, of those that the server offers.
        release: of FHIR that the server must speak, "4" or "5".
        knowledge: what this process has learnt of the server.
    """

    destination_name: str
    base_url: str
    token_file: Path | None = None
    timeout_s: float = 60.0
    tls: ssl.SSLContext | None = None
    auth: httpx.Auth | None = None
    look_up_patient: bool = True
    ways: frozenset[Way] = frozenset(Way)
    release: str = "4"
    knowledge: Knowledge = field(default_factory=lambda: Knowledge(time.monotonic), compare=False, repr=False)

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self.destination_name

    def send(self, files: Sequence[Path], taken: Callable[[Path, TakenFile], None]) -> None:
        """Write what each file holds, a transaction bundle; see ``docs/ehr-delivery.md``.

        Raises:
            PeerError: no answer, or one that may change.
            DeliveryHeldError: whose result it is cannot be said for now.
            DeliveryRefusedError: refused for good, or a person's result stands there.
        """
        with self._client() as client:
            exchange = Exchange(client, self.name, self.base_url)
            for file in files:
                taken(file, TakenFile(places=self._deliver(exchange, file)))

    def _deliver(self, exchange: Exchange, file: Path) -> tuple[str, ...]:
        parcel = read_parcel(file)
        can = self.knowledge.capabilities(lambda: self._statement(exchange), self.release)
        try:
            parcel = addressed(exchange, parcel, can, look_up_patient=self.look_up_patient)
        except AnsweredError as error:
            raise error.final(self.name) from None
        return Writing(exchange, can, self.knowledge, parcel, self.ways).deliver()

    def ask_commitment(self, instances: Sequence[TakenFile]) -> str:  # noqa: ARG002 - the port's
        """There is none to ask for."""
        return ""

    def check(self) -> str:
        """Ask for the capability statement.

        Raises:
            PeerError: it does not answer as a FHIR R4 server.
        """
        with self._client() as client:
            exchange = Exchange(client, self.name, self.base_url)
            return f"FHIR {capabilities_of(self._statement(exchange), self.release).version}"

    def _statement(self, exchange: Exchange) -> Mapping[str, Any]:
        """What the server can do; that it does not say so is nobody's delivery's fault, so it may be tried again."""
        try:
            return exchange.get("/metadata")
        except AnsweredError as error:
            failed = error.final(self.name)
            raise failed if failed.retryable else PeerError(failed.code, failed.message) from None

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
            verify=self.tls or _trust(self.base_url),
        )

    def _token(self, file: Path) -> str:
        try:
            token = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise PeerError("no-token", f"{self.name}: the bearer token file cannot be read: {error}") from None
        if not token.isprintable():  # the HTTP client's complaint would quote it
            raise PeerError("no-token", f"{self.name}: the bearer token file holds more than one line")
        return token
