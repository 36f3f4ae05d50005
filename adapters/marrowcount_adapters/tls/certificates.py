"""What the certificates in a PEM file say of themselves, for people and for warnings before they expire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from marrowcount.errors import SettingsError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from cryptography import x509

__all__ = ["CertificateFacts", "read_certificates"]


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """One certificate.

    Attributes:
        subject: as RFC 4514 writes it.
        sha256: fingerprint, hexadecimal, lower case.
    """

    file: Path
    subject: str
    sha256: str
    not_before: datetime
    not_after: datetime

    def days_left(self, now: datetime) -> int:
        """Whole days until it expires; negative when it has."""
        return (self.not_after - now).days


def read_certificates(file: Path) -> tuple[CertificateFacts, ...]:
    """All certificates of a PEM file in their order; in a chain the node's own stands first.

    Raises:
        SettingsError: ``tls-file-unreadable`` or ``tls-bad-certificate``.
    """
    from cryptography import x509  # noqa: PLC0415 - 10 MB that a node without TLS need not carry

    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())
    except OSError as error:
        raise SettingsError("tls-file-unreadable", f"{file}: {error.strerror}.") from error
    except ValueError as error:
        raise SettingsError("tls-bad-certificate", f"{file} holds no certificate in PEM form.") from error
    return tuple(_facts(file, certificate) for certificate in found)


def _facts(file: Path, certificate: x509.Certificate) -> CertificateFacts:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - as above

    return CertificateFacts(
        file=file,
        subject=certificate.subject.rfc4514_string(),
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
    )
