"""Counting a slide: same slide, same result; reading ends for a recorded reason; nothing is guessed."""

import numpy as np
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.convergence import ConvergenceRule, IntervalRule, StoppingReason
from marrowcount.errors import Refusal, SlideError
from marrowcount.ports import Picture
from marrowcount.result import CountResult
from marrowcount.slides.detections import Detection
from marrowcount.slides.familiarity import Feature, Range
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.slides.tiles import TILE_PX, Tile, grid_of
from marrowcount.testing import HeldClock, PictureSlide, RecordingProgress, ScriptedCellModel, ScriptedRoiModel
from marrowcount.workflow.count import CountSettings, count_slide

SIDE = 24
ALL = grid_of(SizePx(SIDE * TILE_PX, SIDE * TILE_PX))


class NumberedSlide(PictureSlide):
    """Each tile's first pixel holds its row and column."""

    def __init__(self) -> None:
        super().__init__(np.zeros((1, 1, 3), np.uint8))

    @property
    def size(self) -> SizePx:
        return SizePx(SIDE * TILE_PX, SIDE * TILE_PX)

    def read(self, tile: Tile) -> Picture:
        picture = np.zeros((TILE_PX, TILE_PX, 3), np.uint8)
        picture[0, 0, :2] = tile.row, tile.column
        return picture


def cells_of(*cell_types: CellType) -> list[Detection]:
    return [Detection(kind, PixelBox(60 * i + 20, 200, 60 * i + 70, 250), 0.9) for i, kind in enumerate(cell_types)]


def mixed(picture: Picture) -> list[Detection]:
    """A mix that varies from tile to tile but not from reading to reading."""
    row, column, _ = picture[0, 0].tolist()
    generator = np.random.default_rng((row, column))
    kinds = generator.choice([0, 1, 2, 4, 5, 7, 13], size=8, p=[0.3, 0.1, 0.1, 0.1, 0.25, 0.14, 0.01])
    return cells_of(*(CellType(int(kind)) for kind in kinds))


def count(
    find: object = mixed, judge: object = lambda _: 1.0, settings: CountSettings | None = None, **others: object
) -> CountResult:
    models = ScriptedRoiModel(judge), ScriptedCellModel(find)  # type: ignore[arg-type]
    how = settings or CountSettings()
    return count_slide(NumberedSlide(), ALL, models, how, clock=HeldClock(), **others)  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [1, 3])
def test_the_result_does_not_depend_on_workers(workers: int) -> None:
    """Tiles judged side by side are added up in one order."""
    assert count(settings=CountSettings(workers=workers)) == count(settings=CountSettings(workers=2))


def test_reading_stops_at_convergence() -> None:
    """A histogram that stands still ends the reading, and no tile after the last one counts."""
    result = count()
    assert result.stopping.reason is StoppingReason.CONVERGED
    assert 100 <= result.tiles_counted == result.tiles_looked_at < len(ALL)
    assert result.histogram.total == len(result.detections) == 8 * result.tiles_counted


def test_the_tiles_do_not_come_from_one_corner() -> None:
    """What was read when the count converged covers the slide evenly."""
    rows, columns = zip(*((t.tile.row, t.tile.column) for t in count().tiles), strict=True)
    assert abs(np.mean(rows) - (SIDE - 1) / 2) < 1.5
    assert abs(np.mean(columns) - (SIDE - 1) / 2) < 1.5


def test_the_cap_ends_the_reading() -> None:
    """A count that does not converge ends at the cap, and says so."""
    result = count(settings=CountSettings(ConvergenceRule(threshold=1e-12, cap=130)))
    assert (result.stopping.reason, result.tiles_counted) == (StoppingReason.CAP, 130)


def test_a_small_slide_is_exhausted() -> None:
    """Where the suitable ground ends first, the result says that and is flagged."""
    result = count(judge=lambda picture: float(picture[0, 0, 0] < 2))
    assert (result.stopping.reason, result.tiles_counted) == (StoppingReason.SLIDE_EXHAUSTED, 2 * SIDE)
    assert result.tiles_looked_at == len(ALL)
    assert any(warning.startswith("slide-exhausted:") for warning in result.warnings)


def test_the_interval_rule_ends_the_reading() -> None:
    """Blasts far above every cut-off are known after 500 cells."""
    settings = CountSettings(IntervalRule(CellType.LYMPHOCYTE, None, (50.0,)))
    result = count(settings=settings)
    assert result.stopping.reason is StoppingReason.PRECISE_ENOUGH
    assert 500 <= result.differential.total < 520


def test_boxes_are_in_pixels_of_the_slide() -> None:
    """What the model finds on a tile is placed on the slide."""
    result = count(find=lambda _: cells_of(CellType.BLAST, CellType.ERYTHROBLAST))
    by_tile = {t.tile for t in result.tiles}
    for found in result.detections:
        x, y = found.box.centre
        assert Tile(int(y) // TILE_PX, int(x) // TILE_PX) in by_tile
        assert (found.box.left % TILE_PX, found.box.top % TILE_PX) in {(20, 200), (80, 200)}


def test_no_suitable_region_is_refused() -> None:
    """A slide without tiles fit for cytology has no count."""
    with pytest.raises(SlideError) as caught:
        count(judge=lambda _: 0.1)
    assert caught.value.refusal is Refusal.NO_SUITABLE_REGION


def test_a_region_without_marrow_cells_is_refused() -> None:
    """Platelets and debris alone are no differential."""
    with pytest.raises(SlideError) as caught:
        count(find=lambda _: cells_of(CellType.PLATELET, CellType.DEBRIS))
    assert caught.value.refusal is Refusal.NO_CELLS


def test_without_erythroblasts_there_is_no_ratio_and_no_convergence() -> None:
    """An undefined ratio is not converged, not zero, and flagged."""
    result = count(find=lambda _: cells_of(CellType.BLAST), settings=CountSettings(ConvergenceRule(cap=120)))
    assert (result.differential.me_ratio, result.differential.bmme) == (None, None)
    assert (result.stopping.reason, result.stopping.distance) == (StoppingReason.CAP, None)
    assert any(warning.startswith("no-erythroid:") for warning in result.warnings)


def test_many_unclassified_cells_are_flagged() -> None:
    """Blasts may hide among cells that could not be classified."""
    result = count(find=lambda _: cells_of(*[CellType.OTHER_CELL] * 2, *[CellType.ERYTHROBLAST] * 3, CellType.BLAST))
    assert any(warning.startswith("unclassified: 33.3 %") for warning in result.warnings)


@pytest.mark.parametrize(("classified", "flagged"), [(19, False), (18, True)])
def test_unclassified_cells_are_flagged_above_five_percent(classified: int, flagged: bool) -> None:  # noqa: FBT001
    """One of 20 is not yet many, one of 19 is."""
    kinds = [CellType.OTHER_CELL, CellType.BLAST, *[CellType.ERYTHROBLAST] * (classified - 1)]
    boxes = [PixelBox(80 * (i % 5) + 40, 80 * (i // 5) + 40, 80 * (i % 5) + 90, 80 * (i // 5) + 90) for i in range(20)]
    found = [Detection(kind, box, 0.9) for kind, box in zip(kinds, boxes, strict=False)]
    result = count(find=lambda _: found)
    assert result.histogram.total == result.tiles_counted * (classified + 1)
    assert any(warning.startswith("unclassified:") for warning in result.warnings) is flagged


def test_few_cells_are_flagged() -> None:
    """Under 300 cells a differential is not what ICSH asks for."""
    few = CountSettings(ConvergenceRule(cap=20))
    assert any(warning.startswith("few-cells: 1") for warning in count(settings=few).warnings)


def test_progress_is_heard_of_every_tile() -> None:
    """Each counted tile is reported with what was counted so far."""
    progress = RecordingProgress()
    result = count(progress=progress)
    assert [heard[1] for heard in progress.heard] == list(range(1, result.tiles_counted + 1))


def test_a_damaged_tile_ends_the_count() -> None:
    """A slide is not counted around its damaged frames."""

    class Damaged(NumberedSlide):
        def read(self, tile: Tile) -> Picture:
            if tile.row == 3:
                raise SlideError(Refusal.DAMAGED, "frame 7 cannot be decoded")
            return super().read(tile)

    models = ScriptedRoiModel(), ScriptedCellModel(mixed)
    with pytest.raises(SlideError) as caught:
        count_slide(Damaged(), ALL, models, CountSettings(), clock=HeldClock())
    assert caught.value.refusal is Refusal.DAMAGED


def test_slide_unlike_those_of_training_is_flagged() -> None:
    """A figure outside of what training saw stands among the warnings, with its code and the range."""
    settings = CountSettings(ConvergenceRule(cap=90), seen={Feature.LIGHT: Range(10, 20), Feature.CELLS: Range(0, 30)})
    (warning,) = [one for one in count(settings=settings).warnings if one.startswith("light-unfamiliar")]
    assert warning == "light-unfamiliar: 0, training saw 10 to 20"


def test_slide_too_far_from_training_is_refused() -> None:
    """The refusal names the figures and what can be done."""
    far = CountSettings(ConvergenceRule(cap=90), seen={Feature.LIGHT: Range(200, 240)}, refused_distance=4.0)
    with pytest.raises(SlideError) as failure:
        count(settings=far)
    assert failure.value.refusal is Refusal.UNFAMILIAR
    assert "light-unfamiliar: 0, training saw 200 to 240" in failure.value.message
