"""A phantom slide as a DICOM series, and its truth as JSON."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from marrowcount.errors import StorageError
from marrowcount_adapters.wsm_writer.header import Patient, SlideHeader
from marrowcount_adapters.wsm_writer.series import write_series

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from marrowcount.phantom import PhantomSlide

__all__ = ["phantom_header", "write_phantom", "write_truth"]

SPACING_UM: Final = 0.25
FIRST_DAY: Final = datetime(2025, 1, 6, 8, 0, tzinfo=UTC)
FIRST_BIRTH: Final = date(1938, 3, 1)
BIRTHS_APART_DAYS: Final = 263
PATIENTS: Final = 90
"""Birth dates repeat after so many seeds."""


def phantom_header(slide: PhantomSlide) -> SlideHeader:
    """Invented but plausible facts, all following from profile, seed and size."""
    number = f"{slide.profile.upper()}-{slide.seed:05d}"
    patient = Patient(
        name=f"Phantom^{slide.profile.capitalize()}",
        identifier=f"PHANTOM-{number}",
        issuer="Phantom Hospital",
        issuer_uri="urn:oid:2.999.1.1",
        birth_date=FIRST_BIRTH + timedelta(days=BIRTHS_APART_DAYS * (slide.seed % PATIENTS)),
        sex="FM"[slide.seed % 2],
    )
    acquired = FIRST_DAY + timedelta(days=slide.seed % 365, minutes=7 * (slide.seed % 60))
    return SlideHeader(
        identity=f"phantom/{slide.profile}/{slide.seed}/{slide.size.width}x{slide.size.height}",
        patient=patient,
        accession_number=f"A{slide.profile[:3].upper()}{slide.seed:05d}",
        accession_issuer="PHANTOM-LIS",
        study_description="Bone marrow cytology",
        acquired=acquired,
        container_identifier=f"S-{number}-1",
        container_issuer="PHANTOM-LIS",
        specimen_identifier=f"S-{number}",
        label_text=(patient.name.replace("^", ", "), patient.identifier, "BM aspirate  MGG", f"{acquired:%Y-%m-%d}"),
        spacing_mm=SPACING_UM / 1000,
    )


def write_phantom(
    slide: PhantomSlide, folder: Path, *, progress: Callable[[float], None] | None = None
) -> Sequence[Path]:
    """Write a phantom as a scanner would; the files, base level first.

    Raises:
        StorageError: the folder cannot be written to.
    """
    return write_series(slide, phantom_header(slide), folder, progress=progress)


def write_truth(slide: PhantomSlide, path: Path) -> None:
    """Write what is truly on the slide, which is named: every object's box, every tile's fitness, the NDC.

    Raises:
        StorageError: the file cannot be written.
    """
    truth = {
        "profile": slide.profile,
        "seed": slide.seed,
        "series_uid": phantom_header(slide).uid("series"),
        "size": {"width": slide.size.width, "height": slide.size.height},
        "spacing_um": SPACING_UM,
        "ndc": {cell_type.label: percent for cell_type, percent in slide.ndc.items()},
        "tiles": [{"left": place.tile.left, "top": place.tile.top, "roi": place.roi} for place in slide.tiles],
        "objects": [
            {"class": thing.cell_type.label, "box": [thing.box.left, thing.box.top, thing.box.right, thing.box.bottom]}
            for thing in slide.objects
        ],
    }
    try:
        path.write_text(json.dumps(truth, separators=(",", ":")) + "\n", encoding="utf-8")
    except OSError as error:
        raise StorageError("cannot-write", f"the truth could not be written: {error.strerror}") from error
