"""Keys and their public halves, checked by the standards' own examples and by the library's other door."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from marrowcount.errors import SettingsError
from marrowcount_adapters.smart_backend.keys import Algorithm, PrivateKey, SigningKey, thumbprint

RFC_7638 = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
    "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6q"
    "MQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
    "nqDKgw",
    "e": "AQAB",
}
"""The key of RFC 7638 section 3.1, without its other members."""


def pem(private: PrivateKey, password: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def test_the_thumbprint_is_that_of_the_standard() -> None:
    """RFC 7638 gives an example with its result."""
    assert thumbprint(RFC_7638) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_the_public_half_is_that_of_the_key_and_no_more(algorithm: Algorithm) -> None:
    """Read back from the JSON Web Key it is the same point, or the same numbers; nothing private is in it."""
    key = SigningKey.made(algorithm)
    jwk = key.public_jwk()
    numbers = key.private.public_key().public_numbers()
    if algorithm is Algorithm.ES384:
        assert isinstance(numbers, ec.EllipticCurvePublicNumbers)
        assert (whole(jwk["x"]), whole(jwk["y"])) == (numbers.x, numbers.y)
        assert len(decoded(jwk["x"])) == len(decoded(jwk["y"])) == 48
    else:
        assert isinstance(numbers, rsa.RSAPublicNumbers)
        assert (whole(jwk["n"]), whole(jwk["e"])) == (numbers.n, numbers.e)
        assert numbers.n.bit_length() == 3072
    assert (jwk["kid"], jwk["alg"], jwk["use"]) == (key.key_id, algorithm.value, "sig")
    assert set(jwk) <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"}


def test_short_coordinates_are_padded() -> None:
    """One in 256 points has a coordinate that begins with a zero byte, which must not be left out."""
    curve = ec.SECP384R1()
    scalar = next(
        n for n in range(1, 5000) if ec.derive_private_key(n, curve).public_key().public_numbers().x >> 376 == 0
    )
    jwk = SigningKey.from_pem(pem(ec.derive_private_key(scalar, curve))).public_jwk()
    assert len(decoded(jwk["x"])) == 48


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_key_is_the_same_after_reading_it_back(algorithm: Algorithm) -> None:
    """Also its id, which depends on nothing but the public half."""
    key = SigningKey.made(algorithm)
    again = SigningKey.from_pem(key.pem())
    assert (again.key_id, again.algorithm, again.pem()) == (key.key_id, algorithm, key.pem())


def test_no_id_looks_like_an_option() -> None:
    """It is an argument of commands."""
    assert not any(SigningKey.made(Algorithm.ES384).key_id.startswith("-") for _ in range(300))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pem(ec.generate_private_key(ec.SECP256R1())),
        pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - too short on purpose
        pem(ec.generate_private_key(ec.SECP384R1()), b"password"),
    ],
)
def test_other_keys_are_refused(content: bytes) -> None:
    """Those with which neither algorithm can sign, or that are too short to be safe, or locked."""
    with pytest.raises(SettingsError) as caught:
        SigningKey.from_pem(content)
    assert caught.value.code == "bad-key"


def test_a_key_does_not_show_itself() -> None:
    """Neither its repr nor that of what holds it gives its private half away."""
    key = SigningKey.made(Algorithm.ES384)
    numbers = key.private.private_numbers()
    assert isinstance(numbers, ec.EllipticCurvePrivateNumbers)
    assert "private" not in repr(key)
    assert str(numbers.private_value) not in repr(key) + json.dumps(key.public_jwk())


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def whole(text: str) -> int:
    return int.from_bytes(decoded(text), "big")
