"""What a FHIR server says of its authorization (SMART App Launch 2.2, the well-known smart-configuration)."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from marrowcount.errors import PeerError
from marrowcount_adapters.smart_backend.asking import require_secure
from marrowcount_adapters.smart_backend.keys import Algorithm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount_adapters.smart_backend.asking import Answer, Asking

__all__ = ["TokenEndpoint", "discover"]

WELL_KNOWN: Final = "/.well-known/smart-configuration"
GRANT: Final = "client_credentials"
METHOD: Final = "private_key_jwt"


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Where tokens are to be had.

    Attributes:
        algorithms: by which assertions may be signed, the node's favourite first.
    """

    url: str
    algorithms: tuple[Algorithm, ...] = tuple(Algorithm)


def discover(asking: Asking, base_url: str) -> TokenEndpoint:
    """Ask a FHIR server.

    Raises:
        PeerError: it does not answer, does not say, or does not offer what the node can do; the setting
            ``smart_token_url`` helps against the first two.
    """
    url = base_url.rstrip("/") + WELL_KNOWN
    answer = asking.get(url)
    if answer.status != HTTPStatus.OK or not answer.document:
        said = f"{url}: HTTP {answer.status}" + ("" if answer.document else ", no JSON object")
        raise PeerError("no-smart-configuration", f"{said}; where the server has none, set smart_token_url")
    token_url = answer.text("token_endpoint")
    if not token_url:
        raise PeerError("no-token-endpoint", f"{url} names no token_endpoint; set smart_token_url")
    require_secure(token_url)
    _require(answer, "grant_types_supported", GRANT, url)
    _require(answer, "token_endpoint_auth_methods_supported", METHOD, url)
    return TokenEndpoint(token_url, _algorithms(answer, url))


def _require(answer: Answer, member: str, wanted: str, url: str) -> None:
    offered = answer.texts(member)
    if offered is not None and wanted not in offered:
        message = f"{url} does not offer {wanted} in {member}: SMART Backend Services must be switched on at the EHR"
        raise PeerError("no-backend-services", message)


def _algorithms(answer: Answer, url: str) -> tuple[Algorithm, ...]:
    offered = answer.texts("token_endpoint_auth_signing_alg_values_supported")
    found = tuple(Algorithm) if offered is None else tuple(each for each in Algorithm if each.value in offered)
    if not found:
        raise PeerError("no-common-algorithm", f"{url} takes assertions signed by neither ES384 nor RS384")
    return found


def among(endpoint: TokenEndpoint, chosen: Sequence[Algorithm]) -> TokenEndpoint:
    """The endpoint for a client that signs by these alone."""
    return TokenEndpoint(endpoint.url, tuple(each for each in endpoint.algorithms if each in chosen))
