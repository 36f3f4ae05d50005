"""Count a slide from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.main.models import seen_in_training
from marrowcount.main.result_writing import write_result
from marrowcount.main.superseding import Earlier, reissued
from marrowcount.review import counted
from marrowcount.slides.suitability import candidate_tiles
from marrowcount.workflow.count import CountSettings, count_slide
from marrowcount.workflow.illustrate import illustrate, thumbnail_of
from marrowcount_adapters.schedule import SystemClock
from marrowcount_adapters.wsi.checks import AllowedResolution
from marrowcount_adapters.wsi.header import read_header
from marrowcount_adapters.wsi.slide import open_slide

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from marrowcount.ports import CellModel, Progress, RoiModel, Slide
    from marrowcount.review import Report
    from marrowcount.settings import Settings
    from marrowcount.slides.tiles import Tile
    from marrowcount.workflow.illustrate import Thumbnail

__all__ = ["count_files"]


def count_files(
    files: Path | Sequence[Path],
    out: Path,
    settings: Settings,
    models: tuple[RoiModel, CellModel],
    progress: Progress | None = None,
    *,
    earlier: Earlier | None = None,
) -> Report:
    """Count the slide and write its result files into ``out``, which is made where it is missing.

    Args:
        files: of the slide.
        out: the folder.
        settings: that say how.
        models: the ROI model and the cell model.
        progress: hears of every tile counted.
        earlier: what was given out for the slide before, and is taken back where it no longer holds.

    Raises:
        SlideError: the slide cannot be counted; nothing was written.
    """
    section = settings.count
    with open_slide(files, AllowedResolution(section.finest_um_per_px, section.coarsest_um_per_px)) as slide:
        tiles, thumbnail = _looked_over(slide)
        how = CountSettings(
            section.stopping.stopping_rule(),
            section.workers,
            seen=seen_in_training(section),
            refused_distance=section.refused_distance,
        )
        before = earlier or Earlier()
        result = reissued(count_slide(slide, tiles, models, how, clock=SystemClock(), progress=progress), before)
        report = counted(result, before.statuses)
        illustrations = illustrate(slide, result, thumbnail) if settings.report.enabled else None
        header = read_header(slide.base_paths[0])
        write_result(report, header, out, settings, illustrations=illustrations, earlier=before)
    return report


def _looked_over(slide: Slide) -> tuple[Sequence[Tile], Thumbnail]:
    """The tiles worth a look, and the slide made small; its overview, of up to 72 MB, is let go."""
    overview, scale = slide.overview()
    return candidate_tiles(overview, scale, slide.size), thumbnail_of(overview, scale)
