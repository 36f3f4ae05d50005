"""Key pairs by which the node signs, and their public halves as JSON Web Keys (RFC 7517, RFC 7518)."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from marrowcount.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Algorithm", "SigningKey", "thumbprint"]

RSA_BITS: Final = 3072
"""128 bits of strength (NIST SP 800-57), for as long as any key of a node will be in use."""
SHORTEST_RSA: Final = 2048
COORDINATE_BYTES: Final = 48
"""Of P-384 (RFC 7518 section 6.2.1.2)."""

PrivateKey: TypeAlias = EllipticCurvePrivateKey | RSAPrivateKey


class Algorithm(StrEnum):
    """Those that SMART App Launch asks every client and server for."""

    ES384 = "ES384"
    """ECDSA on P-384 with SHA-384: short signatures, quick keys."""
    RS384 = "RS384"
    """RSA PKCS #1 v1.5 with SHA-384, for servers that know no other."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key.

    Attributes:
        key_id: thumbprint of the public half (RFC 7638), so that nobody has to make up names.
    """

    algorithm: Algorithm
    key_id: str
    private: PrivateKey = field(repr=False)

    @classmethod
    def made(cls, algorithm: Algorithm) -> SigningKey:
        """A new one."""
        while True:
            elliptic = algorithm is Algorithm.ES384
            key = _named(generate_private_key(SECP384R1()) if elliptic else generate_rsa(65537, RSA_BITS))
            if not key.key_id.startswith("-"):  # on a command line it would look like an option
                return key

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """From what :meth:`pem` wrote.

        Raises:
            SettingsError: ``bad-key``, no private key, or one with which neither algorithm can sign.
        """
        try:
            private = load_pem_private_key(pem, None)
        except (ValueError, TypeError):
            raise SettingsError("bad-key", "it is no private key in PEM form without a password") from None
        if isinstance(private, RSAPrivateKey) and private.key_size >= SHORTEST_RSA:
            return _named(private)
        if isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP384R1):
            return _named(private)
        raise SettingsError("bad-key", f"it is neither on P-384 nor of RSA with {SHORTEST_RSA} bits or more")

    def pem(self) -> bytes:
        """PKCS #8, not encrypted: who may read the file, the file system says."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def public_jwk(self) -> Mapping[str, str]:
        """The public half (RFC 7517), with what tells servers when to use it."""
        return {**_public_members(self.private), "kid": self.key_id, "alg": self.algorithm.value, "use": "sig"}


def thumbprint(members: Mapping[str, str]) -> str:
    """Of a public key's required members (RFC 7638)."""
    canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return _base64url(hashlib.sha256(canonical.encode("ascii")).digest())


def _named(private: PrivateKey) -> SigningKey:
    algorithm = Algorithm.RS384 if isinstance(private, RSAPrivateKey) else Algorithm.ES384
    return SigningKey(algorithm, thumbprint(_public_members(private)), private)


def _public_members(private: PrivateKey) -> Mapping[str, str]:
    if isinstance(private, RSAPrivateKey):
        numbers = private.public_key().public_numbers()
        return {"kty": "RSA", "n": _whole(numbers.n), "e": _whole(numbers.e)}
    point = private.public_key().public_numbers()
    x, y = (_base64url(each.to_bytes(COORDINATE_BYTES, "big")) for each in (point.x, point.y))
    return {"kty": "EC", "crv": "P-384", "x": x, "y": y}


def _whole(number: int) -> str:
    """In as few bytes as hold it (RFC 7518 section 2, Base64urlUInt)."""
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
