"""Bearer tokens for the requests of an HTTP client, got and renewed by SMART Backend Services."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import httpx
import structlog

from marrowcount.errors import DeliveryRefusedError, PeerError, SettingsError
from marrowcount_adapters.smart_backend.asking import Asking, require_secure
from marrowcount_adapters.smart_backend.assertion import client_assertion
from marrowcount_adapters.smart_backend.discovery import TokenEndpoint, among, discover
from marrowcount_adapters.smart_backend.granting import granted, token_form
from marrowcount_adapters.smart_backend.keys import Algorithm
from marrowcount_adapters.smart_backend.tokens import AccessToken, TokenCache, TokenKey

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from marrowcount.ports import Clock
    from marrowcount_adapters.smart_backend.key_folder import KeyFolder
    from marrowcount_adapters.smart_backend.keys import SigningKey

__all__ = ["GrantCheck", "SmartAuth", "SmartClient"]

LOG: Final = structlog.get_logger()
ENDPOINT_HOLDS_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class SmartClient:
    """As whom, and for what, the node asks one EHR.

    Attributes:
        name: of the EHR in the settings.
        base_url: FHIR service base; tokens go to its origin alone.
        client_id: by which the EHR registered the node.
        scopes: asked for.
        token_url: of the token endpoint; empty where the EHR says it itself.
        jku: URL of the node's key set, told in assertions; empty to leave it out.
        algorithms: that may be used, the favourite first.
    """

    name: str
    base_url: str
    client_id: str
    scopes: tuple[str, ...]
    token_url: str = ""
    jku: str = ""
    algorithms: Sequence[Algorithm] = tuple(Algorithm)


@dataclass(frozen=True, slots=True)
class GrantCheck:
    """What came of asking for a token."""

    key_id: str
    algorithm: str
    token_url: str
    expires_in_s: float


class SmartAuth(httpx.Auth):
    """Adds the token to each request; of a 401 it makes one more try with a new one.

    May be used by several threads and clients at once. Raises, out of a request:

    * PeerError: no token for now: ``no-signing-key``, ``invalid-client``, ``no-answer`` and the like; or
      ``token-refused``, where the EHR takes none of two.
    * DeliveryRefusedError: ``scope-refused``, ``scope-narrowed``; ``foreign-host`` for a request elsewhere.
    """

    def __init__(self, client: SmartClient, keys: KeyFolder, tokens: TokenCache, clock: Clock, asking: Asking) -> None:
        self._client, self._keys, self._tokens = client, keys, tokens
        self._clock, self._asking = clock, asking
        self._origin = _origin(httpx.URL(client.base_url))
        self._discovering = threading.Lock()
        self._endpoint: TokenEndpoint | None = None
        self._discovered_at = 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See :class:`httpx.Auth`."""
        self._require_own(request)
        key, token = self._token()
        response = yield _signed(request, token)
        if not self._is_refusal(response):
            return
        _leave_unread(response)
        self._tokens.drop(key, token)
        key, token = self._token()
        response = yield _signed(request, token)
        if self._is_refusal(response):
            self._tokens.drop(key, token)
            message = (
                f"{self._client.name}: the EHR grants tokens but takes none of them (HTTP 401): look there whether "
                "its FHIR server trusts its token endpoint"
            )
            raise PeerError("token-refused", message)

    def check(self) -> GrantCheck:
        """Ask for a token, whether or not there is one.

        Raises:
            PeerError: as for requests.
        """
        endpoint = self._token_endpoint()
        signing = self._signing_key(endpoint)
        token = self._ask(endpoint)
        return GrantCheck(signing.key_id, signing.algorithm.value, endpoint.url, token.expires_in_s)

    def _require_own(self, request: httpx.Request) -> None:
        if _origin(request.url) != self._origin:
            message = f"{self._client.name}: no token goes to {request.url.host}, which is not the EHR's"
            raise DeliveryRefusedError("foreign-host", message)
        require_secure(str(request.url.copy_with(query=None)))

    def _is_refusal(self, response: httpx.Response) -> bool:
        """By the EHR; a client that follows redirections may hear it from others, who saw no token."""
        return response.status_code == HTTPStatus.UNAUTHORIZED and _origin(response.url) == self._origin

    def _token(self) -> tuple[TokenKey, AccessToken]:
        endpoint = self._token_endpoint()
        key = TokenKey(endpoint.url, self._client.client_id, " ".join(self._client.scopes))
        return key, self._tokens.token(key, lambda: self._ask(endpoint))

    def _token_endpoint(self) -> TokenEndpoint:
        """As the settings name it, or as the EHR said within the last hour."""
        client = self._client
        if client.token_url:
            return TokenEndpoint(client.token_url, tuple(client.algorithms))
        with self._discovering:
            now = self._tokens.monotonic()
            if self._endpoint is None or now >= self._discovered_at + ENDPOINT_HOLDS_S:
                self._endpoint = among(discover(self._asking, client.base_url), client.algorithms)
                self._discovered_at = now
            return self._endpoint

    def _forget_endpoint(self) -> None:
        """It may have moved."""
        with self._discovering:
            self._endpoint = None

    def _ask(self, endpoint: TokenEndpoint) -> AccessToken:
        client, key = self._client, self._signing_key(endpoint)
        assertion = client_assertion(key, client.client_id, endpoint.url, self._clock.now(), client.jku)
        try:
            answer = self._asking.post(endpoint.url, token_form(assertion, client.scopes))
            token = granted(answer, client.name, endpoint.url, client.scopes)
        except PeerError as error:
            self._forget_endpoint()
            LOG.warning("smart.no_token", destination=client.name, code=error.code, key=key.key_id)
            raise
        LOG.info("smart.token_granted", destination=client.name, key=key.key_id, expires_in_s=token.expires_in_s)
        return token

    def _signing_key(self, endpoint: TokenEndpoint) -> SigningKey:
        if not endpoint.algorithms:
            message = f"{self._client.name} takes no assertions signed by {' or '.join(self._client.algorithms)}"
            raise PeerError("no-common-algorithm", f"{message}: look at smart_algorithm")
        try:
            return self._keys.signing_key(endpoint.algorithms, self._clock.now())
        except SettingsError as error:  # somebody may set it right: deliveries wait
            raise PeerError(error.code, error.message) from None


class _Unread(httpx.SyncByteStream):
    """In place of a body that nobody needs: httpx reads what an Auth repeats to its end, however far that is."""

    def __init__(self, response: httpx.Response) -> None:
        self._body = response.stream

    def __iter__(self) -> Generator[bytes]:
        """Nothing."""
        yield from ()

    def close(self) -> None:
        """Let go of the connection."""
        if isinstance(self._body, httpx.SyncByteStream):
            self._body.close()


def _leave_unread(response: httpx.Response) -> None:
    response.headers.pop("Content-Encoding", None)
    response.stream = _Unread(response)


def _signed(request: httpx.Request, token: AccessToken) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token.value}"
    return request


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port (RFC 6454)."""
    default = {"https": 443, "http": 80}.get(url.scheme, 0)
    return url.scheme, url.host, url.port or default
