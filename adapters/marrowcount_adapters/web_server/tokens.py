"""Bearer tokens (RFC 6750) from a file: who may come in, and what for."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Right", "TokenFile", "TokenHolder"]

LOG: Final = structlog.get_logger()

HASHED: Final = re.compile(r"sha256:([0-9a-f]{64})")
NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
SHORTEST: Final = 16
"""Characters of a token; ``openssl rand -hex 32`` makes good ones."""
FORM: Final = "NAME RIGHTS TOKEN, where rights are read, write or read,write and a token may be sha256:HEX"


class Right(StrEnum):
    """What a token is good for."""

    READ = "read"
    """GET and HEAD."""
    WRITE = "write"
    """All other methods."""


@dataclass(frozen=True, slots=True)
class TokenHolder:
    """Who came with a token.

    Attributes:
        name: for logs and for the ledger.
    """

    name: str
    rights: frozenset[Right]


class TokenFile:
    """The tokens of a file, read again when it changes.

    Where a changed file cannot be read, no token is good until it can: what was to be revoked must not live on.
    """

    def __init__(self, file: Path) -> None:
        """Read it.

        Raises:
            SettingsError: ``tokens-unreadable``, it cannot be read or has a line of another form.
        """
        self._file = file
        self._lock = threading.Lock()
        self._seen = self._state()
        self._tokens = _read(file)

    def holder(self, token: str) -> TokenHolder | None:
        """Who holds a token; None where nobody does. Takes the same time wherever a wrong one differs."""
        given = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        found: TokenHolder | None = None
        for digest, holder in self._current():
            if hmac.compare_digest(digest, given):
                found = holder
        return found

    def _current(self) -> Sequence[tuple[bytes, TokenHolder]]:
        with self._lock:
            state = self._state()
            if state != self._seen:
                self._seen = state
                self._tokens = self._reread()
            return self._tokens

    def _reread(self) -> Sequence[tuple[bytes, TokenHolder]]:
        try:
            tokens = _read(self._file)
        except SettingsError as error:
            LOG.error("tokens.unreadable", reason=error.message)  # noqa: TRY400 - the message says all
            return ()
        LOG.info("tokens.read", tokens=len(tokens))
        return tokens

    def _state(self) -> tuple[int, int, int] | None:
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


def _read(file: Path) -> Sequence[tuple[bytes, TokenHolder]]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("tokens-unreadable", f"The tokens' file {file} cannot be read: {error}") from None
    numbered = ((number, line.split()) for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#")
    return tuple(_entry(file, number, words) for number, words in numbered)


def _entry(file: Path, number: int, words: Sequence[str]) -> tuple[bytes, TokenHolder]:
    """The digest of a token and its holder; a complaint names the line, never what stands in it."""
    rights = frozenset(words[1].split(",")) if len(words) == 3 else frozenset()  # noqa: PLR2004 - name, rights, token
    if not rights or not rights <= set(Right) or not NAME.fullmatch(words[0]):
        raise SettingsError("tokens-unreadable", f"{file}, line {number}: write {FORM}.")
    hashed = HASHED.fullmatch(words[2])
    if hashed is None and len(words[2]) < SHORTEST:
        raise SettingsError("tokens-unreadable", f"{file}, line {number}: the token is shorter than {SHORTEST}.")
    digest = bytes.fromhex(hashed[1]) if hashed else hashlib.sha256(words[2].encode()).digest()
    return digest, TokenHolder(words[0], frozenset(map(Right, rights)))
