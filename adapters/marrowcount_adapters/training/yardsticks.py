"""How models of either task are measured when they are packaged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from marrowcount.evaluation import (
    JudgedTile,
    best_f1_threshold,
    confusion_matrix,
    precise_threshold,
    roc_auc,
    score_cells,
)
from marrowcount.ports import CellModel, RoiModel
from marrowcount.slides.familiarity import features_of, ranges_of
from marrowcount_adapters.training.judging import evenly
from marrowcount_adapters.training.making import Judged, Model, Tiles, Yardstick
from marrowcount_adapters.training.measuring import (
    cell_figures,
    enlarged,
    fit_probabilities,
    judged_tiles,
    milliseconds_a_tile,
    region_figures,
)
from marrowcount_adapters.training.model_card import commonest_confusions
from marrowcount_adapters.training.tiles import CellTiles, RegionTiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from marrowcount.ports import Picture
    from marrowcount.slides.familiarity import Feature, Range

__all__ = ["CellYardstick", "JudgedRegions", "RegionYardstick", "measured"]

LEAST_ROI_THRESHOLD: Final = 0.5
"""Not below, however easy the validation tiles were."""
SEEN_TILES: Final = 200

JudgedCells: TypeAlias = list[JudgedTile]


@dataclass(frozen=True, slots=True)
class JudgedRegions:
    """Which tiles are fit, (n,), and how probable a model found it, (n,)."""

    fit: NDArray[np.bool_]
    probabilities: NDArray[np.float64]


class CellYardstick(Yardstick[CellModel, CellTiles, JudgedCells]):
    """Mean average precision; the threshold of the best mean F1."""

    def pictures(self, tiles: CellTiles, most: int) -> list[Picture]:
        """Some of the tiles."""
        return [np.array(tiles.pictures[place]) for place in evenly(len(tiles), most).tolist()]

    def judged(self, model: CellModel, tiles: CellTiles) -> JudgedCells:
        """By a model with a very low threshold."""
        return judged_tiles(model, tiles)

    def accuracy(self, judged: JudgedCells) -> float:
        """Mean average precision over the paper's classes."""
        return score_cells(judged, 0.5).mean("average_precision")

    def threshold(self, judged: JudgedCells) -> float:
        """Of the best mean F1, where false and missed objects are in balance."""
        return best_f1_threshold(judged)

    def figures(self, judged: JudgedCells, threshold: float) -> dict[str, float]:
        """Means, then each class."""
        return cell_figures(judged, threshold)

    def confusions(self, judged: JudgedCells, threshold: float) -> Sequence[str]:
        """Of classes."""
        return commonest_confusions(confusion_matrix(judged, threshold))

    def milliseconds(self, model: CellModel, pictures: Sequence[Picture]) -> float:
        """A tile."""
        return milliseconds_a_tile(lambda i: model.detect(pictures[i % len(pictures)]))

    def seen(self, model: CellModel, tiles: CellTiles, threshold: float) -> Mapping[Feature, Range]:
        """Light, stain, focus and numbers of objects of training tiles."""
        pictures = self.pictures(tiles, SEEN_TILES)
        found = (sum(one.probability >= threshold for one in model.detect(picture)) for picture in pictures)
        return ranges_of(features_of(picture, count) for picture, count in zip(pictures, found, strict=True))


@dataclass(frozen=True, slots=True)
class RegionYardstick(Yardstick[RoiModel, RegionTiles, JudgedRegions]):
    """ROC AUC; the threshold of a wanted precision.

    Attributes:
        precision: wanted on validation tiles.
    """

    precision: float

    def pictures(self, tiles: RegionTiles, most: int) -> list[Picture]:
        """Some of the tiles, enlarged to the size of which they are the halves."""
        return [enlarged(tiles.pictures[place]) for place in evenly(len(tiles), most).tolist()]

    def judged(self, model: RoiModel, tiles: RegionTiles) -> JudgedRegions:
        """All tiles."""
        return JudgedRegions(tiles.fit, fit_probabilities(model, tiles))

    def accuracy(self, judged: JudgedRegions) -> float:
        """Area under the ROC curve."""
        return roc_auc(judged.fit, judged.probabilities)

    def threshold(self, judged: JudgedRegions) -> float:
        """The lowest of the wanted precision, but not below one half."""
        return max(LEAST_ROI_THRESHOLD, precise_threshold(judged.fit, judged.probabilities, self.precision))

    def figures(self, judged: JudgedRegions, threshold: float) -> dict[str, float]:
        """At the threshold."""
        measured = region_figures(judged.fit, judged.probabilities, threshold)
        return measured | {"precision_wanted_on_validation": self.precision}

    def confusions(self, judged: JudgedRegions, threshold: float) -> Sequence[str]:
        """None: there are two classes, and their figures say it all."""
        del judged, threshold
        return ()

    def milliseconds(self, model: RoiModel, pictures: Sequence[Picture]) -> float:
        """A tile."""
        return milliseconds_a_tile(lambda i: model.probabilities([pictures[i % len(pictures)]]))

    def seen(self, model: RoiModel, tiles: RegionTiles, threshold: float) -> Mapping[Feature, Range]:
        """Nothing: slides are compared with what the cell model saw."""
        del model, tiles, threshold
        return {}


def measured(
    yardstick: Yardstick[Model, Tiles, Judged], model: Model, validation: Tiles, test: Tiles
) -> dict[str, float]:
    """Figures on test tiles at the threshold that validation tiles choose."""
    threshold = yardstick.threshold(yardstick.judged(model, validation))
    return {"threshold": round(threshold, 4)} | yardstick.figures(yardstick.judged(model, test), threshold)
