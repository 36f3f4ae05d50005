"""The DICOM listener as a service of the node."""

from __future__ import annotations

from contextlib import contextmanager
from ipaddress import ip_network
from typing import TYPE_CHECKING

from marrowcount.main.commitments import commitment_roles
from marrowcount.main.giving import asking_policy
from marrowcount.main.securing import server_context, watched
from marrowcount.workflow.access import CallerRule
from marrowcount.workflow.commitment import note_report
from marrowcount.workflow.expecting import notified
from marrowcount_adapters.dimse import Listener, ListenerSettings
from marrowcount_adapters.schedule import ticking
from marrowcount_adapters.ups import event_of_report

if TYPE_CHECKING:
    import ssl
    from collections.abc import Generator

    from marrowcount.main.parts import Announced, Parts
    from marrowcount.ports import WorkitemEvent
    from marrowcount.settings import CallerSection, Settings

__all__ = ["dimse_service", "listener_settings"]


@contextmanager
def dimse_service(parts: Parts) -> Generator[Announced]:
    """Listen for associations.

    Raises:
        SettingsError: ``cannot-listen``.
    """
    node, secured = parts.settings.node, parts.settings.tls
    tls = server_context(secured, "DICOM listener") if secured.dicom_port is not None else None
    roles = commitment_roles(parts)
    listener = Listener(
        listener_settings(parts.settings, tls),
        parts.receiving,
        lambda report: note_report(parts.ledger, parts.clock, report, asking_policy(parts.settings)),
        on_notification=lambda uid, ae_title, available: notified(
            parts.expectations, uid, ae_title, available, parts.clock.now()
        ),
        on_workitem=lambda ae_title, kind, uid, said: _told(parts, ae_title, event_of_report(kind, uid, said)),
        requests=roles.requests,
        watch=parts.trail,
    )
    listener.start()
    try:
        with watched(tls, "dicom", secured.warn_days), ticking(*roles.ticks):
            yield {"ae_title": node.ae_title, "host": node.host, **_ports(listener)}
    finally:
        listener.stop()


def _ports(listener: Listener) -> Announced:
    return {"port": listener.port} | ({"tls_port": listener.tls_port} if listener.tls_port else {})


def _told(parts: Parts, ae_title: str, event: WorkitemEvent | None) -> bool:
    """Pass a worklist's event on; False where it is none, or nobody performs for that worklist."""
    return event is not None and parts.news.tell(ae_title, event)


def listener_settings(settings: Settings, tls: ssl.SSLContext | None = None) -> ListenerSettings:
    """What the listener needs to know."""
    plain_port, tls_port = settings.node.port, settings.tls.dicom_port
    if tls_port is not None and not settings.tls.plain_dicom:
        plain_port, tls_port = tls_port, None
    return ListenerSettings(
        ae_title=settings.node.ae_title,
        host=settings.node.host,
        port=plain_port,
        allowed_callers=frozenset(settings.receive.allowed_callers),
        callers=tuple(_rule(caller) for caller in settings.caller),
        max_associations=settings.receive.max_associations,
        tls=tls,
        tls_port=tls_port,
    )


def _rule(caller: CallerSection) -> CallerRule:
    return CallerRule(
        caller.ae_title,
        tuple(ip_network(address) for address in caller.addresses),
        frozenset(caller.certificates),
        frozenset(caller.services),
    )
