"""Cutting the cell out of the middle of a single-cell picture: nucleus by its stain, cytoplasm by graph cut."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from scipy import ndimage

from marrowcount.slides.geometry import PixelBox
from marrowcount_adapters.composites.glass import glass_of, optical_density

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount.ports import Picture

__all__ = ["CUT_UM_PER_PX", "BadCut", "CutOut", "cut_out"]

CUT_UM_PER_PX: Final = 0.125
"""Cut-outs are kept twice as fine as tiles, so that turning them costs no sharpness."""

NUCLEAR_STAIN: Final = 0.45
"""Optical density in green beyond that in blue: nuclei and platelets have it, red cells and glass do not."""
LEAST_STAIN: Final = 0.2
"""Pale smudges and platelets have at least that."""
CENTRAL_UM: Final = 5.0
"""The cell's stained part reaches at least this near to the middle of its picture."""
LEAST_UM, MOST_UM = 4.5, 26.0
"""Width of a nucleated cell that may be cut out; megakaryocytes come in no single-cell set."""
LEAST_PLATELET_UM: Final = 1.2
REACH_UM: Final = 5.0
"""Cytoplasm is looked for this far around the stained part."""
COVERED: Final = 0.5
"""Share of a pixel from which it belongs to a mask."""
EDGE_SHARE: Final = 0.06
"""A cell of whose outline more lies on the picture's edge is cut off."""
LEAST_SOLIDITY: Final = 0.86
"""Area over that of the convex hull; less means that a neighbour or a lump of ground hangs on."""
SOFT_PX: Final = 1.0
FAINTEST: Final = 0.01
EMPTY_DENSITY: Final = 0.12
"""Of the three channels together, below which ground is empty."""
RIMS_UM: Final = (0.8, 1.8, 3.2)
"""Widths of cytoplasm to begin with: a lymphocyte's, a neutrophil's, a monoblast's."""
RIM_PX: Final = (3, 8)
LEAST_EMPTY_RIM: Final = 0.2
"""Around a cell with less empty ground than this share, cytoplasm was left behind or a neighbour cannot be told."""


class BadCut(StrEnum):
    """Why a cut was not taken."""

    NO_STAIN = "nothing stained in the middle"
    CUT_OFF = "reaches over the picture's edge"
    RAGGED = "ragged outline: neighbours hang on"
    BURIED = "hardly any empty ground around it: its outline is not certain"
    SIZE = "too small or too large for a cell"


@dataclass(frozen=True, slots=True)
class CutOut:
    """A cell without its ground, 0.125 um/px.

    Attributes:
        picture: (rows, columns, 3), RGB, 0 to 255.
        alpha: (rows, columns), 0 to 1, soft at the edge.
        glass: the empty ground of its picture, RGB.
        box: exact, in the picture that it was cut out of.
    """

    picture: NDArray[np.float32]
    alpha: NDArray[np.float32]
    glass: NDArray[np.float32]
    box: PixelBox


def cut_out(picture: Picture, *, platelet: bool = False) -> CutOut | BadCut:
    """The cell in the middle of a picture of 0.125 um/px; with ``platelet`` it may be as small as one."""
    glass = glass_of(picture)
    density = optical_density(picture, glass)
    stained = _central_stain(density)
    if stained is None:
        return BadCut.NO_STAIN
    empty = cv2.GaussianBlur(density.sum(axis=2), (0, 0), 1.5) < EMPTY_DENSITY
    mask = _whole_cell(picture, empty, stained)
    if (fault := _fault(mask, empty, LEAST_PLATELET_UM if platelet else LEAST_UM)) is not None:
        return fault
    return _soft(picture, mask, glass)


def _central_stain(density: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    """The stained parts that belong to the cell in the middle: the nearest, and lobes close to it."""
    stain = cv2.GaussianBlur(density[..., 1] - density[..., 2], (0, 0), 1.5)
    strongest = float(np.percentile(stain, 99.5))
    least = min(NUCLEAR_STAIN, max(LEAST_STAIN, strongest / 2))
    stained = ndimage.binary_opening(stain > least, iterations=2)
    joined, count = ndimage.label(ndimage.binary_dilation(stained, iterations=3))
    if not count:
        return None
    rows, columns = stained.shape
    distance = np.hypot(*np.ogrid[-rows / 2 : rows / 2, -columns / 2 : columns / 2]).astype(np.float32)
    weight = np.exp(-((distance * CUT_UM_PER_PX / CENTRAL_UM) ** 2)) * stained
    scores = np.asarray(ndimage.sum_labels(weight, joined, np.arange(1, count + 1)))
    best = int(scores.argmax())
    nearest = distance[(joined == best + 1) & stained].min() * CUT_UM_PER_PX
    return None if nearest > CENTRAL_UM else (joined == best + 1) & stained


def _whole_cell(picture: Picture, empty: NDArray[np.bool_], stained: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Stained part and cytoplasm, (rows, columns): of several cuts that around which most is empty ground."""
    half = (picture.shape[1] // 2, picture.shape[0] // 2)
    lab = cv2.cvtColor(cv2.resize(picture, half, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    small, light = np.asarray(lab, np.uint8), _halved(empty)
    cuts = [
        _tidied(_doubled(_grab_cut(small, _halved(stained), light, rim), stained.shape), stained) for rim in RIMS_UM
    ]
    return max(cuts, key=lambda cut: (_fault(cut, empty, LEAST_PLATELET_UM) is None, float(empty[_rim(cut)].mean())))


def _halved(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rows, columns = mask.shape
    small = cv2.resize(mask.astype(np.float32), (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(small > COVERED, np.bool_)


def _doubled(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    large = cv2.resize(mask.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large > COVERED, np.bool_)


def _grab_cut(lab: Picture, stained: NDArray[np.bool_], empty: NDArray[np.bool_], rim_um: float) -> NDArray[np.bool_]:
    """GrabCut (Rother 2004) that begins with a rim of cytoplasm of that width around the stained part."""
    distance = ndimage.distance_transform_edt(~stained) * 2 * CUT_UM_PER_PX
    filled = ndimage.binary_fill_holes(ndimage.binary_closing(stained, iterations=3))
    marks = np.full(stained.shape, cv2.GC_BGD, np.uint8)
    marks[distance < REACH_UM] = cv2.GC_PR_BGD
    marks[(distance < rim_um) | filled] = cv2.GC_PR_FGD
    marks[empty & ~filled] = cv2.GC_BGD
    marks[stained] = cv2.GC_FGD
    cv2.setRNGSeed(1)
    everywhere = (0, 0, lab.shape[1], lab.shape[0])  # not looked at where marks are given
    cv2.grabCut(lab, marks, everywhere, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    return np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD))


def _rim(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Just outside of a cell, leaving its blurred edge out; the cell's own edge where it fills the picture."""
    far = ndimage.binary_dilation(mask, iterations=RIM_PX[1])
    rim = far & ~ndimage.binary_dilation(mask, iterations=RIM_PX[0])
    return rim if rim.any() else mask


def _tidied(found: NDArray[np.bool_], stained: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without holes, and without what hangs on by a thin bridge."""
    width = 2 * float(ndimage.distance_transform_edt(np.pad(found | stained, 1)).max())
    radius = max(1, round(0.12 * width))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    filled = ndimage.binary_fill_holes(found | stained).astype(np.uint8)
    opened = (cv2.morphologyEx(np.pad(filled, 1, mode="edge"), cv2.MORPH_OPEN, disk)[1:-1, 1:-1] > 0) | stained
    labels, _ = ndimage.label(opened)
    kept = np.bincount(labels[stained & (labels > 0)]).argmax()
    smooth = cv2.GaussianBlur((labels == kept).astype(np.float32), (0, 0), 2.0) > COVERED
    return np.asarray(ndimage.binary_fill_holes(smooth), np.bool_)


def _fault(mask: NDArray[np.bool_], empty: NDArray[np.bool_], least_um: float) -> BadCut | None:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return BadCut.SIZE
    outline = max(contours, key=cv2.contourArea)
    area = cv2.contourArea(outline)
    width_um = 2 * np.sqrt(area / np.pi) * CUT_UM_PER_PX
    if not least_um <= width_um <= MOST_UM:
        return BadCut.SIZE
    x, y = outline[:, 0, 0], outline[:, 0, 1]
    rows, columns = mask.shape
    on_edge = (x <= 1) | (y <= 1) | (x >= columns - 2) | (y >= rows - 2)
    if on_edge.mean() > EDGE_SHARE:
        return BadCut.CUT_OFF
    if area < LEAST_SOLIDITY * cv2.contourArea(cv2.convexHull(outline)):
        return BadCut.RAGGED
    return BadCut.BURIED if empty[_rim(mask)].mean() < LEAST_EMPTY_RIM else None


def _soft(picture: Picture, mask: NDArray[np.bool_], glass: NDArray[np.float32]) -> CutOut:
    alpha = np.asarray(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), SOFT_PX), np.float32)
    top, bottom, left, right = _edges(alpha > FAINTEST)
    y, y_end, x, x_end = _edges(mask)
    pixels = picture[top:bottom, left:right].astype(np.float32)
    return CutOut(pixels, alpha[top:bottom, left:right], glass, PixelBox(x, y, x_end, y_end))


def _edges(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(mask)
    return int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1
