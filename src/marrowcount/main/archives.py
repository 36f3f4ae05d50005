"""The configured archives, ready to be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.errors import SettingsError
from marrowcount.main.securing import archive_context
from marrowcount.ports.audit import Party
from marrowcount_adapters.dicomweb_client import WebArchive
from marrowcount_adapters.dimse import Calling, GetArchive, MoveArchive, Peer

if TYPE_CHECKING:
    from marrowcount.main.parts import Parts
    from marrowcount.ports import Archive
    from marrowcount.settings import ArchiveSection, Settings
    from marrowcount.workflow.receive import Receiving

__all__ = ["archive_of", "archive_party", "section_of"]

NEEDS: Final = {"move": "ae_title and host", "get": "ae_title and host", "web": "url"}


def archive_party(section: ArchiveSection) -> Party:
    """An archive as it appears in audit messages."""
    return Party(section.ae_title or section.url, section.host)


def archive_of(section: ArchiveSection, parts: Parts, receiving: Receiving, how: str = "") -> Archive:
    """One archive, asked in its own way or in another; what comes goes through ``receiving``, or to the listener.

    The audit trail is told of every query.

    Raises:
        SettingsError: ``wrong-way``, the settings do not say where it can be reached in that way, or the TLS files
            make no context.
    """
    settings, on_query = parts.settings, parts.trail.asking(archive_party(section))
    how, tls = how or section.how, archive_context(section, settings)
    if how == "web" and section.url:
        return WebArchive(
            section.name, section.url, section.bearer_token_file, section.timeout_s, receiving, tls, on_query
        )
    if how == "web" or not (section.ae_title and section.host):
        raise SettingsError("wrong-way", f"Archive {section.name} has no {NEEDS[how]} in the settings, for {how}.")
    peer = Peer(section.ae_title, section.host, section.port)
    calling = Calling(settings.node.ae_title, answer_s=section.timeout_s, tls=tls)
    if how == "get":
        return GetArchive(section.name, peer, calling, receiving, on_query)
    return MoveArchive(section.name, peer, calling, on_query)


def section_of(settings: Settings, name: str) -> ArchiveSection:
    """The archive of that name; without a name the only one.

    Raises:
        SettingsError: ``unknown-archive``.
    """
    known = ", ".join(one.name for one in settings.archive) or "none; add [[archive]] to the settings"
    if not name and len(settings.archive) == 1:
        return settings.archive[0]
    for section in settings.archive:
        if section.name == name:
            return section
    said = f"There is no archive {name!r}" if name else "Name the archive by --from"
    raise SettingsError("unknown-archive", f"{said}; these stand in the settings: {known}.")
