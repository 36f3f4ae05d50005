"""What an assertion says, and who signed it: taken apart by hand, without the library that made it."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384

from marrowcount_adapters.smart_backend.assertion import client_assertion
from marrowcount_adapters.smart_backend.keys import Algorithm, SigningKey

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TOKEN_URL = "https://auth.example.org/token"  # noqa: S105 - no secret


def taken_apart(assertion: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    """Header, claims, what is signed, and the signature (RFC 7515 section 3.1)."""
    header, claims, signature = assertion.split(".")
    assert "=" not in assertion
    return json.loads(decoded(header)), json.loads(decoded(claims)), f"{header}.{claims}".encode(), decoded(signature)


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def whole(text: str) -> int:
    return int.from_bytes(decoded(text), "big")


def verify(jwk: dict[str, str], signed: bytes, signature: bytes) -> None:
    """By the public half alone, as a server does (RFC 7518 sections 3.3 and 3.4)."""
    if jwk["kty"] == "EC":
        assert len(signature) == 96
        r, s = (int.from_bytes(half, "big") for half in (signature[:48], signature[48:]))
        point = ec.EllipticCurvePublicNumbers(whole(jwk["x"]), whole(jwk["y"]), ec.SECP384R1())
        point.public_key().verify(encode_dss_signature(r, s), signed, ec.ECDSA(SHA384()))
    else:
        numbers = rsa.RSAPublicNumbers(whole(jwk["e"]), whole(jwk["n"]))
        numbers.public_key().verify(signature, signed, padding.PKCS1v15(), SHA384())


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_the_public_half_verifies_it(algorithm: Algorithm) -> None:
    """SHA-384 of header and claims, signed as JSON Web Signatures are; by that key and no other."""
    key = SigningKey.made(algorithm)
    header, _, signed, signature = taken_apart(client_assertion(key, "node", TOKEN_URL, NOON))
    assert header == {"alg": algorithm.value, "kid": key.key_id, "typ": "JWT"}
    verify(dict(key.public_jwk()), signed, signature)
    with pytest.raises(InvalidSignature):
        verify(dict(SigningKey.made(algorithm).public_jwk()), signed, signature)


def test_it_claims_what_smart_asks_for_and_no_more() -> None:
    """Issuer and subject are the client, the audience is the token endpoint, it is over within five minutes."""
    _, claims, _, _ = taken_apart(client_assertion(SigningKey.made(Algorithm.ES384), "node", TOKEN_URL, NOON))
    assert claims.pop("jti")
    assert claims == {"iss": "node", "sub": "node", "aud": TOKEN_URL, "exp": int(NOON.timestamp()) + 240}


def test_no_two_have_the_same_id() -> None:
    """Servers refuse a repeated one as a replay."""
    key = SigningKey.made(Algorithm.ES384)
    ids = {taken_apart(client_assertion(key, "node", TOKEN_URL, NOON))[1]["jti"] for _ in range(50)}
    assert len(ids) == 50


def test_the_url_of_the_key_set_is_told_where_there_is_one() -> None:
    """As jku, for servers that look there."""
    jku = "https://node.example.org/.well-known/jwks.json"
    header, _, _, _ = taken_apart(client_assertion(SigningKey.made(Algorithm.ES384), "node", TOKEN_URL, NOON, jku))
    assert header["jku"] == jku
