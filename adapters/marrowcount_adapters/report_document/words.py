"""What the report says in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount import __version__
from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.concepts import STOPPING_REASONS
from marrowcount.result import RESEARCH_USE_ONLY, ModelTask
from marrowcount.review import ReportStatus
from marrowcount.review.words import changes, comments, status_sentence
from marrowcount.slides.gallery import FIELD_UM, LARGE_CLASSES, LARGE_FIELD_UM
from marrowcount.workflow.identity import PRODUCT, published_ratio

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from marrowcount.result import CountResult, ModelIdentity
    from marrowcount.review import Report

__all__ = ["CREATOR", "NOTES", "caution", "field_note", "identifiers", "key_figures", "model_lines", "said_by_persons"]

CREATOR: Final = f"{PRODUCT} {__version__}"

NOTES: Final = (
    "Percentages are of the differential. Intervals and whiskers: exact 95 % binomial, sampling error only; they do "
    "not know of misclassified cells. The blast class is not lineage-specific; all blasts are counted as myeloid in "
    "the ratios."
)

HASH_DIGITS: Final = 12
UNKNOWN: Final = "not given"

TASKS: Final = {ModelTask.ROI: "Tiles fit for cytology", ModelTask.CELLS: "Cells"}


def caution(report: Report) -> str:
    """How far the page may be relied upon."""
    if report.status is ReportStatus.PRELIMINARY:
        return f"PRELIMINARY. {RESEARCH_USE_ONLY} Counted by software, not verified by a person."
    return f"{str(report.status).replace('-', ' ').upper()}. {RESEARCH_USE_ONLY} Who answers for it: see below."


def said_by_persons(report: Report) -> Sequence[str]:
    """Who signed, what they changed, and what they added."""
    return [status_sentence(report), *changes(report), *comments(report)] if report.signatures else []


def identifiers(result: CountResult) -> tuple[tuple[str, str], ...]:
    """Whose slide it is, as its DICOM header says."""
    context = result.context
    specimen = context.specimen
    acquired = f"{context.acquired:%Y-%m-%d %H:%M %Z}".strip() if context.acquired else ""
    zone = context.acquired.tzinfo if context.acquired else None
    counted_at = result.counted_at.astimezone(zone or result.counted_at.tzinfo)
    said = (
        ("Patient ID", _issued(context.patient_id, context.patient_id_issuer)),
        ("Accession number", _issued(context.accession_number, context.accession_issuer)),
        ("Slide scanned", acquired),
        ("Slide (container)", _issued(specimen.container_identifier, specimen.container_issuer)),
        ("Specimen", specimen.specimen_identifier),
        ("Counted", f"{counted_at:%Y-%m-%d %H:%M %Z}"),
    )
    return tuple((name, value or UNKNOWN) for name, value in said)


def _issued(identifier: str, issuer: str) -> str:
    return f"{identifier} ({issuer})" if identifier and issuer else identifier


def key_figures(report: Report) -> tuple[tuple[str, str], ...]:
    """The figures beside the differential."""
    result = report.result
    differential, stopping = report.differential or result.differential, result.stopping
    distance = "undefined" if stopping.distance is None else f"{stopping.distance:.2g}"
    return (
        ("M:E ratio (ICSH 2008)", _ratio(differential.me_ratio)),
        ("M:E ratio (BMME, Tayebi 2022)", _ratio(differential.bmme)),
        ("Cells in the differential", f"{differential.total:,}"),
        ("Tiles counted, of those looked at", f"{result.tiles_counted:,} of {result.tiles_looked_at:,}"),
        ("Chi-square distance of the last tile", distance),
        ("Why the count ended", STOPPING_REASONS[stopping.reason].meaning),
        ("Rule for ending it", stopping.rule),
    )


def _ratio(ratio: float | None) -> str:
    published = published_ratio(ratio)
    return "undefined, no erythroblast" if published is None else f"{published}"


def model_lines(result: CountResult) -> Iterator[str]:
    """Software, models and slide, so that the count can be repeated."""
    for model in result.models:
        yield _model(model)
    yield (
        f"{CREATOR}. Series {result.context.series_uid}. Base level {result.size.width:,} x {result.size.height:,} px "
        f"at {result.spacing.um_per_px:.4g} µm per pixel."
    )


def _model(model: ModelIdentity) -> str:
    return (
        f"{TASKS[model.task]}: {model.name} {model.version}, SHA-256 {model.sha256[:HASH_DIGITS]}..., counts from "
        f"probability {model.threshold:g}. Training data: {model.training_data}"
    )


def field_note() -> str:
    """How much of the slide a picture of the gallery shows."""
    large = ", ".join(cell_type.label for cell_type in CellType if cell_type in LARGE_CLASSES)
    return (
        f"Each picture shows {FIELD_UM:g} µm of the slide ({large}: {LARGE_FIELD_UM:g} µm); below it the probability. "
        "A class without a row was not found."
    )
