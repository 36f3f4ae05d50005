"""The request for a token, and what a server may say to it (RFC 6749 sections 4.4, 5.1 and 5.2)."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from marrowcount.errors import DeliveryRefusedError, PeerBusyError, PeerError
from marrowcount_adapters.smart_backend.scopes import missing_scopes
from marrowcount_adapters.smart_backend.tokens import AccessToken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marrowcount_adapters.smart_backend.asking import Answer

__all__ = ["granted", "token_form"]

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

SHORT_LIFE_S: Final = 300.0
"""Of a token that does not say how long it lives: as long as SMART says a server should let one live."""
LONGEST_LIFE_S: Final = 24 * 3600.0

SPOKEN: Final = re.compile(r"[\x21-\x7e]+")
"""What may stand in a header: any other token would show up in the HTTP client's complaint about it."""

PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
TOLERABLE_SKEW_S: Final = 30.0

ADVICE: Final[Mapping[str, str]] = {
    "invalid_client": "it does not know this client, or not the key that signed: register the client id and what "
    "`marrowcount keys publish` writes, or let it fetch the key set anew",
    "unauthorized_client": "the client may not use client_credentials: permit SMART Backend Services to it there",
    "unsupported_grant_type": "it grants no client_credentials: SMART Backend Services must be switched on there",
    "invalid_request": "it does not understand the request: look at smart_token_url",
    "invalid_grant": "it does not accept the assertion: look at smart_token_url and at the clocks",
}
"""Errors of RFC 6749 section 5.2 beside ``invalid_scope``. The texts with which servers explain them are not repeated:
they may quote the assertion."""

WORD: Final = re.compile(r"[a-z_]{1,40}")
"""What may be repeated as the name of an error; no token and no assertion looks like that."""


def token_form(assertion: str, scopes: Sequence[str]) -> Mapping[str, str]:
    """What is posted to the token endpoint."""
    return {
        "grant_type": "client_credentials",
        "scope": " ".join(scopes),
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
    }


def granted(answer: Answer, name: str, token_url: str, asked: Sequence[str]) -> AccessToken:
    """The token that an answer holds.

    Raises:
        PeerBusyError: come back later.
        DeliveryRefusedError: ``scope-refused`` or ``scope-narrowed``: some of what was asked for is not permitted.
        PeerError: no token, for a reason that somebody may take away.
    """
    if answer.status != HTTPStatus.OK:
        raise _refusal(answer, f"{name}: {token_url}", asked)
    value = answer.text("access_token")
    if not SPOKEN.fullmatch(value) or answer.text("token_type").lower() != "bearer":
        raise PeerError("no-token", f"{name}: {token_url} answers without a bearer token")
    scopes = _scopes(answer, asked)
    missing = missing_scopes(asked, scopes)
    if missing:
        message = (
            f"{name}: the EHR grants a token without {' '.join(missing)}: permit them to this client there, or take "
            "them out of smart_scopes; then retry the deliveries"
        )
        raise DeliveryRefusedError("scope-narrowed", message)
    return AccessToken(value, _life(answer), scopes)


def _scopes(answer: Answer, asked: Sequence[str]) -> tuple[str, ...]:
    """As granted; those asked for where the answer is silent (RFC 6749 section 5.1)."""
    return tuple(answer.text("scope").split()) if "scope" in answer.document else tuple(asked)


def _life(answer: Answer) -> float:
    said = answer.document.get("expires_in")
    try:
        life = float(said) if isinstance(said, int | float | str) else SHORT_LIFE_S
    except (ValueError, OverflowError):
        return SHORT_LIFE_S
    return min(max(life, 0.0), LONGEST_LIFE_S) if math.isfinite(life) else SHORT_LIFE_S


def _refusal(answer: Answer, where: str, asked: Sequence[str]) -> PeerError:
    error = answer.text("error")
    said = f"{where}: HTTP {answer.status}" + (f" {error}" if WORD.fullmatch(error) else "")
    if answer.retry_after_s and answer.status in PASSING:
        return PeerBusyError(f"token-http-{answer.status}", said, answer.retry_after_s)
    if error == "invalid_scope":
        message = f"{said}: permit {' '.join(asked)} to this client there, or change smart_scopes"
        return DeliveryRefusedError("scope-refused", message)
    if error in ADVICE and answer.status not in PASSING:
        message = f"{said}: {ADVICE[error]}{_clocks(answer)}"
        return PeerError(error.replace("_", "-"), message)
    return PeerError(f"token-http-{answer.status}", f"{said}, no token")


def _clocks(answer: Answer) -> str:
    """A hint where the clocks differ, by which assertions run out before they arrive."""
    if answer.date is None:
        return ""
    ahead_s = (datetime.now(UTC) - answer.date).total_seconds()
    if abs(ahead_s) <= TOLERABLE_SKEW_S:
        return ""
    return f"; this node's clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the server's"
