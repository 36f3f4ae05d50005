"""What each class looks like in a May-Gruenwald-Giemsa stain: sizes, shapes and colours, as tables.

Sizes follow the haematology textbooks (diameters in um); colours are read off by eye from photographs of such stains
and are varied a little for every specimen and more for every slide.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import CellType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marrowcount.phantom.primitives import Colour

__all__ = ["RECIPES", "Granules", "NucleusShape", "Recipe"]

Span = tuple[float, float]


class NucleusShape(StrEnum):
    """How a nucleus is built."""

    ROUND = "round"
    KIDNEY = "kidney"
    BAND = "band"
    SEGMENTED = "segmented"
    BILOBED = "bilobed"
    FOLDED = "folded"
    MULTILOBED = "multilobed"
    TWIN = "twin"
    MITOSIS = "mitosis"


@dataclass(frozen=True, slots=True)
class Granules:
    """One kind of granules.

    Attributes:
        density: granules per 100 square px of cytoplasm.
        radius: sigma of a granule in px.
        strength: opacity, 0 to 1.
        over_nucleus: whether they also lie on the nucleus.
    """

    density: float
    radius: float
    colour: Colour
    strength: float = 0.8
    over_nucleus: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to draw one kind of cell; spans are drawn from evenly.

    Attributes:
        diameter_um: of the whole cell.
        share: diameter of the nucleus over that of the cell.
        offset: how far the nucleus is moved off the middle, share of the room it has.
        rim: colour of the cytoplasm's edge.
        mottle: standard deviation of the cytoplasm's unevenness, in grey levels.
        grain: sigma of the chromatin's clumps in px.
        bias: share of the nucleus that clumps leave free, in standard deviations of the noise.
        sharpness: how abruptly clumps begin.
        hof: strength of the pale zone beside the nucleus, 0 to 1.
        clock_face: whether clumps stand along the nuclear membrane like hours.
        bare: whether hardly any cytoplasm is left round the nucleus.
        broken: whether part of the cell is torn away.
    """

    diameter_um: Span
    shape: NucleusShape
    share: Span
    cytoplasm: Colour
    rim: Colour
    chromatin: Colour
    clump: Colour
    offset: Span = (0.0, 0.3)
    aspect: Span = (1.0, 1.15)
    wobble: float = 0.03
    mottle: float = 4.0
    grain: float = 1.6
    bias: float = 0.0
    sharpness: float = 2.0
    nucleoli: tuple[int, int] = (0, 0)
    granules: tuple[Granules, ...] = ()
    vacuoles: tuple[int, int] = (0, 0)
    vacuole_px: Span = (1.5, 3.0)
    inclusions: tuple[int, int] = (0, 0)
    hof: float = 0.0
    clock_face: bool = False
    bare: bool = False
    broken: bool = False


NEUTROPHIL_DUST = Granules(9.0, 0.6, (196, 138, 190), 0.45)
DARK = (88, 44, 136)
DARKER = (58, 26, 104)

_SEGMENTED = Recipe(
    (11.5, 14.0), NucleusShape.SEGMENTED, (0.5, 0.6), (232, 208, 222), (222, 190, 212), DARK, DARKER,
    wobble=0.04, grain=1.6, bias=0.2, granules=(NEUTROPHIL_DUST,),
)  # fmt: skip
_BAND = Recipe(
    (12.0, 14.5), NucleusShape.BAND, (0.5, 0.6), (230, 206, 222), (220, 190, 214), (100, 54, 148), DARKER,
    wobble=0.04, grain=1.6, bias=0.3, granules=(NEUTROPHIL_DUST,),
)  # fmt: skip
_METAMYELOCYTE = Recipe(
    (13.5, 16.5), NucleusShape.KIDNEY, (0.62, 0.70), (222, 194, 220), (206, 176, 212), (120, 68, 160), (78, 36, 124),
    offset=(0.6, 0.95), grain=2.0, bias=0.2,
    granules=(Granules(7.0, 0.7, (176, 112, 178), 0.5),),
)  # fmt: skip
_MYELOCYTE = Recipe(
    (14.5, 18.0), NucleusShape.ROUND, (0.55, 0.64), (204, 178, 218), (176, 158, 214), (130, 74, 170), (86, 42, 132),
    offset=(0.75, 1.0), aspect=(1.0, 1.2), grain=2.0, bias=0.1, hof=0.35,
    granules=(Granules(7.0, 0.8, (150, 84, 168), 0.6),),
)  # fmt: skip
_EARLY_MYELOCYTE = Recipe(
    (15.0, 19.0), NucleusShape.ROUND, (0.56, 0.64), (182, 166, 216), (156, 146, 212), (138, 80, 176), (96, 48, 142),
    offset=(0.75, 1.0), aspect=(1.0, 1.2), grain=1.6, bias=0.2, hof=0.45,
    granules=(Granules(6.0, 0.85, (142, 70, 158), 0.65),),
)  # fmt: skip
_PROMYELOCYTE = Recipe(
    (17.0, 21.0), NucleusShape.ROUND, (0.60, 0.68), (142, 134, 204), (104, 104, 192), (148, 84, 182), (112, 56, 156),
    offset=(0.7, 1.0), aspect=(1.0, 1.2), grain=1.6, bias=0.4, nucleoli=(1, 3), hof=0.75,
    granules=(Granules(4.2, 0.95, (126, 28, 112), 0.9), Granules(1.2, 0.95, (120, 28, 116), 0.7, over_nucleus=True)),
)  # fmt: skip
_BLAST = Recipe(
    (12.5, 17.5), NucleusShape.ROUND, (0.80, 0.89), (128, 144, 218), (96, 108, 202), (160, 98, 190), (128, 68, 170),
    offset=(0.3, 0.9), aspect=(1.0, 1.18), grain=1.0, bias=0.3, sharpness=1.2, nucleoli=(1, 3), mottle=5.0,
)  # fmt: skip
_OPEN_BLAST = Recipe(
    (15.0, 20.0), NucleusShape.ROUND, (0.72, 0.82), (142, 158, 220), (106, 120, 206), (170, 110, 196), (138, 80, 178),
    offset=(0.3, 0.9), aspect=(1.0, 1.25), wobble=0.045, grain=1.0, bias=0.5, sharpness=1.2, nucleoli=(1, 4),
    mottle=6.0, granules=(Granules(0.3, 0.8, (140, 60, 150), 0.6),),
)  # fmt: skip
_FOLDED_BLAST = Recipe(
    (13.0, 17.0), NucleusShape.KIDNEY, (0.82, 0.90), (124, 138, 212), (92, 104, 196), (156, 94, 188), (122, 64, 166),
    offset=(0.1, 0.5), aspect=(1.0, 1.2), wobble=0.04, grain=1.0, bias=0.3, sharpness=1.2, nucleoli=(1, 2), mottle=5.0,
)  # fmt: skip
_BASOPHILIC = Recipe(
    (12.0, 15.0), NucleusShape.ROUND, (0.66, 0.74), (86, 90, 176), (62, 66, 156), (106, 54, 148), (60, 28, 104),
    offset=(0.0, 0.3), aspect=(1.0, 1.06), wobble=0.015, grain=1.6, bias=0.1, sharpness=3.0, mottle=8.0,
)  # fmt: skip
_POLYCHROMATIC = Recipe(
    (9.5, 12.0), NucleusShape.ROUND, (0.60, 0.68), (150, 152, 200), (136, 136, 192), (86, 40, 126), (44, 18, 84),
    offset=(0.0, 0.5), aspect=(1.0, 1.06), wobble=0.015, grain=1.6, bias=0.0, sharpness=3.5,
)  # fmt: skip
_ORTHOCHROMATIC = Recipe(
    (8.2, 10.5), NucleusShape.ROUND, (0.50, 0.60), (206, 176, 188), (190, 166, 186), (60, 26, 96), (38, 16, 72),
    offset=(0.1, 0.8), aspect=(1.0, 1.06), wobble=0.015, grain=1.6, bias=-0.5,
)  # fmt: skip
_MEGAKARYOCYTE = Recipe(
    (42.0, 70.0), NucleusShape.MULTILOBED, (0.48, 0.60), (212, 168, 208), (196, 156, 212), (118, 62, 158),
    (76, 36, 122), offset=(0.0, 0.5), aspect=(1.0, 1.3), wobble=0.06, mottle=8.0, grain=4.0, bias=0.0,
    granules=(Granules(6.0, 0.9, (176, 108, 178), 0.40), Granules(1.2, 2.2, (186, 128, 194), 0.45)),
)  # fmt: skip
_BARE_NUCLEUS = Recipe(
    (26.0, 42.0), NucleusShape.MULTILOBED, (0.86, 0.9), (214, 184, 216), (220, 198, 224), (118, 62, 156), (72, 34, 118),
    wobble=0.08, mottle=6.0, grain=4.0, bias=0.0, bare=True,
)  # fmt: skip
_LYMPHOCYTE = Recipe(
    (8.5, 11.0), NucleusShape.ROUND, (0.82, 0.90), (166, 188, 226), (140, 162, 216), (94, 54, 152), (62, 32, 120),
    offset=(0.4, 1.0), aspect=(1.0, 1.15), grain=2.4, bias=0.0, sharpness=1.2, mottle=3.0,
)  # fmt: skip
_LARGE_LYMPHOCYTE = Recipe(
    (11.0, 13.5), NucleusShape.ROUND, (0.66, 0.76), (184, 204, 232), (158, 182, 224), (106, 62, 160), (70, 36, 126),
    offset=(0.6, 1.0), aspect=(1.0, 1.2), wobble=0.05, grain=2.4, bias=0.0, sharpness=1.2, mottle=3.0,
)  # fmt: skip
_MONOCYTE = Recipe(
    (14.5, 19.0), NucleusShape.FOLDED, (0.62, 0.72), (172, 174, 206), (160, 162, 204), (140, 88, 176), (98, 54, 146),
    offset=(0.0, 0.4), aspect=(1.0, 1.25), wobble=0.07, grain=1.6, bias=0.3, mottle=7.0,
    granules=(Granules(6.0, 0.6, (164, 120, 176), 0.4),), vacuoles=(1, 6), vacuole_px=(1.4, 3.2),
)  # fmt: skip
_PLASMA_CELL = Recipe(
    (12.5, 17.5), NucleusShape.ROUND, (0.46, 0.54), (92, 100, 182), (66, 74, 164), (122, 64, 150), (52, 22, 94),
    offset=(0.9, 1.1), aspect=(1.1, 1.45), wobble=0.04, grain=2.0, bias=0.3, sharpness=4.0, mottle=7.0, hof=0.85,
    clock_face=True,
)  # fmt: skip
_EOSINOPHIL = Recipe(
    (12.5, 16.0), NucleusShape.BILOBED, (0.5, 0.6), (238, 186, 170), (226, 156, 138), DARK, DARKER,
    wobble=0.04, offset=(0.3, 0.8), grain=2.0, bias=0.2,
    granules=(Granules(9.0, 1.1, (216, 96, 62), 0.95), Granules(0.7, 1.1, (216, 100, 66), 0.7, over_nucleus=True)),
)  # fmt: skip
_EOSINOPHIL_MYELOCYTE = Recipe(
    (14.0, 17.0), NucleusShape.ROUND, (0.5, 0.58), (224, 176, 178), (204, 150, 160), (122, 68, 160), (80, 38, 126),
    wobble=0.03, offset=(0.7, 1.0), grain=2.0, bias=0.2,
    granules=(Granules(7.5, 1.15, (212, 96, 64), 0.95), Granules(0.6, 1.2, (112, 44, 110), 0.8)),
)  # fmt: skip
_BASOPHIL = Recipe(
    (10.5, 13.5), NucleusShape.BILOBED, (0.6, 0.72), (220, 196, 222), (204, 178, 214), (140, 96, 176), (112, 70, 154),
    wobble=0.05, grain=2.4, bias=0.2,
    granules=(Granules(4.6, 1.3, (54, 22, 92), 0.95, over_nucleus=True),),
)  # fmt: skip
_HISTIOCYTE = Recipe(
    (22.0, 32.0), NucleusShape.ROUND, (0.30, 0.36), (196, 196, 220), (204, 204, 226), (146, 92, 176), (108, 62, 150),
    offset=(0.5, 0.9), aspect=(1.0, 1.4), wobble=0.10, mottle=8.0, grain=1.6, bias=0.2, nucleoli=(0, 2),
    granules=(Granules(2.0, 0.9, (130, 110, 176), 0.5),),
    vacuoles=(18, 40), vacuole_px=(1.8, 5.5), inclusions=(2, 8),
)  # fmt: skip
_MAST_CELL = Recipe(
    (13.0, 19.0), NucleusShape.ROUND, (0.38, 0.46), (176, 110, 176), (150, 80, 160), (150, 100, 186), (116, 70, 160),
    offset=(0.0, 0.25), aspect=(1.35, 2.0), wobble=0.06, grain=1.6,
    granules=(Granules(16.0, 0.95, (84, 18, 116), 0.95), Granules(2.5, 0.95, (84, 18, 116), 0.9, over_nucleus=True)),
)  # fmt: skip
_TWIN_GIANT = Recipe(
    (19.0, 26.0), NucleusShape.TWIN, (0.42, 0.5), (176, 160, 176), (148, 128, 168), (150, 90, 150), (104, 50, 116),
    wobble=0.12, aspect=(1.0, 1.4), grain=2.4, mottle=9.0, nucleoli=(1, 3), vacuoles=(0, 4),
)  # fmt: skip
_MITOSIS = Recipe(
    (14.0, 19.0), NucleusShape.MITOSIS, (0.5, 0.6), (172, 178, 214), (152, 158, 206), (62, 26, 104), (40, 14, 80),
    wobble=0.05, grain=1.6, mottle=7.0,
)  # fmt: skip
_HALF_BROKEN = Recipe(
    (13.0, 19.0), NucleusShape.FOLDED, (0.6, 0.72), (206, 188, 210), (214, 200, 218), (158, 104, 178), (126, 74, 156),
    wobble=0.10, grain=4.0, sharpness=1.0, mottle=10.0, broken=True, vacuoles=(2, 8),
)  # fmt: skip

RECIPES: Final[Mapping[CellType, tuple[Recipe, ...]]] = MappingProxyType(
    {
        CellType.NEUTROPHIL: (_SEGMENTED, _BAND),
        CellType.METAMYELOCYTE: (_METAMYELOCYTE,),
        CellType.MYELOCYTE: (_MYELOCYTE, _MYELOCYTE, _EARLY_MYELOCYTE),
        CellType.PROMYELOCYTE: (_PROMYELOCYTE,),
        CellType.BLAST: (_BLAST, _OPEN_BLAST, _BLAST, _FOLDED_BLAST),
        CellType.ERYTHROBLAST: (_POLYCHROMATIC, _ORTHOCHROMATIC, _POLYCHROMATIC, _BASOPHILIC),
        CellType.MEGAKARYOCYTE_NUCLEUS: (_BARE_NUCLEUS,),
        CellType.LYMPHOCYTE: (_LYMPHOCYTE, _LYMPHOCYTE, _LARGE_LYMPHOCYTE),
        CellType.MONOCYTE: (_MONOCYTE,),
        CellType.PLASMA_CELL: (_PLASMA_CELL,),
        CellType.EOSINOPHIL: (_EOSINOPHIL, _EOSINOPHIL, _EOSINOPHIL_MYELOCYTE),
        CellType.BASOPHIL: (_BASOPHIL,),
        CellType.MEGAKARYOCYTE: (_MEGAKARYOCYTE,),
        CellType.OTHER_CELL: (_TWIN_GIANT, _MITOSIS, _HALF_BROKEN),
        CellType.HISTIOCYTE: (_HISTIOCYTE,),
        CellType.MAST_CELL: (_MAST_CELL,),
    }
)
"""The kinds of each class, in turn for its specimens; debris, platelets and red cells have strokes of their own."""
