"""The JSON Web Token by which the node says who it is (RFC 7523; SMART App Launch 2.2, asymmetric authentication)."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import jwt

if TYPE_CHECKING:
    from datetime import datetime

    from marrowcount_adapters.smart_backend.keys import SigningKey

__all__ = ["LIFE", "client_assertion"]

LIFE: Final = timedelta(seconds=240)
"""SMART permits 300 s at most. A server whose clock is a minute behind still sees no more than that, and one that is
almost four minutes ahead still finds it valid. It does not say when it was issued: no server may ask for that, and one
whose clock is behind would refuse it as made in the future."""


def client_assertion(key: SigningKey, client_id: str, token_url: str, now: datetime, jku: str = "") -> str:
    """One assertion, good for one request.

    Args:
        key: that signs.
        client_id: by which the server knows the node.
        token_url: for whose eyes alone it is.
        now: with zone.
        jku: URL of the node's JSON Web Key Set; empty where the server has the keys otherwise.
    """
    headers = {"kid": key.key_id, "typ": "JWT"} | ({"jku": jku} if jku else {})
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": token_url,
        "exp": int((now + LIFE).timestamp()),
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode(claims, key.private, algorithm=key.algorithm.value, headers=headers)
