"""How the node shows EHRs who it is: its keys, and the tokens that they get it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from marrowcount.main.securing import ehr_context
from marrowcount_adapters.schedule import SystemClock

if TYPE_CHECKING:
    from marrowcount.settings import EhrSection, Settings
    from marrowcount_adapters.smart_backend import KeyFolder, SmartAuth

__all__ = ["key_folder", "smart_auth", "token_check"]

TOKEN_TIMEOUT_S: Final = 10.0
"""Tokens are small and quickly made."""


def key_folder(settings: Settings) -> KeyFolder:
    """The node's keys."""
    from marrowcount_adapters.smart_backend import KeyFolder  # noqa: PLC0415 - 10 MB that others need not carry

    return KeyFolder(settings.keys_folder, timedelta(hours=settings.keys.overlap_h))


def smart_auth(section: EhrSection, settings: Settings) -> SmartAuth | None:
    """What gets tokens for an EHR; None where that is not by SMART Backend Services.

    Raises:
        SettingsError: the files of section tls make no context.
    """
    if not section.smart_client_id:
        return None
    from marrowcount_adapters.smart_backend import (  # noqa: PLC0415 - 10 MB that others need not carry
        Algorithm,
        Asking,
        SmartAuth,
        SmartClient,
        TokenCache,
    )

    algorithms = tuple(Algorithm) if section.smart_algorithm == "any" else (Algorithm(section.smart_algorithm),)
    client = SmartClient(
        section.name,
        section.base_url,
        section.smart_client_id,
        section.smart_scopes,
        section.smart_token_url,
        settings.keys.url,
        algorithms,
    )
    asking = Asking(min(TOKEN_TIMEOUT_S, section.timeout_s), ehr_context(section, settings))
    return SmartAuth(client, key_folder(settings), TokenCache(), SystemClock(), asking)


def token_check(section: EhrSection, settings: Settings) -> str:
    """Get a token; what to tell of it.

    Raises:
        PeerError: there was none to be had.
        SettingsError: the files of section tls make no context.
    """
    auth = smart_auth(section, settings)
    if auth is None:
        return ""
    got = auth.check()
    return f"for {got.expires_in_s:.0f} s, signed by {got.algorithm} key {got.key_id[:8]}"
