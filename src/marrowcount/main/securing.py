"""From the settings to TLS contexts, renewed when their files change and told of before they expire."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount_adapters.schedule import Tick, ticking
from marrowcount_adapters.tls import ClientTls, Identity, RenewedContext, ServerTls

if TYPE_CHECKING:
    from collections.abc import Generator

    from marrowcount.settings import (
        ArchiveSection,
        EhrSection,
        Hl7Section,
        PacsSection,
        Settings,
        StowSection,
        TlsSection,
        WorklistSection,
    )
    from marrowcount_adapters.tls import CertificateFacts

__all__ = [
    "archive_context",
    "audit_context",
    "certificates_of",
    "ehr_context",
    "hl7_context",
    "pacs_context",
    "server_context",
    "stow_context",
    "uses_tls",
    "watched",
    "worklist_context",
]

LOOK_EVERY_S: Final = 60.0
WARN_EVERY_S: Final = 24 * 3600.0

log: Final = structlog.get_logger()


def server_context(section: TlsSection, name: str) -> RenewedContext | None:
    """For a listener of the node; None where the node has no certificate.

    Raises:
        SettingsError: the files make no context.
    """
    identity = _identity(section)
    if identity is None:
        return None
    recipe = ServerTls(
        identity,
        section.authorities,
        section.revocations_file,
        section.require_certificate,
        section.minimum_version,
    )
    return RenewedContext(recipe, name)


def pacs_context(pacs: PacsSection, settings: Settings) -> RenewedContext | None:
    """For calling a PACS; None where that is done in plain text.

    Raises:
        SettingsError: the files make no context.
    """
    return _calling(pacs, settings, f"PACS {pacs.name}")


def _calling(peer: PacsSection | Hl7Section, settings: Settings, name: str) -> RenewedContext | None:
    """As the house calls: with its certificate, trusting whom the peer's table names, else its own authorities."""
    if not peer.tls:
        return None
    section = settings.tls
    own_authorities = peer.tls_authorities is not None
    recipe = ClientTls(
        _identity(section),
        peer.tls_authorities or section.authorities,
        None if own_authorities else section.revocations_file,
        peer.tls_check_host,
        section.minimum_version,
    )
    return RenewedContext(recipe, name)


def ehr_context(ehr: EhrSection, settings: Settings) -> RenewedContext | None:
    """For calling a FHIR server; None where that is done in plain text.

    Raises:
        SettingsError: the files make no context.
    """
    if not ehr.base_url.startswith("https:"):
        return None
    identity = _identity(settings.tls) if ehr.tls_show_certificate else None
    recipe = ClientTls(identity, ehr.tls_authorities, minimum_version=settings.tls.minimum_version)
    return RenewedContext(recipe, f"EHR {ehr.name}")


def hl7_context(hl7: Hl7Section, settings: Settings) -> RenewedContext | None:
    """For calling an interface engine; None where that is done in plain text.

    Raises:
        SettingsError: the files make no context.
    """
    return _calling(hl7, settings, f"HL7 {hl7.name}")


def archive_context(archive: ArchiveSection, settings: Settings) -> RenewedContext | None:
    """For asking an archive; None where that is done in plain text.

    Raises:
        SettingsError: the files make no context.
    """
    if not _is_secured(archive):
        return None
    section = settings.tls
    own_authorities = archive.tls_authorities is not None
    recipe = ClientTls(
        _identity(section) if archive.tls else None,
        archive.tls_authorities or section.authorities,
        None if own_authorities else section.revocations_file,
        archive.tls_check_host,
        section.minimum_version,
    )
    return RenewedContext(recipe, f"archive {archive.name}")


def _is_secured(archive: ArchiveSection) -> bool:
    return archive.url.startswith("https:") if archive.how == "web" else archive.tls


def worklist_context(worklist: WorklistSection, settings: Settings) -> RenewedContext | None:
    """For asking a worklist; None where that is done in plain text.

    Raises:
        SettingsError: the files make no context.
    """
    if not (worklist.tls if worklist.kind == "dimse" else worklist.url.startswith("https:")):
        return None
    section = settings.tls
    identity = _identity(section) if worklist.tls_show_certificate else None
    authorities = worklist.tls_authorities or section.authorities
    recipe = ClientTls(identity, authorities, minimum_version=section.minimum_version)
    return RenewedContext(recipe, f"worklist {worklist.name}")


def audit_context(settings: Settings) -> RenewedContext | None:
    """For calling an audit repository; None where that is not done over TLS.

    Raises:
        SettingsError: the files make no context.
    """
    if settings.audit.to != "syslog-tls":
        return None
    identity = _identity(settings.tls) if settings.audit.tls_show_certificate else None
    authorities = settings.audit.tls_authorities or settings.tls.authorities
    recipe = ClientTls(identity, authorities, minimum_version=settings.tls.minimum_version)
    return RenewedContext(recipe, "audit repository")


def stow_context(stow: StowSection, settings: Settings) -> RenewedContext | None:
    """For calling a DICOMweb server; None where that is done in plain text.

    Raises:
        SettingsError: the files make no context.
    """
    if not stow.url.startswith("https:"):
        return None
    identity = _identity(settings.tls) if stow.tls_show_certificate else None
    recipe = ClientTls(identity, stow.tls_authorities, minimum_version=settings.tls.minimum_version)
    return RenewedContext(recipe, f"DICOMweb {stow.name}")


@contextmanager
def watched(context: RenewedContext | None, name: str, warn_days: int) -> Generator[None]:
    """Look for new files now and then, and warn once a day of certificates that expire soon, while the block lasts."""
    if context is None:
        yield
        return
    watch = (
        Tick(f"tls-renew-{name}", LOOK_EVERY_S, lambda: context.renew() and False),
        Tick(f"tls-expiry-{name}", WARN_EVERY_S, lambda: _warn(context, name, warn_days)),
    )
    with ticking(*watch):
        yield


def certificates_of(settings: Settings) -> list[CertificateFacts]:
    """The node's certificates and those of the authorities that the settings name, in the order of expiry.

    Raises:
        SettingsError: a file cannot be read, or a key does not fit.
    """
    contexts = [server_context(settings.tls, "node"), audit_context(settings)]
    contexts += [pacs_context(pacs, settings) for pacs in settings.pacs]
    contexts += [stow_context(stow, settings) for stow in settings.stow]
    contexts += [ehr_context(ehr, settings) for ehr in settings.ehr]
    contexts += [hl7_context(hl7, settings) for hl7 in settings.hl7]
    contexts += [archive_context(archive, settings) for archive in settings.archive]
    found = {facts.sha256: facts for context in contexts if context for facts in context.certificates()}
    return sorted(found.values(), key=lambda facts: facts.not_after)


def uses_tls(settings: Settings) -> bool:
    """Whether any connection of the node is secured."""
    pacs = (pacs.tls for pacs in settings.pacs)
    stow = (stow.url.startswith("https:") for stow in settings.stow)
    ehr = (ehr.base_url.startswith("https:") for ehr in settings.ehr)
    hl7 = (hl7.tls for hl7 in settings.hl7)
    archives = (_is_secured(archive) for archive in settings.archive)
    secured = settings.tls.certificate is not None or settings.audit.to == "syslog-tls"
    return secured or any((*pacs, *stow, *ehr, *hl7, *archives))


def _identity(section: TlsSection) -> Identity | None:
    if section.certificate is None or section.key is None:
        return None
    return Identity(section.certificate, section.key, section.key_password_file)


def _warn(context: RenewedContext, name: str, warn_days: int) -> bool:
    now = datetime.now(UTC)
    for facts in context.expiring(now, warn_days):
        days_left = facts.days_left(now)
        tell = log.error if days_left < 0 else log.warning
        tell("tls.certificate_expires", secures=name, file=str(facts.file), subject=facts.subject, days_left=days_left)
    return False
