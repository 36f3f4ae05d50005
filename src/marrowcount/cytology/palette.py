"""One colour for each class, the same in annotations, charts and review."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import CellType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COUNTED_TILE_COLOUR", "PALETTE", "REJECTED_TILE_COLOUR"]

# Chosen by farthest-point search in CIELAB among colours of L* 30 to 88 and chroma below 78, so that any two differ by
# at least 35 (CIE 1976) for normal vision and 15 for protanopes and deuteranopes (Machado et al. 2009).
PALETTE: Final[Mapping[CellType, str]] = MappingProxyType(
    {
        CellType.NEUTROPHIL: "#77EEEE",
        CellType.METAMYELOCYTE: "#3388AA",
        CellType.MYELOCYTE: "#2277EE",
        CellType.PROMYELOCYTE: "#771199",
        CellType.BLAST: "#CC3355",
        CellType.ERYTHROBLAST: "#CC5500",
        CellType.MEGAKARYOCYTE_NUCLEUS: "#BBDD66",
        CellType.LYMPHOCYTE: "#FFCC33",
        CellType.MONOCYTE: "#229977",
        CellType.PLASMA_CELL: "#DD2299",
        CellType.EOSINOPHIL: "#EE99BB",
        CellType.BASOPHIL: "#554466",
        CellType.MEGAKARYOCYTE: "#11AA33",
        CellType.OTHER_CELL: "#BBBBFF",
        CellType.DEBRIS: "#445533",
        CellType.HISTIOCYTE: "#774411",
        CellType.PLATELET: "#DDAA77",
        CellType.PLATELET_CLUMP: "#33EEAA",
        CellType.MAST_CELL: "#CC88FF",
    }
)
"""RGB as ``#RRGGBB``."""

COUNTED_TILE_COLOUR: Final = "#009E73"
"""Outline of a tile that was counted."""

REJECTED_TILE_COLOUR: Final = "#888888"
"""Outline of a tile that was looked at and rejected."""
