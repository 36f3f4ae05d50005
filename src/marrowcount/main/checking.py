"""``marrowcount check``: does everything that the settings name answer?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from marrowcount.errors import MarrowcountError, SettingsError, StorageError
from marrowcount.main.archives import archive_of
from marrowcount.main.auditing import audit_trail
from marrowcount.main.destinations import ehr_destination, pacs_destination, stow_destination
from marrowcount.main.ehr_access import token_check
from marrowcount.main.hl7_messages import hl7_destination
from marrowcount.main.models import verify_models
from marrowcount.main.parts import open_parts
from marrowcount.main.securing import certificates_of, uses_tls
from marrowcount.main.worklists import ups_service
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.schedule import SystemClock
from marrowcount_adapters.sql import open_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from marrowcount.settings import EhrSection, Hl7Section, PacsSection, Settings, StowSection, WorklistSection

__all__ = ["Check", "run_checks"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing asked, and what it said."""

    what: str
    where: str
    ok: bool
    said: str


def run_checks(settings: Settings) -> Iterator[Check]:
    """Ask the database, the disk, the models and every destination."""
    yield _ask("database", _without_password(settings.database_url), lambda: _database(settings))
    yield _ask("disk", str(settings.node.data_folder), lambda: _disk(settings))
    yield _ask("models", str(settings.count.models_folder or "bundled"), lambda: _models(settings))
    if uses_tls(settings):
        yield _ask("certificates", str(settings.tls.certificate or "of peers"), lambda: _certificates(settings))
    for pacs in settings.pacs:
        where = f"{pacs.ae_title}@{pacs.host}:{pacs.port}"
        yield _ask(f"PACS {pacs.name}", where, partial(_pacs, pacs, settings))
    for stow in settings.stow:
        yield _ask(f"DICOMweb {stow.name}", stow.url, partial(_stow, stow, settings))
    for worklist in settings.worklist:
        where = worklist.url or f"{worklist.ae_title}@{worklist.host}:{worklist.port}"
        yield _ask(f"worklist {worklist.name}", where, partial(_worklist, worklist, settings))
    for ehr in settings.ehr:
        if ehr.smart_client_id:
            where = ehr.smart_token_url or ehr.base_url
            yield _ask(f"token for EHR {ehr.name}", where, partial(token_check, ehr, settings))
        yield _ask(f"EHR {ehr.name}", ehr.base_url, partial(_ehr, ehr, settings))
    for hl7 in settings.hl7:
        yield _ask(f"HL7 {hl7.name}", f"{hl7.host}:{hl7.port}", partial(_hl7, hl7, settings))
    yield from _archives(settings)


def _archives(settings: Settings) -> Iterator[Check]:
    if not settings.archive:
        return
    with open_parts(settings) as parts:
        for archive in settings.archive:
            where = archive.url if archive.how == "web" else f"{archive.ae_title}@{archive.host}:{archive.port}"
            asked = archive_of(archive, parts, parts.receiving)
            yield _ask(f"archive {archive.name} ({archive.how})", where, asked.check)


def _ask(what: str, where: str, question: Callable[[], str]) -> Check:
    try:
        return Check(what, where, ok=True, said=question())
    except MarrowcountError as error:
        return Check(what, where, ok=False, said=str(error))


def _stow(stow: StowSection, settings: Settings) -> str:
    return stow_destination(stow, settings).check()


def _pacs(pacs: PacsSection, settings: Settings) -> str:
    return pacs_destination(pacs, settings).check()


def _ehr(ehr: EhrSection, settings: Settings) -> str:
    return ehr_destination(ehr, settings).check()


def _hl7(hl7: Hl7Section, settings: Settings) -> str:
    return hl7_destination(hl7, settings).check()


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _worklist(section: WorklistSection, settings: Settings) -> str:
    return ups_service(section, settings, audit_trail(settings, SystemClock())).check()


def _database(settings: Settings) -> str:
    ledger = open_ledger(settings.database_url)
    slides = len(ledger.slides())
    ledger.close()
    return f"{slides} slides"


def _disk(settings: Settings) -> str:
    free = FolderStore(settings.node.data_folder).free_bytes() / 2**30
    watermark = settings.receive.disk_watermark_gib
    if free < watermark:
        message = f"{free:.1f} GiB free, below the watermark of {watermark:g} GiB: sending is refused (A700)"
        raise StorageError("disk-low", message)
    return f"{free:.1f} GiB free"


def _certificates(settings: Settings) -> str:
    """How long the first to expire will hold."""
    found = certificates_of(settings)
    if not found:
        return "the system's authorities"
    now, first = datetime.now(UTC), found[0]
    days_left = first.days_left(now)
    if days_left < settings.tls.warn_days:
        expiry = "has expired" if days_left < 0 else f"expires in {days_left} days"
        raise SettingsError("tls-certificate-expires", f"{first.subject} {expiry}: renew {first.file}")
    return f"{first.subject} is the first to expire, in {days_left} days"


def _models(settings: Settings) -> str:
    return ", ".join(f"{model.name} {model.version} {model.sha256[:12]}" for model in verify_models(settings.count))
