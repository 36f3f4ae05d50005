"""A version of a report as a message ORU^R01 (HL7 2.5.1, 7.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from marrowcount.cytology.cell_types import Code, Grade
from marrowcount.cytology.concepts import BONE_MARROW, BONE_MARROW_ASPIRATE, DIFFERENTIAL_PANEL
from marrowcount.errors import DeliveryHeldError, DeliveryRefusedError
from marrowcount.review import Uncounted
from marrowcount.review.words import remarks
from marrowcount.workflow.identity import PRODUCT
from marrowcount_adapters.hl7v2 import datatypes
from marrowcount_adapters.hl7v2.er7 import CR, ENCODING_CHARACTERS, components, formatted, repetitions, segment, text
from marrowcount_adapters.hl7v2.numbers import accession, equipment, filler_number
from marrowcount_adapters.hl7v2.observations import observations_of
from marrowcount_adapters.hl7v2.ready import UNRESOLVED, ready
from marrowcount_adapters.hl7v2.settings import AccessionAs, Acknowledgement, Authority
from marrowcount_adapters.hl7v2.statuses import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from marrowcount.review import Report
    from marrowcount_adapters.hl7v2.observations import Observation
    from marrowcount_adapters.hl7v2.settings import Hl7Settings

__all__ = ["encode_oru", "kept_oru"]

VERSION: Final = "2.5.1"
MARROW: Final = Code("MAR", "HL70487", "Marrow", Grade.A)


def encode_oru(report: Report, settings: Hl7Settings, document: bytes | None = None) -> bytes:
    """The message as it goes over the wire, without its frame.

    Args:
        report: one version of what is said of a slide.
        settings: of the receiver.
        document: the report as PDF; None where there is none.

    Raises:
        DeliveryHeldError: see :func:`ready`.
        DeliveryRefusedError: see :func:`ready`; or ``waits-for-a-person``, a machine's count of a slide whose report a
            person answers for.
    """
    return ready(_draft(report, settings, document), settings)


def kept_oru(report: Report, settings: Hl7Settings, document: bytes | None = None) -> bytes:
    """The same, or, where it cannot go out as it is, a draft that :func:`ready` may finish once settings allow.

    Raises:
        DeliveryRefusedError: ``waits-for-a-person``.
    """
    draft = _draft(report, settings, document)
    try:
        return ready(draft, settings)
    except (DeliveryHeldError, DeliveryRefusedError):
        return draft


def _draft(report: Report, settings: Hl7Settings, document: bytes | None) -> bytes:
    """In UTF-8, with the patient's issuer as the header names it, and without a message number."""
    if report.is_held:
        raise DeliveryRefusedError(
            "waits-for-a-person", "a person answers for the slide's report: verify the new count, or keep the report"
        )
    segments = (_header(report, settings), *_patient(report), *_order(report, settings))
    figures = _figures(report, settings, observations_of(report, settings, document))
    return "".join(f"{each}{CR}" for each in (*segments, *figures, _specimen(report, settings))).encode()


def _header(report: Report, settings: Hl7Settings) -> str:
    enhanced = settings.acknowledgement is Acknowledgement.ENHANCED
    return segment(
        "MSH",
        {
            2: ENCODING_CHARACTERS,
            3: datatypes.party(settings.sending_application),
            4: datatypes.party(settings.sending_facility),
            5: datatypes.party(settings.receiving_application),
            6: datatypes.party(settings.receiving_facility),
            7: _time(report.issued, settings),
            9: components("ORU", "R01", "ORU_R01"),
            11: settings.processing_id,
            12: VERSION,
            15: "AL" if enhanced else "",
            16: "NE" if enhanced else "",
            18: settings.character_set.value,
        },
    )


def _patient(report: Report) -> Iterator[str]:
    context = report.context
    patient = context.patient
    yield segment(
        "PID",
        {
            1: "1",
            3: datatypes.patient_number(context.patient_id, Authority()) if context.patient_id else "",
            5: datatypes.patient_names(patient),
            7: f"{patient.birth_date:%Y%m%d}" if patient.birth_date else "",
            8: patient.sex,
        },
    )
    issuer, system = text(context.patient_id_issuer), text(context.patient_id_system)
    yield segment(UNRESOLVED, {1: str(report.version), 2: issuer, 3: system})
    yield segment("PV1", {1: "1", 2: "U"})


def _order(report: Report, settings: Hl7Settings) -> Iterator[str]:
    placer = accession(report.context, settings) if settings.accession_as is AccessionAs.PLACER else ""
    filler = filler_number(report.context, settings)
    yield segment("ORC", {1: "RE", 2: placer, 3: filler})
    yield segment(
        "OBR",
        {
            1: "1",
            2: placer,
            3: filler,
            4: datatypes.coded(DIFFERENTIAL_PANEL),
            7: _time(report.context.acquired or _analysed(report), settings),
            18: text(report.context.accession_number),
            22: _time(report.issued, settings),
            24: "LAB",
            25: STATUSES[report.status].report,
            32: datatypes.interpreter(report.verifier) if report.verifier else "",
        },
    )
    yield from _comments(remarks(report))


def _figures(report: Report, settings: Hl7Settings, observations: Iterable[Observation]) -> Iterator[str]:
    statuses, acquired = STATUSES[report.status], report.context.acquired
    shared = {
        14: _time(acquired, settings) if acquired else "",
        16: datatypes.observer(report.verifier.by) if report.verifier else "",
        18: repetitions(*(datatypes.entity(each, Authority(PRODUCT.upper())) for each in equipment(report))),
        19: _time(_analysed(report), settings),
        23: text(settings.organisation),
    }
    for place, each in enumerate(observations, start=1):
        own = {
            1: str(place),
            2: each.kind.value,
            3: datatypes.coded(*each.codes),
            4: each.sub_id,
            5: each.value,
            6: datatypes.unit(each.unit) if each.unit and each.value else "",
            11: statuses.figure if each.value else statuses.without,
            17: datatypes.coded(each.method),
        }
        yield segment("OBX", {**shared, **own})
        yield from _comments(each.notes)


def _comments(notes: Iterable[str]) -> Iterator[str]:
    texts = filter(None, map(formatted, notes))
    for place, note in enumerate(texts, start=1):
        yield segment("NTE", {1: str(place), 2: "L", 3: note, 4: "RE"})


def _specimen(report: Report, settings: Hl7Settings) -> str:
    own = report.context.specimen
    issuer = settings.authorities.get(own.container_issuer) or Authority.of_issuer(own.container_issuer)
    return segment(
        "SPM",
        {
            1: "1",
            2: datatypes.specimen_identifier(own.container_identifier, issuer),
            4: datatypes.coded(BONE_MARROW_ASPIRATE, MARROW),
            8: datatypes.coded(BONE_MARROW),
        },
    )


def _analysed(report: Report) -> datetime:
    """When the software looked at the slide."""
    return report.count.judged_at if isinstance(report.count, Uncounted) else report.count.counted_at


def _time(moment: datetime, settings: Hl7Settings) -> str:
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(settings.timezone))
    return datatypes.timestamp(zoned)
