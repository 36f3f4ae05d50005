"""The configured destinations, ready to send."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from marrowcount.main.auditing import AuditedDestination
from marrowcount.main.ehr_access import smart_auth
from marrowcount.main.fhir_forms import written_for
from marrowcount.main.hl7_messages import hl7_destination
from marrowcount.main.securing import ehr_context, pacs_context, stow_context
from marrowcount.ports import DeliveryKind
from marrowcount.ports.audit import Party
from marrowcount.workflow.routing import Origin, ResultFile, Route, orders
from marrowcount_adapters.dicomweb_client import StowDestination
from marrowcount_adapters.dimse import Calling, DicomDestination, OnCommitment, Peer
from marrowcount_adapters.fhir_client import FhirDestination, Way, subject_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marrowcount.ports import DeliveryOrder, Destination
    from marrowcount.settings import EhrSection, PacsSection, Settings, StowSection
    from marrowcount.workflow.auditing import AuditTrail

__all__ = ["destinations_of", "ehr_destination", "orders_of", "pacs_destination", "routes_of", "stow_destination"]


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
    stow: dict[str, Destination] = {
        section.name: AuditedDestination(stow_destination(section, settings), trail.sent, Party(section.url))
        for section in settings.stow
    }
    hl7: dict[str, Destination] = {
        section.name: AuditedDestination(
            hl7_destination(section, settings), trail.exported, Party(f"mllp://{section.host}:{section.port}")
        )
        for section in settings.hl7
    }
    return MappingProxyType(pacs | stow | ehr | hl7)


def pacs_destination(
    section: PacsSection, settings: Settings, on_commitment: OnCommitment | None = None
) -> DicomDestination:
    """A PACS by C-STORE."""
    peer = Peer(section.ae_title, section.host, section.port)
    calling = Calling(settings.node.ae_title, tls=pacs_context(section, settings))
    return DicomDestination(section.name, peer, calling, commit=section.commitment, on_commitment=on_commitment)


def ehr_destination(section: EhrSection, settings: Settings) -> FhirDestination:
    """An EHR by FHIR."""
    return FhirDestination(
        section.name,
        section.base_url,
        section.bearer_token_file,
        section.timeout_s,
        ehr_context(section, settings),
        smart_auth(section, settings),
        look_up_patient=section.look_up_patient,
        ways=frozenset(Way if section.writes == "auto" else {Way(section.writes)}),
        release="5" if section.projection == "r5-graph" else "4",
    )


def stow_destination(section: StowSection, settings: Settings) -> StowDestination:
    """A DICOMweb server by STOW-RS."""
    return StowDestination(
        section.name, section.url, section.bearer_token_file, section.timeout_s, stow_context(section, settings)
    )


def routes_of(settings: Settings) -> tuple[Route, ...]:
    """Every destination with its rule."""
    return (
        *map(_pacs_route, settings.pacs),
        *(
            Route(DeliveryKind.STOW, each.name, frozenset(each.modalities), each.senders, each.institutions)
            for each in settings.stow
        ),
        *(
            Route(DeliveryKind.FHIR, each.name, senders=each.senders, institutions=each.institutions)
            for each in settings.ehr
        ),
        *(
            Route(DeliveryKind.HL7V2, each.name, senders=each.senders, institutions=each.institutions)
            for each in settings.hl7
        ),
    )


def _pacs_route(pacs: PacsSection) -> Route:
    own = pacs.ae_title if pacs.back_to_sender else ""
    return Route(DeliveryKind.DICOM, pacs.name, frozenset(pacs.modalities), pacs.senders, pacs.institutions, own)


def orders_of(
    settings: Settings,
    dicom_files: Mapping[str, str],
    fhir_file: str,
    origin: Origin,
    hl7_files: Mapping[str, str] = MappingProxyType({}),
) -> tuple[DeliveryOrder, ...]:
    """What a result owes to whom.

    Args:
        settings: that name the destinations.
        dicom_files: each with its modality, in the order of sending.
        fhir_file: the bundle in its usual form; empty where there is none.
        origin: of the slide.
        hl7_files: each with the name of the destination that it was written for.
    """
    by_dicom = frozenset({DeliveryKind.DICOM, DeliveryKind.STOW})
    files = [ResultFile(path, by_dicom, modality) for path, modality in dicom_files.items()]
    bundles = written_for(settings, fhir_file) if fhir_file else ()
    by_mllp = frozenset({DeliveryKind.HL7V2})
    messages = [ResultFile(path, by_mllp, destination=name) for path, name in hl7_files.items()]
    subject = subject_of(settings.results_folder / fhir_file) if fhir_file else ""
    each_version = {section.name for section in settings.ehr if section.needs_each_version}
    return tuple(
        order
        if order.kind in by_dicom
        else replace(order, subject=subject, skippable=order.destination not in each_version)
        for order in orders([*files, *bundles, *messages], origin, routes_of(settings))
    )
