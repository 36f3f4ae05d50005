"""Red cells and platelets of real photographs, each as the light that it lets through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from scipy import ndimage

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount_adapters.composites.boxed import enlarged, oriented, oriented_picture
from marrowcount_adapters.composites.cutting import CUT_UM_PER_PX, EMPTY_DENSITY, NUCLEAR_STAIN
from marrowcount_adapters.composites.glass import glass_of, optical_density
from marrowcount_adapters.composites.photographs import at_scale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from marrowcount_adapters.composites.photographs import Photograph
    from marrowcount_adapters.composites.windows import Window

__all__ = ["Clump", "SmearGround", "clumps_on"]

LEAST_AREA_PX, MOST_AREA_PX = 900, 16000
"""Half a red cell; five that touch."""
LEAST_PLATELET_PX: Final = 80
SKIRT_PX: Final = 5
EDGE_PX: Final = 2
STAINED_SHARE: Final = 0.03
RED_SHARE: Final = 0.45
"""Of a red cell's density, from which ground is taken."""
SMOOTH_PX: Final = 1.5


@dataclass(frozen=True, slots=True)
class Clump:
    """Red cells that touch, or a platelet, at 0.125 um/px.

    Attributes:
        light: (rows, columns, 3), the share let through, 1 on empty glass.
        mask: (rows, columns), where it lies.
        platelets: boxes of platelets in it.
    """

    light: NDArray[np.float32]
    mask: NDArray[np.bool_]
    platelets: tuple[PixelBox, ...]

    def oriented(self, orientation: int) -> Clump:
        """One of the eight orientations."""
        rows, columns = self.mask.shape
        boxes = oriented(self.platelets, columns, rows, orientation)
        light = np.asarray(oriented_picture(self.light, orientation), np.float32)
        return Clump(light, np.asarray(oriented_picture(self.mask, orientation), np.bool_), boxes)


@dataclass(frozen=True, slots=True)
class SmearGround:
    """What one photograph gives.

    Attributes:
        camera: size of the photographs of this source.
        glass: colour of the empty ground, RGB.
        clumps: everything whole that touches no nucleated cell.
    """

    camera: SizePx
    glass: NDArray[np.float32]
    clumps: tuple[Clump, ...]


def clumps_on(photograph: Photograph) -> SmearGround:
    """The red cells and platelets of a photograph."""
    picture, objects = at_scale(photograph, CUT_UM_PER_PX)
    glass = glass_of(picture)
    density = optical_density(picture, glass)
    nucleated = [one.box for one in objects if one.cell_type is not CellType.PLATELET]
    platelets = [one.box for one in objects if one.cell_type is CellType.PLATELET]
    labels = _lumps(density, _red_cells(photograph))
    stain = density[..., 1] - density[..., 2] > NUCLEAR_STAIN
    light = (picture / glass).astype(np.float32)
    clumps = (
        _clump(light, labels == number, (rows, columns), platelets, stain)
        for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1)
        if number not in _under(nucleated, labels)
    )
    return SmearGround(photograph.size, glass, tuple(clump for clump in clumps if clump is not None))


def _red_cells(photograph: Photograph) -> list[PixelBox]:
    return [enlarged(box, *photograph.factors(CUT_UM_PER_PX)) for box in photograph.red_cells]


def _lumps(density: NDArray[np.float32], red_cells: Sequence[PixelBox]) -> NDArray[np.int32]:
    """Numbers of all that is no empty ground, (rows, columns); the threshold follows the red cells' own density."""
    smooth = cv2.GaussianBlur(density.sum(axis=2), (0, 0), SMOOTH_PX)
    inside = [smooth[round(b.top) : round(b.bottom), round(b.left) : round(b.right)].ravel() for b in red_cells]
    typical = float(np.median(np.concatenate(inside))) if inside else 0.0
    taken = ndimage.binary_fill_holes(smooth > max(EMPTY_DENSITY, RED_SHARE * typical))
    return np.asarray(ndimage.label(ndimage.binary_opening(taken, iterations=2))[0], np.int32)


def _under(boxes: Sequence[PixelBox], labels: NDArray[np.int32]) -> set[int]:
    return {number for box in boxes for number in _numbers(box, labels)}


def _numbers(box: PixelBox, labels: NDArray[np.int32]) -> Iterator[int]:
    top, left = max(0, round(box.top) - SKIRT_PX), max(0, round(box.left) - SKIRT_PX)
    window = labels[top : round(box.bottom) + SKIRT_PX, left : round(box.right) + SKIRT_PX]
    yield from np.unique(window).tolist()


def _clump(
    light: NDArray[np.float32],
    own: NDArray[np.bool_],
    place: Window,
    platelets: Sequence[PixelBox],
    stain: NDArray[np.bool_],
) -> Clump | None:
    """None where it reaches the edge, is too small or too large, or is stained and nobody boxed it."""
    inside = [box for box in platelets if _centre_in(box, place)]
    least = LEAST_PLATELET_PX if inside else LEAST_AREA_PX
    if _on_edge(place, own.shape) or not least <= own[place].sum() <= MOST_AREA_PX:
        return None
    if not inside and stain[place][own[place]].mean() > STAINED_SHARE:
        return None
    rows, columns = place
    top, left = max(0, rows.start - SKIRT_PX), max(0, columns.start - SKIRT_PX)
    window = np.s_[top : rows.stop + SKIRT_PX, left : columns.stop + SKIRT_PX]
    mask = own[window]
    size = SizePx(mask.shape[1], mask.shape[0])
    boxes = tuple(box.moved(-left, -top).clipped(size) for box in inside)
    return Clump(_fading(light[window], mask), mask, boxes)


def _fading(light: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The light, made 1 away from the clump."""
    weight = cv2.GaussianBlur(ndimage.binary_dilation(mask, iterations=2).astype(np.float32), (0, 0), 1.2)
    return np.asarray(1 + (light - 1) * weight[..., None], np.float32)


def _on_edge(place: Window, shape: tuple[int, ...]) -> bool:
    rows, columns = place
    near = min(rows.start, columns.start) < EDGE_PX
    return bool(near or rows.stop > shape[0] - EDGE_PX or columns.stop > shape[1] - EDGE_PX)


def _centre_in(box: PixelBox, place: Window) -> bool:
    x, y = box.centre
    return bool(place[1].start <= x <= place[1].stop and place[0].start <= y <= place[0].stop)
