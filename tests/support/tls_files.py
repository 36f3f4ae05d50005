"""Certificates for tests: an authority of the house, another one, and who they sign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from marrowcount_adapters.tls import ClientTls, Identity, RenewedContext, ServerTls

__all__ = ["TlsFolder", "client", "server"]


@dataclass(frozen=True)
class TlsFolder:
    """A folder of PEM files, signed by one authority.

    Attributes:
        authorities: the authority's certificate.
    """

    folder: Path
    authority: trustme.CA

    @classmethod
    def made_in(cls, folder: Path) -> TlsFolder:
        folder.mkdir(parents=True, exist_ok=True)
        made = cls(folder, trustme.CA())
        made.authority.cert_pem.write_to_path(made.authorities)
        return made

    @property
    def authorities(self) -> Path:
        return self.folder / "authorities.pem"

    def identity(self, name: str = "node", *hosts: str, expires: datetime | None = None, rsa: bool = False) -> Identity:
        """A certificate for hosts and its key; written over those of the same name, if any."""
        kind = trustme.KeyType.RSA if rsa else trustme.KeyType.ECDSA
        hosts = hosts or ("127.0.0.1",)
        issued = self.authority.issue_cert(*hosts, common_name=name, not_after=expires, key_type=kind)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        key.unlink(missing_ok=True)
        key.touch(mode=0o600)
        key.write_bytes(issued.private_key_pem.bytes())
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        return Identity(certificate, key)

    def revoked(self, *identities: Identity) -> Path:
        """A revocation list, current for a day, of these."""
        now = datetime.now(UTC)
        issuer = x509.load_pem_x509_certificate(self.authority.cert_pem.bytes())
        builder = x509.CertificateRevocationListBuilder(issuer.subject, now, now + timedelta(days=1))
        for identity in identities:
            serial = x509.load_pem_x509_certificate(identity.certificate.read_bytes()).serial_number
            entry = x509.RevokedCertificateBuilder(serial, now).build()
            builder = builder.add_revoked_certificate(entry)
        key = load_pem_private_key(self.authority.private_key_pem.bytes(), None)
        made = builder.sign(key, hashes.SHA256())  # type: ignore[arg-type] # trustme's keys can sign
        file = self.folder / "revocations.pem"
        file.write_bytes(made.public_bytes(Encoding.PEM))
        return file


def server(identity: Identity, **how: object) -> RenewedContext:
    return RenewedContext(ServerTls(identity, **how), "test server")  # type: ignore[arg-type]


def client(identity: Identity | None = None, **how: object) -> RenewedContext:
    return RenewedContext(ClientTls(identity, **how), "test client")  # type: ignore[arg-type]
