"""The configured destinations, ready to send."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from marrowcount.main.auditing import AuditedDestination
from marrowcount.main.ehr_access import smart_auth
from marrowcount.main.fhir_forms import written_for
from marrowcount.main.hl7_messages import hl7_destination, hl7_file
from marrowcount.main.result_files import FHIR_FILE, MODALITIES, dicom_files_in
from marrowcount.main.securing import ehr_context, pacs_context, stow_context
from marrowcount.ports import DeliveryKind
from marrowcount.ports.audit import Party
from marrowcount.workflow.routing import Origin, ResultFile, Route, orders
from marrowcount_adapters.dicomweb_client import StowDestination
from marrowcount_adapters.dimse import Calling, DicomDestination, OnCommitment, Peer
from marrowcount_adapters.fhir_client import FhirDestination, Way, subject_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from marrowcount.ports import DeliveryOrder, Destination
    from marrowcount.settings import EhrSection, PacsSection, Settings, StowSection
    from marrowcount.workflow.auditing import AuditTrail

__all__ = [
    "destinations_of",
    "ehr_destination",
    "orders_of_folder",
    "pacs_destination",
    "routes_of",
    "stow_destination",
]


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


def orders_of_folder(
    settings: Settings, place: str, origin: Origin, *, messages: bool = True
) -> tuple[DeliveryOrder, ...]:
    """What a version of a report owes to whom.

    Args:
        settings: that name the destinations, and where results lie.
        place: folder of the version with its files, below that of all results.
        origin: of the slide.
        messages: whether health records are told.
    """
    folder = settings.results_folder / place
    by_dicom = frozenset({DeliveryKind.DICOM, DeliveryKind.STOW})
    files = [ResultFile(f"{place}/{name}", by_dicom, MODALITIES[name]) for name in dicom_files_in(folder)]
    if messages:
        files += [each for each in _messages(settings, place) if (settings.results_folder / each.path).is_file()]
    subject = subject_of(folder / FHIR_FILE) if messages and (folder / FHIR_FILE).is_file() else ""
    each_version = {section.name for section in settings.ehr if section.needs_each_version}
    return tuple(
        order
        if order.kind.is_of_instances
        else replace(order, subject=subject, skippable=order.destination not in each_version)
        for order in orders(files, origin, routes_of(settings))
    )


def _messages(settings: Settings, place: str) -> Iterator[ResultFile]:
    """Each with the health record, or the receiver, that it is written for."""
    yield from written_for(settings, f"{place}/{FHIR_FILE}")
    for each in settings.hl7:
        yield ResultFile(f"{place}/{hl7_file(each.name)}", frozenset({DeliveryKind.HL7V2}), destination=each.name)
