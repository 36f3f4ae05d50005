"""TLS after the BCP 195 profile of DICOM (PS3.15 B.12): contexts made from PEM files, renewed when the files change."""

from marrowcount_adapters.tls.certificates import CertificateFacts, read_certificates
from marrowcount_adapters.tls.files import ClientTls, Identity, ServerTls
from marrowcount_adapters.tls.profile import CIPHERS
from marrowcount_adapters.tls.renewed import RenewedContext

__all__ = [
    "CIPHERS",
    "CertificateFacts",
    "ClientTls",
    "Identity",
    "RenewedContext",
    "ServerTls",
    "read_certificates",
]
