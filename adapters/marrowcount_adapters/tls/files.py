"""From PEM files to contexts; every fault of a file is told by its name and a code."""

from __future__ import annotations

import ssl
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from marrowcount.errors import SettingsError
from marrowcount_adapters.tls.certificates import read_certificates
from marrowcount_adapters.tls.profile import harden

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ClientTls", "ContextRecipe", "Identity", "ServerTls"]

OTHERS_MAY: Final = stat.S_IRWXO | stat.S_IWGRP
"""Permissions that a private key must not give: anything to everybody, or writing to its group."""


class ContextRecipe(Protocol):
    """Files that a context is made of."""

    @property
    def server_side(self) -> bool:
        """Whether the context answers handshakes instead of beginning them."""
        ...

    @property
    def files(self) -> tuple[Path, ...]:
        """What it is made of, to be watched for changes."""
        ...

    @property
    def certificate_files(self) -> tuple[Path, ...]:
        """Those of them that hold certificates, which expire."""
        ...

    def context(self) -> ssl.SSLContext:
        """Read the files.

        Raises:
            SettingsError: one of them is not what it should be.
        """
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """By what the node shows who it is.

    Attributes:
        certificate: PEM; the node's own first, then those of the authorities between it and the root.
        key: PEM; readable to the node alone, or to its group as well.
        key_password: file that holds the key's password; None for a key without.
    """

    certificate: Path
    key: Path
    key_password: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """What it is made of."""
        return tuple(file for file in (self.certificate, self.key, self.key_password) if file is not None)

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let a context show it.

        Raises:
            SettingsError: ``tls-file-unreadable``, ``tls-bad-certificate``, ``tls-key-exposed`` or ``tls-bad-key``.
        """
        read_certificates(self.certificate)
        _require_private(self.key)
        try:
            # Always a password: without one OpenSSL would stop and ask at the terminal.
            context.load_cert_chain(self.certificate, self.key, password=self._password)
        except (ssl.SSLError, ValueError) as error:
            message = (
                f"{self.key} is no private key in PEM form, does not fit {self.certificate}, or its password is wrong."
            )
            raise SettingsError("tls-bad-key", message) from error
        except OSError as error:
            raise SettingsError("tls-file-unreadable", f"{self.key}: {error.strerror}.") from error

    def _password(self) -> bytes:
        if self.key_password is None:
            return b""
        _require_private(self.key_password)
        return _read(self.key_password).strip()


@dataclass(frozen=True, slots=True)
class ServerTls(ContextRecipe):
    """How the node answers handshakes.

    Attributes:
        authorities: PEM file of those who sign callers' certificates; None asks callers for none.
        revocations: PEM file of their revocation lists; None for none.
        require_certificate: whether a caller without a certificate stays outside.
    """

    identity: Identity
    authorities: Path | None = None
    revocations: Path | None = None
    require_certificate: bool = True
    minimum_version: str = "1.2"

    @property
    def server_side(self) -> bool:
        """It answers handshakes."""
        return True

    @property
    def files(self) -> tuple[Path, ...]:
        """What it is made of, to be watched for changes."""
        return (*self.identity.files, *_given(self.authorities, self.revocations))

    @property
    def certificate_files(self) -> tuple[Path, ...]:
        """Those of them that hold certificates, which expire."""
        return (self.identity.certificate, *_given(self.authorities))

    def context(self) -> ssl.SSLContext:
        """Read the files.

        Raises:
            SettingsError: as :meth:`Identity.load_into`, or ``tls-bad-authorities``.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        harden(context, self.minimum_version)
        self.identity.load_into(context)
        if self.authorities is not None:
            _trust(context, self.authorities, self.revocations)
            context.verify_mode = ssl.CERT_REQUIRED if self.require_certificate else ssl.CERT_OPTIONAL
        return context


@dataclass(frozen=True, slots=True)
class ClientTls(ContextRecipe):
    """How the node begins handshakes.

    Attributes:
        identity: what it shows when it is asked; None for nothing.
        authorities: PEM file of those who sign the peer's certificate; None for those that the system trusts.
        revocations: PEM file of their revocation lists; None for none.
        check_host: whether the certificate must name the host that was called.
    """

    identity: Identity | None = None
    authorities: Path | None = None
    revocations: Path | None = None
    check_host: bool = True
    minimum_version: str = "1.2"

    @property
    def server_side(self) -> bool:
        """It begins handshakes."""
        return False

    @property
    def files(self) -> tuple[Path, ...]:
        """What it is made of, to be watched for changes."""
        own = self.identity.files if self.identity else ()
        return (*own, *_given(self.authorities, self.revocations))

    @property
    def certificate_files(self) -> tuple[Path, ...]:
        """Those of them that hold certificates, which expire."""
        own = (self.identity.certificate,) if self.identity else ()
        return (*own, *_given(self.authorities))

    def context(self) -> ssl.SSLContext:
        """Read the files.

        Raises:
            SettingsError: as :meth:`Identity.load_into`, or ``tls-bad-authorities``.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # demands a certificate, and that it names the host
        harden(context, self.minimum_version)
        context.check_hostname = self.check_host
        if self.authorities is None:
            context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        else:
            _trust(context, self.authorities, self.revocations)
        if self.identity is not None:
            self.identity.load_into(context)
        return context


def _given(*files: Path | None) -> tuple[Path, ...]:
    return tuple(file for file in files if file is not None)


def _trust(context: ssl.SSLContext, authorities: Path, revocations: Path | None) -> None:
    read_certificates(authorities)
    _load(context, authorities)
    if revocations is not None:
        _load(context, revocations)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def _load(context: ssl.SSLContext, file: Path) -> None:
    try:
        context.load_verify_locations(file)
    except ssl.SSLError as error:
        message = f"{file} holds neither certificates of authorities nor revocation lists in PEM form."
        raise SettingsError("tls-bad-authorities", message) from error
    except OSError as error:
        raise SettingsError("tls-file-unreadable", f"{file}: {error.strerror}.") from error


def _require_private(file: Path) -> None:
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise SettingsError("tls-file-unreadable", f"{file}: {error.strerror}.") from error
    if mode & OTHERS_MAY:
        message = (
            f"{file} is open to others (mode {stat.S_IMODE(mode):04o}): chmod 600 it, or 640 for a group of its own."
        )
        raise SettingsError("tls-key-exposed", message)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError("tls-file-unreadable", f"{file}: {error.strerror}.") from error
