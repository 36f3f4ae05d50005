"""Who may call the node, for what, and how it must show who it is."""

from __future__ import annotations

from marrowcount.settings.kinds import Address, CallingAeTitle, CertificateName, Section
from marrowcount.workflow.access import Service

__all__ = ["CallerSection"]


class CallerSection(Section):
    """One who may call. Every condition of a table must hold; what several fitting tables allow adds up."""

    ae_title: CallingAeTitle
    """Its calling AE title; ``*`` for any."""
    addresses: tuple[Address, ...] = ()
    """It must call from one of these IP addresses or networks (10.1.2.0/24). Empty: from anywhere."""
    certificates: tuple[CertificateName, ...] = ()
    """Its TLS certificate, signed by ``tls.authorities``, must bear one of these: ``cn:``, ``o:``, ``ou:``,
    ``serial:`` of the subject, ``dns:``, ``ip:``, ``uri:``, ``email:`` of the alternative names, or ``sha256:`` and
    the fingerprint. Empty: no certificate is needed."""
    services: tuple[Service, ...] = tuple(Service)
    """What it may ask for beside C-ECHO; presentation contexts of other services are refused one by one."""
