"""Who may ask the node for what: by what a caller calls itself, where it calls from and what certificate it shows.

DICOM authenticates nobody: a title is a claim. An address makes the claim harder, a certificate makes it hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "ANYBODY",
    "AccessRules",
    "CallerRule",
    "Claim",
    "Service",
    "certificate_name",
    "certificate_names",
    "plain_address",
]

ANYBODY: Final = "*"
"""In place of an AE title: whoever shows the certificate or calls from the address."""

Network: TypeAlias = IPv4Network | IPv6Network

SHA256_DIGITS: Final = 64

SUBJECT_KINDS: Final = MappingProxyType(
    {"commonName": "cn", "organizationName": "o", "organizationalUnitName": "ou", "serialNumber": "serial"}
)
ALTERNATIVE_KINDS: Final = MappingProxyType({"DNS": "dns", "IP Address": "ip", "URI": "uri", "email": "email"})
KINDS: Final = ("sha256", *SUBJECT_KINDS.values(), *ALTERNATIVE_KINDS.values())


class Service(StrEnum):
    """What a caller may be allowed to ask for; that the node answers at all (C-ECHO), anybody admitted may see."""

    STORE = "store"
    """Send instances: C-STORE, STOW-RS."""
    COMMITMENT = "commitment"
    """Ask for storage commitment, and report on what the node asked for."""
    QUERY = "query"
    """Ask what the node holds, and fetch it: C-FIND, C-MOVE, C-GET, QIDO-RS, WADO-RS."""
    WORKLIST = "worklist"
    """Unified procedure steps."""
    NOTIFY = "notify"
    """Instance availability notifications."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a caller says of itself, and what can be seen of it.

    Attributes:
        address: IP address, or empty where it is not known.
        certificate: every name of the certificate that it showed, as :func:`certificate_names` gives them; empty where
            it showed none, or none that was checked.
    """

    ae_title: str
    address: str
    certificate: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CallerRule:
    """One who may call; every condition must hold.

    Attributes:
        ae_title: or :data:`ANYBODY`.
        networks: it must call from one of them; none: from anywhere.
        certificates: names of which its certificate must bear one; none: it needs no certificate.
        services: what it may ask for.
    """

    ae_title: str
    networks: tuple[Network, ...] = ()
    certificates: frozenset[str] = frozenset()
    services: frozenset[Service] = frozenset(Service)

    @classmethod
    def parse(cls, text: str) -> CallerRule:
        """Read ``AE``, ``AE@address`` or ``AE@network``, as in ``SCANNER@10.1.2.0/24``; all services.

        Raises:
            ValueError: what follows the @ is neither an IP address nor a network.
        """
        ae_title, at, network = text.strip().partition("@")
        return cls(ae_title.strip(), (ip_network(network.strip("[]"), strict=False),) if at else ())

    def admits(self, claim: Claim) -> bool:
        """Whether the claim meets every condition."""
        return (
            self.ae_title in {ANYBODY, claim.ae_title}
            and (not self.networks or any(_within(claim.address, network) for network in self.networks))
            and (not self.certificates or not self.certificates.isdisjoint(claim.certificate))
        )


@dataclass(frozen=True, slots=True)
class AccessRules:
    """All rules; without any, everybody may do everything."""

    rules: tuple[CallerRule, ...] = ()

    def services_for(self, claim: Claim) -> frozenset[Service] | None:
        """What the rules that fit allow together; None where none fits, so that the caller stays outside."""
        if not self.rules:
            return frozenset(Service)
        fitting = [rule.services for rule in self.rules if rule.admits(claim)]
        return frozenset(service for services in fitting for service in services) if fitting else None


def certificate_name(text: str) -> str:
    """A name such as ``cn:scanner-1``, ``dns:scanner.example.org`` or ``sha256:`` and a fingerprint, in one spelling.

    Case does not matter, nor do the colons that programs write into fingerprints.

    Raises:
        ValueError: it is none of these.
    """
    kind, _, value = text.strip().partition(":")
    kind, value = kind.strip().casefold(), value.strip().casefold()
    if kind == "sha256":
        value = value.replace(":", "").replace(" ", "")
        if len(value) != SHA256_DIGITS or set(value) - set("0123456789abcdef"):
            raise ValueError("a SHA-256 fingerprint has 64 hexadecimal digits")
    if kind not in KINDS or not value:
        raise ValueError(f"write kind:value, the kind being one of {', '.join(KINDS)}")
    return f"{kind}:{value}"


def certificate_names(decoded: Mapping[str, object] | None, sha256: str) -> frozenset[str]:
    """Every name that a checked certificate bears.

    Args:
        decoded: as ``ssl.SSLSocket.getpeercert()`` gives it; None or empty where there is none that was checked.
        sha256: its fingerprint, hexadecimal.
    """
    if not decoded:
        return frozenset()
    subject = cast("Sequence[Sequence[tuple[str, str]]]", decoded.get("subject", ()))
    alternatives = cast("Sequence[tuple[str, str]]", decoded.get("subjectAltName", ()))
    named = [(SUBJECT_KINDS.get(kind), value) for part in subject for kind, value in part]
    named += [(ALTERNATIVE_KINDS.get(kind), value) for kind, value in alternatives]
    return frozenset({f"sha256:{sha256.casefold()}", *(f"{kind}:{value.casefold()}" for kind, value in named if kind)})


def plain_address(address: str) -> str:
    """The address as people write it: a socket for both families shows IPv4 as ``::ffff:10.0.0.5``."""
    mapped = getattr(ip_address(address.partition("%")[0]), "ipv4_mapped", None)
    return str(mapped or address)


def _within(address: str, network: Network) -> bool:
    return bool(address) and ip_address(address.partition("%")[0]) in network
