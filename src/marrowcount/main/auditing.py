"""The audit trail of a node: made from the settings, handed on by a service, told of what is sent."""

from __future__ import annotations

import os
import re
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from marrowcount.errors import DeliveryHeldError, MarrowcountError
from marrowcount.main.securing import audit_context, watched
from marrowcount.ports import Destination
from marrowcount.ports.audit import Audit, AuditOutcome, Party
from marrowcount.workflow.auditing import AuditTrail
from marrowcount_adapters.audit import (
    AuditFile,
    AuditSender,
    AuditSource,
    PatientDetail,
    Spool,
    SpooledAudit,
    SyslogHeader,
    TlsSyslog,
    UdpSyslog,
)
from marrowcount_adapters.schedule import Tick, ticking
from marrowcount_adapters.wsi.subject import read_subject

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from marrowcount.main.parts import Announced, Parts
    from marrowcount.ports import Clock, TakenFile
    from marrowcount.ports.audit import AuditEvent
    from marrowcount.settings import Settings
    from marrowcount_adapters.audit import Transport
    from marrowcount_adapters.tls import RenewedContext

__all__ = ["AuditedDestination", "audit_service", "audit_trail", "node_party"]

MIB: Final = 2**20
SEND_EVERY_S: Final = 1.0
ALERTS_EVERY_S: Final = 60.0


def audit_trail(settings: Settings, clock: Clock) -> AuditTrail:
    """What the node's services tell; puts messages into the spool, and needs no other process for that."""
    return AuditTrail(_audit(settings), clock, node_party(settings), read_subject)


def node_party(settings: Settings) -> Party:
    """The node as it appears in messages."""
    return Party(settings.node.ae_title, _host())


@contextmanager
def audit_service(parts: Parts) -> Generator[Announced]:
    """Say that the node works, hand messages on, say that it ends; what then waits is handed on at the next start.

    Raises:
        SettingsError: the TLS files make no context.
    """
    settings = parts.settings
    if settings.audit.to == "off":
        yield {}
        return
    context = audit_context(settings)
    sender = AuditSender(_spool(settings), _transport(settings, context))
    send = Tick("audit", SEND_EVERY_S, sender.step)
    alerts = Tick("audit-alerts", ALERTS_EVERY_S, parts.trail.repeated_alerts)
    parts.trail.activity(started=True)
    with watched(context, "audit", settings.tls.warn_days), ticking(send, alerts):
        yield {}
    parts.trail.activity(started=False)
    sender.step()


@dataclass(frozen=True, slots=True)
class _Unaudited(Audit):
    """The settings want no audit."""

    def record(self, event: AuditEvent) -> None:
        """Take an event down, not."""


def _audit(settings: Settings) -> Audit:
    if settings.audit.to == "off":
        return _Unaudited()
    source = AuditSource(
        source_id=settings.audit.source_id or settings.node.ae_title,
        site_id=settings.audit.site_id,
        ae_title=settings.node.ae_title,
        host=_host(),
        process_id=os.getpid(),
        patient=PatientDetail(settings.audit.patient),
    )
    return SpooledAudit(_spool(settings), source)


def _spool(settings: Settings) -> Spool:
    return Spool(_folder(settings) / "spool", int(settings.audit.spool_mib * MIB))


def _folder(settings: Settings) -> Path:
    return settings.node.data_folder / "audit"


def _transport(settings: Settings, context: RenewedContext | None) -> Transport:
    section = settings.audit
    header = SyslogHeader(_host(), "marrowcount", os.getpid())
    if context is not None:
        return TlsSyslog(section.host, section.port, context, header, confirmed=section.confirm)
    if section.to == "syslog-udp":
        return UdpSyslog(section.host, section.port, header)
    return AuditFile(_folder(settings) / "audit.xml", int(section.rotate_mib * MIB))


def _host() -> str:
    """The machine's name as RFC 5424 allows one: printable ASCII without spaces."""
    return re.sub(r"[^\x21-\x7e]", "-", socket.gethostname()) or "-"


@dataclass(frozen=True, slots=True)
class AuditedDestination(Destination):
    """A destination of which each attempt to send is audited.

    Attributes:
        inner: that sends.
        tell: :meth:`AuditTrail.sent` or :meth:`AuditTrail.exported`.
        receiver: whom it sends to.
    """

    inner: Destination
    tell: Callable[[Party, Sequence[Path], AuditOutcome, str], None]
    receiver: Party

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self.inner.name

    def check(self) -> str:
        """See the inner one."""
        return self.inner.check()

    def ask_commitment(self, instances: Sequence[TakenFile]) -> str:
        """See the inner one."""
        return self.inner.ask_commitment(instances)

    def send(self, files: Sequence[Path], taken: Callable[[Path, TakenFile], None]) -> None:
        """See the inner one; what was taken and what was not is told apart."""
        arrived: list[Path] = []

        def note(file: Path, one: TakenFile) -> None:
            arrived.append(file)
            taken(file, one)

        try:
            self.inner.send(files, note)
        except DeliveryHeldError:
            raise  # nothing was given out
        except MarrowcountError as error:
            outcome = AuditOutcome.MINOR_FAILURE if error.retryable else AuditOutcome.SERIOUS_FAILURE
            self._tell([file for file in files if file not in arrived], outcome, error.code)
            raise
        finally:
            self._tell(arrived, AuditOutcome.SUCCESS, "")

    def _tell(self, files: Sequence[Path], outcome: AuditOutcome, detail: str) -> None:
        """By the result's DICOM files: what else is sent about a slide lies beside them."""
        told = {file for sent in files for file in ([sent] if sent.suffix == ".dcm" else sent.parent.glob("*.dcm"))}
        self.tell(self.receiver, sorted(told), outcome, detail)
