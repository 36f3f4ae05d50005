"""The configured destinations, ready to send."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from marrowcount.main.auditing import AuditedDestination
from marrowcount.main.securing import ehr_context, pacs_context
from marrowcount.ports import DeliveryKind, DeliveryOrder
from marrowcount.ports.audit import Party
from marrowcount_adapters.dimse import Calling, DicomDestination, OnCommitment, Peer
from marrowcount_adapters.fhir_client import FhirDestination

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marrowcount.ports import Destination
    from marrowcount.settings import EhrSection, PacsSection, Settings
    from marrowcount.workflow.auditing import AuditTrail

__all__ = ["destinations_of", "ehr_destination", "orders_of", "pacs_destination"]


def destinations_of(
    settings: Settings, trail: AuditTrail, on_commitment: OnCommitment | None = None
) -> Mapping[str, Destination]:
    """Every destination by its name.

    Args:
        settings: that name them.
        trail: told of every attempt to send.
        on_commitment: told of reports that come while commitment is asked for.
    """
    pacs: dict[str, Destination] = {
        section.name: AuditedDestination(
            pacs_destination(section, settings, on_commitment), trail.sent, Party(section.ae_title, section.host)
        )
        for section in settings.pacs
    }
    ehr: dict[str, Destination] = {
        section.name: AuditedDestination(ehr_destination(section, settings), trail.exported, Party(section.base_url))
        for section in settings.ehr
    }
    return MappingProxyType(pacs | ehr)


def pacs_destination(
    section: PacsSection, settings: Settings, on_commitment: OnCommitment | None = None
) -> DicomDestination:
    """A PACS by C-STORE."""
    peer = Peer(section.ae_title, section.host, section.port)
    calling = Calling(settings.node.ae_title, tls=pacs_context(section, settings))
    return DicomDestination(section.name, peer, calling, commit=section.commitment, on_commitment=on_commitment)


def ehr_destination(section: EhrSection, settings: Settings) -> FhirDestination:
    """An EHR by FHIR transaction."""
    return FhirDestination(
        section.name, section.base_url, section.bearer_token_file, section.timeout_s, ehr_context(section, settings)
    )


def orders_of(settings: Settings, dicom_files: Sequence[str], fhir_file: str) -> tuple[DeliveryOrder, ...]:
    """What a result owes: its DICOM files to every PACS, its bundle to every EHR."""
    to_pacs = (DeliveryOrder(DeliveryKind.DICOM, section.name, tuple(dicom_files)) for section in settings.pacs)
    to_ehr = (DeliveryOrder(DeliveryKind.FHIR, section.name, (fhir_file,)) for section in settings.ehr)
    return (*to_pacs, *to_ehr)
