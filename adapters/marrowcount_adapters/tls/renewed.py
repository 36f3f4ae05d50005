"""A context that notices new certificates: handshakes after a change see them, connections that stand go on."""

from __future__ import annotations

import ssl
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

import structlog

from marrowcount.errors import SettingsError
from marrowcount_adapters.tls.certificates import read_certificates

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from marrowcount_adapters.tls.certificates import CertificateFacts
    from marrowcount_adapters.tls.files import ContextRecipe

__all__ = ["RenewedContext"]

LOG: Final = structlog.get_logger()

_Signature = tuple[tuple[int, int, int] | None, ...]


class RenewedContext(ssl.SSLContext):
    """Hands every new connection to a context made of the files as they are now.

    It is itself an ``SSLContext`` so that it goes wherever one is asked for (pynetdicom, httpx, uvicorn), but holds
    no certificate: each ``wrap_socket`` and ``wrap_bio`` is done by the latest context that could be made. Each of
    these is new, so nothing of an older one, neither a trusted authority nor a session, outlives its files. Files that
    make no sound context are told once, with a code, and the context before them stays in use.
    """

    def __new__(cls, recipe: ContextRecipe, name: str) -> Self:
        """Make the shell; see ``__init__``."""
        del name
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER if recipe.server_side else ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, recipe: ContextRecipe, name: str) -> None:
        """Read the files for the first time.

        Args:
            recipe: the files, and what to make of them.
            name: of what it secures, for the log.

        Raises:
            SettingsError: the files make no context.
        """
        self._recipe, self._name = recipe, name
        self._renewing = threading.Lock()
        self._alpn: tuple[str, ...] = ()
        self._seen = self._signature()
        self._latest = recipe.context()

    @property
    def latest(self) -> ssl.SSLContext:
        """The context in force, made anew where the files have changed."""
        self.renew()
        return self._latest

    def renew(self) -> bool:
        """Look at the files, and read them where they changed; whether that gave a new context."""
        with self._renewing:
            found = self._signature()
            if found == self._seen:
                return False
            self._seen = found
            return self._read_anew()

    def _read_anew(self) -> bool:
        try:
            made = self._recipe.context()
            self._require_current()
        except SettingsError as error:
            LOG.error("tls.not_renewed", secures=self._name, code=error.code, message=error.message)  # noqa: TRY400
            return False
        if self._alpn:
            made.set_alpn_protocols(self._alpn)
        self._latest = made
        LOG.info("tls.renewed", secures=self._name)
        return True

    def _require_current(self) -> None:
        """Not instead of one that is still valid."""
        expired = self.expiring(datetime.now(UTC), within_days=0)
        if expired:
            raise SettingsError("tls-certificate-expired", f"{expired[0].file}: {expired[0].subject} has expired.")

    def certificates(self) -> tuple[CertificateFacts, ...]:
        """What its files hold.

        Raises:
            SettingsError: one of them cannot be read now.
        """
        return tuple(facts for file in self._recipe.certificate_files for facts in read_certificates(file))

    def expiring(self, now: datetime, within_days: int) -> tuple[CertificateFacts, ...]:
        """Those that expire within so many days, or have expired.

        Raises:
            SettingsError: a file cannot be read now.
        """
        return tuple(facts for facts in self.certificates() if facts.days_left(now) < within_days)

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """Application protocols to offer; some clients set them before every connection."""
        self._alpn = tuple(alpn_protocols)
        self._latest.set_alpn_protocols(self._alpn)

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:  # noqa: ANN401 - as the base class has it
        """See the base class."""
        return self.latest.wrap_socket(*args, **kwargs)

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:  # noqa: ANN401 - as the base class has it
        """See the base class."""
        return self.latest.wrap_bio(*args, **kwargs)

    def _signature(self) -> _Signature:
        return tuple(_stamp(file) for file in self._recipe.files)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    """What changes when a file is replaced, written or given other permissions, or a link to it is turned."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ctime_ns, found.st_size, found.st_ino
