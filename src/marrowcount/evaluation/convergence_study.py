"""The study that calibrates the default convergence rule, runnable: ``marrowcount study convergence``.

It simulates slides: a tile holds a gamma-distributed number of cells (cellularity varies over a smear), their
classes follow a Dirichlet draw around the diagnosis' differential (cells of a kind lie together). The rule is run
on each simulated slide, for many thresholds; the default threshold is the one for which the middle 80 % of normal
marrows stop within the paper's 100-200 tiles. The other diagnoses are then reported beside the paper's ranges;
nothing is fitted to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.convergence import ConvergenceRule, StoppingReason, StoppingWatch
from marrowcount.cytology.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["DIAGNOSES", "PAPER_TILES", "Diagnosis", "TilesToStop", "calibrate", "tiles_to_stop"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A simulated marrow.

    Attributes:
        percent: of the classes of the chi-square set, summing to about 100.
        cells_per_tile: mean number of cells on an ROI tile (the paper: about 800 cells on 80 tiles).
    """

    percent: Mapping[CellType, float]
    cells_per_tile: float = 10.0


def _diagnosis(cells_per_tile: float, **percent: float) -> Diagnosis:
    return Diagnosis(
        MappingProxyType({CellType[name.upper()]: value for name, value in percent.items()}), cells_per_tile
    )


# Middle values of published adult differentials; the malignant ones are typical, not averages of patients.
DIAGNOSES: Final[Mapping[str, Diagnosis]] = MappingProxyType(
    {
        "normal": _diagnosis(
            10, neutrophil=33, metamyelocyte=10, myelocyte=9, promyelocyte=3, blast=1.3, erythroblast=24,
            lymphocyte=12, monocyte=2, plasma_cell=1.2, eosinophil=3, basophil=0.3, megakaryocyte=0.2,
        ),
        "mds": _diagnosis(
            10, neutrophil=24, metamyelocyte=8, myelocyte=10, promyelocyte=4, blast=8, erythroblast=32,
            lymphocyte=8, monocyte=3, plasma_cell=1, eosinophil=1.5, basophil=0.2, megakaryocyte=0.3,
        ),
        "aml": _diagnosis(
            10, neutrophil=9, metamyelocyte=2, myelocyte=3, promyelocyte=3, blast=62, erythroblast=7,
            lymphocyte=9, monocyte=3, plasma_cell=1, eosinophil=0.8, basophil=0.1, megakaryocyte=0.1,
        ),
        "myeloma": _diagnosis(
            10, neutrophil=22, metamyelocyte=7, myelocyte=6, promyelocyte=2, blast=1, erythroblast=18,
            lymphocyte=9, monocyte=2, plasma_cell=30, eosinophil=2.5, basophil=0.2, megakaryocyte=0.3,
        ),
        "cml": _diagnosis(
            12, neutrophil=38, metamyelocyte=16, myelocyte=20, promyelocyte=5, blast=3, erythroblast=7,
            lymphocyte=3, monocyte=1.5, plasma_cell=0.3, eosinophil=4, basophil=2, megakaryocyte=0.4,
        ),
    }
)  # fmt: skip

PAPER_TILES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"normal": (100, 200), "mds": (300, 400), "aml": (400, 500)}
)
"""Tiles to convergence that the paper names (Tayebi 2022, Results)."""

GAMMA_SHAPE: Final = 3.0
"""Cellularity of a tile: gamma with this shape, so that one tile in ten holds under a third of the mean."""

DIRICHLET_CONCENTRATION: Final = 40.0
"""How closely a tile's mix follows the slide's; a share of 24 % varies by some 7 points from tile to tile."""


def tile_histograms(diagnosis: Diagnosis, generator: np.random.Generator) -> Iterator[Histogram]:
    """Endless tile histograms of one simulated slide."""
    classes = list(diagnosis.percent)
    shares = np.array([diagnosis.percent[cell_type] for cell_type in classes])
    concentration = DIRICHLET_CONCENTRATION * shares / shares.sum()
    while True:
        cells = generator.poisson(generator.gamma(GAMMA_SHAPE, diagnosis.cells_per_tile / GAMMA_SHAPE))
        counts = generator.multinomial(cells, generator.dirichlet(concentration))
        yield Histogram.from_counts(dict(zip(classes, counts.tolist(), strict=True)))


@dataclass(frozen=True, slots=True)
class TilesToStop:
    """Tiles after which simulated slides stopped.

    Attributes:
        tiles: of each slide, shape (slides,), sorted; the cap where it did not converge.
        converged: share of slides that converged before the cap.
    """

    diagnosis: str
    rule: ConvergenceRule
    tiles: NDArray[np.int64]
    converged: float

    def quantile(self, q: float) -> float:
        """Tiles by which a share ``q`` of the slides had stopped."""
        return float(np.quantile(self.tiles, q))


def tiles_to_stop(diagnosis: str, rule: ConvergenceRule, slides: int, seed: int) -> TilesToStop:
    """Run the rule on simulated slides of a diagnosis."""
    ends = [_end_of(DIAGNOSES[diagnosis], rule, np.random.default_rng((seed, number))) for number in range(slides)]
    converged = sum(reason is StoppingReason.CONVERGED for _, reason in ends) / slides
    return TilesToStop(diagnosis, rule, np.sort(np.array([tiles for tiles, _ in ends])), converged)


def _end_of(diagnosis: Diagnosis, rule: ConvergenceRule, generator: np.random.Generator) -> tuple[int, StoppingReason]:
    watch = StoppingWatch(rule)
    for histogram in tile_histograms(diagnosis, generator):
        watch.add(histogram)
        if watch.reason:
            return watch.tiles, watch.reason
    raise AssertionError  # the stream of tiles has no end


def calibrate(thresholds: Sequence[float], run: int, slides: int, seed: int) -> dict[float, float]:
    """Share of simulated normal marrows that stop within the paper's range, for each threshold."""
    low, high = PAPER_TILES["normal"]
    shares: dict[float, float] = {}
    for threshold in thresholds:
        tiles = tiles_to_stop("normal", ConvergenceRule(threshold, run), slides, seed).tiles
        shares[threshold] = float(np.mean((tiles >= low) & (tiles <= high)))
    return shares
