"""Which of the persons in the settings is at the command line."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING, Final

from marrowcount.errors import DecisionError
from marrowcount.review import Practitioner

if TYPE_CHECKING:
    from marrowcount.settings import Settings

__all__ = ["logged_in_account", "practitioner_at"]

LOGIN_UID: Final = Path("/proc/self/loginuid")
"""Who logged in to the machine, set once by it; ``sudo`` and ``su`` do not change it (credentials(7), pam_loginuid)."""

NOBODY: Final = 2**32 - 1


def logged_in_account() -> str:
    """The account that logged in, also where it works under another one; where none did, that of the process."""
    return pwd.getpwuid(_login_uid()).pw_name


def _login_uid() -> int:
    try:
        number = int(LOGIN_UID.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return os.getuid()
    return os.getuid() if number == NOBODY else number


def practitioner_at(account: str, settings: Settings) -> Practitioner:
    """The person that the settings know by this account.

    Raises:
        DecisionError: ``not-entitled``: they know none.
    """
    for section in settings.practitioner:
        if section.account == account:
            return Practitioner(
                section.number,
                section.system,
                section.family_name,
                section.given_name,
                section.organisation or settings.organisation,
            )
    raise DecisionError(
        "not-entitled",
        f"the account {account} may not answer for reports: log in as a person who stands in a table `practitioner` "
        "of the settings, or have them entered there",
    )
