"""What kind of marrow a phantom shows: its differential and how many objects lie on a tile.

The percentages are round numbers of our own inside the ranges that haematology texts and the WHO and ICSH criteria
give for such marrows; the reason of each profile stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import NDC_CLASSES, CellType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROFILES", "Profile"]


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of marrow.

    Attributes:
        differential: percent of each NDC class, summing to 100.
        bystanders: mean number per tile of each class that the differential leaves out.
        cells_per_tile: mean number of NDC cells on a tile of monolayer.
        cellularity_shape: shape of the gamma distribution of cellularity over tiles; less is patchier.
        concentration: sum of the Dirichlet parameters of a tile's mix; less is patchier.
    """

    differential: Mapping[CellType, float]
    bystanders: Mapping[CellType, float]
    cells_per_tile: float
    cellularity_shape: float
    concentration: float


def _differential(*percent: float) -> Mapping[CellType, float]:
    """Percentages of the NDC classes in the order of a laboratory report."""
    return MappingProxyType(dict(zip(NDC_CLASSES, percent, strict=True)))


_BYSTANDERS: Final = (
    CellType.MEGAKARYOCYTE,
    CellType.MEGAKARYOCYTE_NUCLEUS,
    CellType.HISTIOCYTE,
    CellType.OTHER_CELL,
    CellType.DEBRIS,
    CellType.PLATELET,
    CellType.PLATELET_CLUMP,
)


def _bystanders(*per_tile: float) -> Mapping[CellType, float]:
    """Objects per tile of the classes that are not in the NDC."""
    return MappingProxyType(dict(zip(_BYSTANDERS, per_tile, strict=True)))


PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        # Adults: blasts under 5 %, M:E 2 to 4, lymphocytes 5 to 20 %, plasma cells under 3.5 %.
        "normal": Profile(
            _differential(1.4, 3.5, 12.0, 14.0, 26.0, 3.0, 0.3, 0.1, 2.0, 12.0, 1.2, 24.5),
            _bystanders(0.14, 0.10, 0.15, 0.15, 0.6, 5.0, 0.25),
            10.0,
            5.0,
            60.0,
        ),
        # With excess blasts (5 to 19 %), erythroid hyperplasia, left shift, some monocytes.
        "mds": Profile(
            _differential(8.0, 5.0, 11.0, 9.0, 16.0, 2.0, 0.6, 0.2, 4.0, 9.0, 1.7, 33.5),
            _bystanders(0.20, 0.16, 0.20, 0.35, 0.8, 3.0, 0.20),
            11.0,
            3.0,
            25.0,
        ),
        # At least 20 % blasts by definition, most often above 50 %; everything else displaced.
        "aml": Profile(
            _differential(62.0, 3.0, 3.0, 2.5, 5.0, 1.0, 0.4, 0.1, 4.0, 8.0, 1.0, 10.0),
            _bystanders(0.05, 0.05, 0.15, 0.35, 1.0, 1.5, 0.08),
            12.0,
            3.0,
            12.0,
        ),
        # At least 10 % clonal plasma cells by definition; 20 to 60 % at diagnosis is usual.
        "myeloma": Profile(
            _differential(1.0, 2.5, 8.0, 8.0, 15.0, 2.5, 0.2, 0.3, 1.5, 9.0, 38.0, 14.0),
            _bystanders(0.12, 0.10, 0.15, 0.15, 0.6, 4.0, 0.20),
            10.0,
            3.0,
            15.0,
        ),
        # Chronic phase: M:E above 10, myelocyte peak, basophils and eosinophils raised, blasts under 10 %.
        "cml": Profile(
            _differential(3.0, 5.0, 24.0, 17.0, 30.0, 5.0, 4.0, 0.2, 2.0, 3.0, 0.8, 6.0),
            _bystanders(0.25, 0.20, 0.20, 0.15, 0.6, 8.0, 0.45),
            13.0,
            6.0,
            50.0,
        ),
        # Aplasia: lymphocytes, plasma cells, mast cells and histiocytes are what stays.
        "hypocellular": Profile(
            _differential(0.5, 1.0, 5.0, 5.0, 18.0, 2.0, 0.3, 1.2, 3.0, 40.0, 6.0, 18.0),
            _bystanders(0.02, 0.03, 0.25, 0.06, 0.25, 2.0, 0.06),
            2.6,
            3.0,
            15.0,
        ),
    }
)
"""The profiles by name."""
