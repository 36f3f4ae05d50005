"""The BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile (PS3.15 B.12).

TLS 1.2 and 1.3, never below: there is no fallback that an attacker could force. Of TLS 1.2 only suites with forward
secrecy and authenticated encryption are offered, all of which the modified profile (PS3.15 B.13) permits, too; those
of TLS 1.3 are what OpenSSL offers, Python has no say in them. Sessions are never resumed: a resumed session would go
round a renewed list of authorities or revocations, and DICOM's few long connections have nothing to gain by it.
"""

from __future__ import annotations

import ssl
from typing import Final

__all__ = ["CIPHERS", "VERSIONS", "harden"]

CIPHERS: Final = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
"""Suites of TLS 1.2 in OpenSSL's names, best first; RFC 9325 section 4.2 demands the four with AES-GCM."""

SECURITY_LEVEL: Final = "@SECLEVEL=2"
"""OpenSSL's level of 112 bits: no RSA key below 2048 bits, no curve below 224, no signature by SHA-1."""

VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def harden(context: ssl.SSLContext, minimum_version: str) -> None:
    """Hold a context to the profile.

    Raises:
        KeyError: ``minimum_version`` is neither 1.2 nor 1.3.
    """
    context.minimum_version = VERSIONS[minimum_version]
    context.set_ciphers(":".join((*CIPHERS, SECURITY_LEVEL)))
    context.options |= (
        ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET | ssl.OP_CIPHER_SERVER_PREFERENCE
    )
    if context.protocol is ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = 0
