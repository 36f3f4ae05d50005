"""SMART's scopes: what a server granted, beside what was asked for.

Version 2 names permissions by letters in the order c r u d s (create, read, update, delete, search); version 1 knew
``read``, which is ``rs``, and ``write``, which is ``cud``. Servers answer in either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["missing_scopes"]

LETTERS: Final = "cruds"
OLD_NAMES: Final[Mapping[str, str]] = {"read": "rs", "write": "cud", "*": LETTERS}
SCOPE: Final = re.compile(
    r"(?P<level>system|user|patient)/(?P<resource>[A-Za-z]+|\*)\.(?P<may>read|write|\*|c?r?u?d?s?)(?P<narrowed>\?.+)?"
)


@dataclass(frozen=True, slots=True)
class _Scope:
    level: str
    resource: str
    may: frozenset[str]
    narrowed: str

    def covers(self, other: _Scope, letter: str) -> bool:
        """Whether it permits that of the other; one narrowed by a query permits no more than itself."""
        same = self.level == other.level and self.narrowed in {"", other.narrowed}
        return same and letter in self.may and self.resource in {"*", other.resource}


def missing_scopes(asked: Sequence[str], granted: Iterable[str]) -> list[str]:
    """What of the scopes asked for was not granted, in the letters of version 2; empty where all was."""
    texts = frozenset(granted)
    known = [found for text in texts if (found := _read(text)) is not None]
    return [missing for scope in asked if (missing := _missing(scope, texts, known))]


def _missing(scope: str, texts: frozenset[str], granted: Sequence[_Scope]) -> str:
    wanted = _read(scope)
    if wanted is None:
        return "" if scope in texts else scope
    left = [letter for letter in LETTERS if letter in wanted.may and not any(g.covers(wanted, letter) for g in granted)]
    return f"{wanted.level}/{wanted.resource}.{''.join(left)}{wanted.narrowed}" if left else ""


def _read(text: str) -> _Scope | None:
    """None where it is no scope of SMART's for resources, or permits nothing."""
    found = SCOPE.fullmatch(text)
    if found is None or not found["may"]:
        return None
    may = frozenset(OLD_NAMES.get(found["may"], found["may"]))
    return _Scope(found["level"], found["resource"], may, found["narrowed"] or "")
