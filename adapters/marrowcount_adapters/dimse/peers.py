"""Application entities: how they are written down."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from marrowcount.errors import SettingsError

__all__ = ["Peer", "checked_ae_title"]

AE_TITLE_FORM: Final = re.compile(r"[\x21-\x5b\x5d-\x7e]([\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?")
"""Up to 16 printable characters but the backslash (PS3.5 section 6.2, VR AE); outer spaces mean nothing."""

PEER_FORM: Final = re.compile(r"(?P<ae>[^@]+)@(\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:@\[\]]+)):(?P<port>[0-9]{1,5})")
LAST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Peer:
    """An application entity that can be called."""

    ae_title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Peer:
        """Read ``AE@host:port``; an IPv6 address stands in brackets, as in ``PACS@[::1]:104``.

        Raises:
            SettingsError: ``bad-peer``, it does not have that form.
        """
        found = PEER_FORM.fullmatch(text.strip())
        if not found or not 0 < int(found["port"]) <= LAST_PORT:
            raise SettingsError("bad-peer", f"{text!r} is no DICOM peer; write AE@host:port, as in PACS@10.0.0.5:104.")
        return cls(checked_ae_title(found["ae"]), found["v6"] or found["host"], int(found["port"]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


def checked_ae_title(text: str) -> str:
    """The AE title without insignificant spaces.

    Raises:
        SettingsError: ``bad-ae-title``, it is empty, longer than 16 characters or holds others than it may.
    """
    title = text.strip()
    if not AE_TITLE_FORM.fullmatch(title):
        raise SettingsError("bad-ae-title", f"{text!r} is no AE title; use up to 16 characters, as in MARROWCOUNT.")
    return title
