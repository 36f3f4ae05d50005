"""Tokens in memory alone: asked for once, whoever needs one meanwhile waits, and renewed before they run out."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AccessToken", "TokenCache", "TokenKey"]

EARLIEST_RENEWAL_S: Final = 30.0
RENEWAL_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token (RFC 6750); its value stands in no ``repr``.

    Attributes:
        expires_in_s: counted from when it was asked for, seconds.
        scopes: granted with it.
    """

    value: str = field(repr=False)
    expires_in_s: float
    scopes: tuple[str, ...] = ()

    @property
    def use_for_s(self) -> float:
        """How long it is used: it must still be good when the request that bears it arrives."""
        return self.expires_in_s - max(EARLIEST_RENEWAL_S, RENEWAL_SHARE * self.expires_in_s)


class TokenKey(NamedTuple):
    """What makes two tokens interchangeable."""

    token_url: str
    client_id: str
    scope: str


@dataclass(slots=True)
class _Slot:
    """The token of a key; the lock is held while one is asked for."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    token: AccessToken | None = None
    use_until: float = 0.0


@dataclass(frozen=True, slots=True)
class TokenCache:
    """The tokens of a process.

    Attributes:
        monotonic: a clock in seconds that nobody sets.
    """

    monotonic: Callable[[], float] = time.monotonic
    _slots: dict[TokenKey, _Slot] = field(default_factory=dict[TokenKey, _Slot], init=False, repr=False)
    _changing: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def token(self, key: TokenKey, ask: Callable[[], AccessToken]) -> AccessToken:
        """The token at hand, or a new one; of threads that need one at the same time, one asks."""
        slot = self._slot(key)
        with slot.lock:
            if slot.token is None or self.monotonic() >= slot.use_until:
                asked_at = self.monotonic()
                slot.token = ask()
                slot.use_until = asked_at + slot.token.use_for_s
            return slot.token

    def drop(self, key: TokenKey, token: AccessToken) -> None:
        """Forget a token that was refused, unless another has taken its place already."""
        slot = self._slot(key)
        with slot.lock:
            if slot.token is token:
                slot.token = None

    def _slot(self, key: TokenKey) -> _Slot:
        with self._changing:
            return self._slots.setdefault(key, _Slot())
