"""A node that holds slides in several states, one of them counted: what the page has to show, made in seconds.

The counted one is a small phantom. Nothing judges it: what is drawn on it is taken for what was found, with
probabilities made up in steps, so that each test knows which box belongs where.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from made_up_result import MODELS
from marrowcount.cytology.convergence import Stopping, StoppingReason
from marrowcount.cytology.differential import differential_of
from marrowcount.cytology.histogram import Histogram
from marrowcount.main.result_folders import RESULT_FILE
from marrowcount.main.result_writing import write_result
from marrowcount.phantom import PhantomSlide
from marrowcount.ports import CountedOutcome, CountProgress, DeliveryKind, DeliveryOrder, RefusedOutcome
from marrowcount.result import CountResult
from marrowcount.review import counted
from marrowcount.slides.detections import Detection, LookedAtTile
from marrowcount.slides.geometry import SizePx, SpacingMm
from marrowcount.workflow.illustrate import illustrate, thumbnail_of
from marrowcount_adapters.wsi.header import read_context, read_header
from marrowcount_adapters.wsi.slide import open_slide
from marrowcount_adapters.wsm_writer import write_phantom
from slide_files import slide_file

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.main.parts import Parts

__all__ = [
    "CountedSlide",
    "DrawnSlide",
    "drawn_slide",
    "hold_counted_slide",
    "hold_slides_in_other_states",
    "probability_of",
]

SIDE_PX = 2048
WORKER = "worker"
LEASE_S = 600.0


@dataclass(frozen=True)
class CountedSlide:
    """The slide and what its result holds."""

    series_uid: str
    result: CountResult
    folder: Path


def probability_of(number: int) -> float:
    """Of the object drawn as number so-and-so: 0.76 to 0.98."""
    return 0.76 + 0.02 * (number % 12)


@dataclass(frozen=True)
class DrawnSlide:
    """A phantom and its files."""

    phantom: PhantomSlide
    folder: Path

    @property
    def base(self) -> Path:
        return self.folder / "level-0.dcm"


def drawn_slide(folder: Path) -> DrawnSlide:
    """Draw it and write its files."""
    phantom = PhantomSlide("normal", 7, SizePx(SIDE_PX, SIDE_PX))
    write_phantom(phantom, folder)
    return DrawnSlide(phantom, folder)


def hold_counted_slide(parts: Parts, drawn: DrawnSlide) -> CountedSlide:
    """Take the slide over and record its result."""
    phantom, base, files = drawn.phantom, drawn.base, sorted(drawn.folder.glob("*.dcm"))
    result = _result(phantom, base)
    _take(parts, files)
    place = f"{result.context.series_uid}/1.1"
    results = parts.settings.results_folder / place
    with open_slide(files) as slide:
        illustrations = illustrate(slide, result, thumbnail_of(*slide.overview()))
    write_result(counted(result), read_header(base), results, parts.settings, illustrations=illustrations)
    _record(parts, result.context.series_uid, place)
    return CountedSlide(result.context.series_uid, result, results)


def _result(phantom: PhantomSlide, base: Path) -> CountResult:
    found = tuple(
        Detection(thing.cell_type, thing.box, probability_of(number)) for number, thing in enumerate(phantom.objects)
    )
    histogram = Histogram(detection.cell_type for detection in found)
    tiles = tuple(LookedAtTile(place.tile, 0.97 if place.roi else 0.2, place.roi) for place in phantom.tiles)
    return CountResult(
        context=read_context(base),
        size=phantom.size,
        spacing=SpacingMm(0.00025, 0.00025),
        tiles=tiles,
        detections=found,
        histogram=histogram,
        differential=differential_of(histogram),
        stopping=Stopping(
            StoppingReason.SLIDE_EXHAUSTED,
            "chi-square<0.0001 for 20 tiles after 80",
            sum(tile.accepted for tile in tiles),
            0.0021,
        ),
        models=MODELS,
        counted_at=datetime.now(UTC),
        warnings=("few-cells: fewer than 300 cells were counted; ICSH 2008 asks for 300, or 500",),
    )


def _take(parts: Parts, files: list[Path]) -> None:
    for number, file in enumerate(files):
        incoming = parts.store.incoming / f"given-{number}"
        incoming.write_bytes(file.read_bytes())
        assert parts.receiving.take(incoming, "SCANNER", "", "").taken
        incoming.unlink(missing_ok=True)


def _record(parts: Parts, series_uid: str, place: str) -> None:
    ledger, now = parts.ledger, datetime.now(UTC)
    assert ledger.mark_ready(series_uid, 1, "all frames of all levels are here", now)
    job = ledger.lease_job(WORKER, now, LEASE_S)
    assert job is not None
    summary = (parts.settings.results_folder / place / RESULT_FILE).read_text(encoding="utf-8")
    order = DeliveryOrder(DeliveryKind.DICOM, "archive", (f"{place}/cells.ann.dcm",))
    assert ledger.finish(job, CountedOutcome(place, summary, (order,)), now)
    delivery = ledger.lease_delivery(WORKER, now, LEASE_S)
    assert delivery is not None
    ledger.retry_delivery(delivery, "connection refused", now + timedelta(hours=1), now)


def hold_slides_in_other_states(parts: Parts, folder: Path) -> dict[str, str]:
    """One that is received, incomplete, counted at the moment and refused: series by state."""
    ledger, now = parts.ledger, datetime.now(UTC)
    series = {"receiving": "1.2.31", "incomplete": "1.2.32", "refused": "1.2.33", "counting": "1.2.34"}
    for number, (state, uid) in enumerate(series.items()):
        name = f"GLASS-{state.upper()}"
        _take(parts, [slide_file(folder / f"{state}.dcm", f"{uid}.1", SeriesInstanceUID=uid, ContainerIdentifier=name)])
        if state == "incomplete":
            assert ledger.mark_incomplete(uid, 1, "frames are missing: 3 of 4", now)
        elif number > 1:
            assert ledger.mark_ready(uid, 1, "all frames of all levels are here", now)
    refused, _ = ledger.lease_job(WORKER, now, LEASE_S), ledger.lease_job(WORKER, now, LEASE_S)
    assert refused is not None
    assert refused.series_uid == series["refused"]
    why = RefusedOutcome("wrong-resolution", "The finest level has 0.5 um per pixel; 0.25 is needed.")
    assert ledger.refuse(refused, why, now)
    parts.tasks.note_progress(CountProgress(series["counting"], 120, 3456, 0.4, now))
    return series
