"""Syslog as audit repositories take it (PS3.15 A.6, A.7): RFC 5424 over TLS (RFC 5425) or UDP (RFC 5426)."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from marrowcount.errors import DeliveryRefusedError, PeerError
from marrowcount_adapters.audit.sending import Transport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount_adapters.audit.spool import Spooled

__all__ = ["SyslogHeader", "TlsSyslog", "UdpSyslog"]

SECURITY: Final = 10
"""Facility: security and authorisation messages."""

SEVERITIES: Final = {0: 5, 4: 4, 8: 3, 12: 2}
"""Event Outcome Indicator to severity: notice, warning, error, critical."""

MESSAGE_ID: Final = "DICOM+RFC3881"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""RFC 5424 section 6.4: says that the message is UTF-8."""

REFUSAL_S: Final = 1.5
"""Longer than a server takes to look at a certificate."""

LONGEST_DATAGRAM: Final = 65507
"""Bytes that IPv4 carries in one UDP datagram."""


@dataclass(frozen=True, slots=True)
class SyslogHeader:
    """What stands before each message.

    Attributes:
        host: name of the machine, without spaces.
        application: name of the program.
    """

    host: str
    application: str
    process_id: int

    def line(self, content: bytes, outcome: int, at_s: float) -> bytes:
        """A whole message of RFC 5424."""
        priority = SECURITY * 8 + SEVERITIES.get(outcome, 2)
        at = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        header = f"<{priority}>1 {at} {self.host} {self.application} {self.process_id} {MESSAGE_ID} - "
        return header.encode("ascii", "replace") + BYTE_ORDER_MARK + content


@dataclass(frozen=True, slots=True)
class TlsSyslog(Transport):
    """Syslog over TLS, each message preceded by its length (RFC 5425 section 4.3).

    Syslog has no answers. What tells that a batch has arrived is that the other side, told by close_notify that nothing
    more comes, answers with its own, as RFC 5425 section 4.4 demands: it has then read up to there.

    Attributes:
        context: for a client.
        timeout_s: to connect, to shake hands, to take a batch.
        confirmed: whether a batch is sent again where the other side hangs up without close_notify.
    """

    host: str
    port: int
    context: ssl.SSLContext
    header: SyslogHeader
    timeout_s: float = 15.0
    confirmed: bool = True

    def send(self, messages: Sequence[Spooled]) -> None:
        """Hand a batch on.

        Raises:
            PeerError: ``audit-unreachable``, ``audit-refused`` or ``audit-unconfirmed``; nothing or not all of it may
                have arrived.
        """
        frames = b"".join(_counted(self.header.line(m.content(), m.outcome, m.at_s)) for m in messages)
        try:
            with (
                socket.create_connection((self.host, self.port), self.timeout_s) as plain,
                self.context.wrap_socket(plain, server_hostname=self.host) as secured,
            ):
                self._wait_for_refusal(secured)
                secured.sendall(frames)
                self._close_in_order(secured)
        except (OSError, ValueError) as error:
            raise PeerError("audit-unreachable", f"{self}: {_reason(error)}") from error

    def _wait_for_refusal(self, secured: ssl.SSLSocket) -> None:
        """Give a repository that would have none of our certificate the time to say so.

        In TLS 1.3 a client is through its handshake before the server has looked at its certificate, and rsyslog may
        refuse it by a close_notify, which at the end of a batch would look like its receipt.
        """
        if secured.version() != "TLSv1.3":
            return
        secured.settimeout(REFUSAL_S)
        try:
            if not secured.recv(1):
                raise PeerError(
                    "audit-refused", f"{self}: closed the connection at once; does it know our certificate?"
                )
        except TimeoutError:
            return
        finally:
            secured.settimeout(self.timeout_s)

    def _close_in_order(self, secured: ssl.SSLSocket) -> None:
        """Say that nothing more comes and wait for the other side to say so, too.

        One that leaves the connection open all the same lives, and has what TCP brought it. One that hangs up without
        a word has crashed, or would have none of it, or is sloppy.
        """
        try:
            secured.unwrap().close()
        except TimeoutError:
            return
        except ssl.SSLEOFError:
            if self.confirmed:
                raise PeerError("audit-unconfirmed", f"{self}: hung up without close_notify (RFC 5425 4.4)") from None

    def __str__(self) -> str:
        return f"syslog over TLS at {self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UdpSyslog(Transport):
    """Syslog over UDP: in the clear, and lost where the network loses it; for networks that have nothing better."""

    host: str
    port: int
    header: SyslogHeader

    def send(self, messages: Sequence[Spooled]) -> None:
        """Hand a batch on, a datagram each.

        Raises:
            PeerError: ``audit-unreachable``.
            DeliveryRefusedError: ``audit-too-long``, a message fits no datagram.
        """
        lines = [self.header.line(message.content(), message.outcome, message.at_s) for message in messages]
        if max(map(len, lines)) > LONGEST_DATAGRAM:
            raise DeliveryRefusedError("audit-too-long", "A message fits no datagram: use syslog over TLS.")
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind, protocol) as out:
                for line in lines:
                    out.sendto(line, address)
        except OSError as error:
            raise PeerError("audit-unreachable", f"{self}: {_reason(error)}") from error

    def __str__(self) -> str:
        return f"syslog over UDP at {self.host}:{self.port}"


def _counted(line: bytes) -> bytes:
    return f"{len(line)} ".encode("ascii") + line


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return getattr(error, "strerror", None) or type(error).__name__
