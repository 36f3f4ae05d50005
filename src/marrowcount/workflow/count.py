"""Count a slide: tiles, ROI model, cell model, convergence."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.convergence import ConvergenceRule, StoppingRule, StoppingWatch
from marrowcount.cytology.differential import differential_of
from marrowcount.cytology.histogram import Histogram
from marrowcount.errors import Refusal, SlideError
from marrowcount.result import CountResult
from marrowcount.slides.detections import Detection, LookedAtTile
from marrowcount.slides.familiarity import Feature, Range, features_of, strangers
from marrowcount.slides.seams import without_seam_repeats
from marrowcount.slides.tiles import stratified_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from marrowcount.cytology.differential import Differential
    from marrowcount.ports import CellModel, Clock, Progress, RoiModel, Slide
    from marrowcount.slides.familiarity import Appearance, Stranger
    from marrowcount.slides.tiles import Tile

__all__ = ["CountSettings", "count_slide"]

FEW_CELLS: Final = 300
"""ICSH 2008 asks for at least 300 cells in the differential, 500 where a percentage decides."""

MUCH_UNCLASSIFIED: Final = 0.05
"""Share of "other" cells from which a result is flagged: unclassified blasts would flatter the count."""


@dataclass(frozen=True, slots=True)
class CountSettings:
    """How to count.

    Attributes:
        rule: when to stop.
        workers: tiles judged at the same time; the result does not depend on it.
        fewest_tiles: suitable tiles below which a slide is refused rather than counted.
        seen: what the cell model's training saw; a slide outside of it is flagged. Empty: nothing is compared.
        refused_distance: how far outside a slide is refused, in halves of the range from its middle; 1 is its edge.
    """

    rule: StoppingRule = field(default_factory=ConvergenceRule)
    workers: int = 2
    fewest_tiles: int = 3
    seen: Mapping[Feature, Range] = field(default_factory=dict[Feature, Range])
    refused_distance: float = 4.0


@dataclass(frozen=True, slots=True)
class _Judged:
    """What both models say of a tile."""

    looked_at: LookedAtTile
    found: tuple[Detection, ...]
    appearance: Appearance


@dataclass(frozen=True, slots=True)
class _Counter:
    """Judges one tile with both models."""

    slide: Slide
    roi_model: RoiModel
    cell_model: CellModel
    compared: bool

    def judge(self, tile: Tile) -> _Judged:
        picture = self.slide.read(tile)
        probability = float(self.roi_model.probabilities([picture])[0])
        accepted = probability >= self.roi_model.identity.threshold
        found = self.cell_model.detect(picture) if accepted else ()
        return _Judged(
            LookedAtTile(tile, probability, accepted),
            tuple(Detection(d.cell_type, d.box.moved(tile.left, tile.top), d.probability) for d in found),
            features_of(picture, len(found)) if accepted and self.compared else {},
        )


def count_slide(
    slide: Slide,
    tiles: Iterable[Tile],
    models: tuple[RoiModel, CellModel],
    settings: CountSettings,
    *,
    clock: Clock,
    progress: Progress | None = None,
) -> CountResult:
    """Read the tiles in stratified random order until the rule says to stop, and sum up.

    The same slide, models and settings give the same result, whatever the number of workers.

    Args:
        slide: the slide.
        tiles: candidates that the cheap look left over, in any order.
        models: the ROI model and the cell model.
        settings: how to count.
        clock: tells the time of the result.
        progress: hears of every tile counted.

    Raises:
        SlideError: a frame is damaged, no suitable region, no cell of the differential, or a slide too unlike those
            that the models were trained on.
    """
    order = stratified_order(tiles, slide.size, slide.context.series_uid)
    watch, looked_at = StoppingWatch(settings.rule), list[LookedAtTile]()
    counted: dict[Tile, tuple[Detection, ...]] = {}
    appearances: list[Appearance] = []
    judge = _Counter(slide, *models, compared=bool(settings.seen)).judge
    with ThreadPoolExecutor(settings.workers, thread_name_prefix="tile") as pool:
        for judged in _in_order(pool, judge, order, 2 * settings.workers):
            looked_at.append(judged.looked_at)
            if not judged.looked_at.accepted:
                continue
            tile = judged.looked_at.tile
            counted[tile] = without_seam_repeats(tile, judged.found, counted)
            appearances.append(judged.appearance)
            watch.add(Histogram(d.cell_type for d in counted[tile]))
            if progress:
                progress.tile_counted(len(looked_at), watch.tiles, watch.ihct.total, watch.distances[-1])
            if watch.reason:
                break
    _refuse_unfit(watch, len(looked_at), settings)
    unfamiliar = strangers(appearances, settings.seen)
    _refuse_unfamiliar(unfamiliar, settings)
    differential = differential_of(watch.ihct)
    return CountResult(
        context=slide.context,
        size=slide.size,
        spacing=slide.spacing,
        tiles=tuple(looked_at),
        detections=tuple(detection for found in counted.values() for detection in found),
        histogram=watch.ihct,
        differential=differential,
        stopping=watch.stopping(),
        models=(models[0].identity, models[1].identity),
        counted_at=clock.now(),
        warnings=(*slide.remarks, *_warnings(differential, watch), *map(str, unfamiliar)),
        placement=slide.placement,
    )


def _in_order(
    pool: ThreadPoolExecutor, judge: Callable[[Tile], _Judged], tiles: Sequence[Tile], ahead: int
) -> Iterator[_Judged]:
    """Judge tiles at the same time but hand them on in order; at most ``ahead`` are under way."""
    remaining = iter(tiles)
    under_way = [pool.submit(judge, tile) for tile in islice(remaining, ahead)]
    try:
        while under_way:
            yield under_way.pop(0).result()
            under_way.extend(pool.submit(judge, tile) for tile in islice(remaining, 1))
    finally:
        for future in under_way:
            future.cancel()


def _refuse_unfit(watch: StoppingWatch, looked_at: int, settings: CountSettings) -> None:
    if watch.tiles < settings.fewest_tiles:
        raise SlideError(
            Refusal.NO_SUITABLE_REGION,
            f"{watch.tiles} of {looked_at} tiles looked at are fit for cytology, at least {settings.fewest_tiles} are "
            "needed; is this a well spread bone marrow smear, scanned in focus?",
        )
    if not differential_of(watch.ihct).total:
        raise SlideError(
            Refusal.NO_CELLS, f"{watch.tiles} suitable tiles hold no nucleated marrow cell; is this a marrow smear?"
        )


def _refuse_unfamiliar(unfamiliar: Sequence[Stranger], settings: CountSettings) -> None:
    if unfamiliar and unfamiliar[0].distance > settings.refused_distance:
        raise SlideError(
            Refusal.UNFAMILIAR,
            f"the slide is too far from what the cell model was trained on ({'; '.join(map(str, unfamiliar))}); "
            "train on slides of this laboratory, or widen count.refused_distance to count it with a warning",
        )


def _warnings(differential: Differential, watch: StoppingWatch) -> Iterator[str]:
    if differential.total < FEW_CELLS:
        yield f"few-cells: {differential.total} cells in the differential; ICSH 2008 asks for {FEW_CELLS} at least"
    if differential.other_share > MUCH_UNCLASSIFIED:
        yield f"unclassified: {100 * differential.other_share:.1f} % of nucleated cells could not be classified"
    if differential.me_ratio is None:
        yield "no-erythroid: no erythroblast was counted, so there is no M:E ratio"
    if watch.reason is None:
        yield "slide-exhausted: the suitable region ended before the stopping rule was met"
    elif watch.distances and not math.isfinite(watch.distances[-1]):
        yield "not-converged: the distance is undefined without erythroblasts"
