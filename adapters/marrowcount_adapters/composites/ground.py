"""Smear ground put together anew from real photographs: red cells and platelets strewn on empty glass."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from scipy import ndimage

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import LabelledBox
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount_adapters.composites.cutting import CUT_UM_PER_PX, EMPTY_DENSITY, NUCLEAR_STAIN
from marrowcount_adapters.composites.glass import glass_of, optical_density
from marrowcount_adapters.composites.photographs import at_scale

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from marrowcount.ports import Picture
    from marrowcount_adapters.composites.photographs import Photograph

__all__ = ["Clump", "SmearGround", "clumps_on", "strewn"]

LEAST_AREA_PX, MOST_AREA_PX = 900, 16000
"""Half a red cell; five that touch."""
LEAST_PLATELET_PX: Final = 80
SKIRT_PX: Final = 5
EDGE_PX: Final = 2
STAINED_SHARE: Final = 0.03
RED_SHARE: Final = 0.45
"""Of a red cell's density, from which ground is taken."""
COVERED: Final = (0.08, 0.55)
"""Share of the ground under red cells, from thin to dense smears."""
PHOTOGRAPHS: Final = 10
"""That give their red cells to one ground."""
MOST_OVERLAP: Final = 0.15
TRIES: Final = 400
UNEVENNESS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Clump:
    """Red cells that touch, or a platelet, at 0.125 um/px.

    Attributes:
        light: (rows, columns, 3), what is let through, 1 on empty glass.
        mask: (rows, columns), where it lies.
        platelets: boxes of platelets in it.
    """

    light: NDArray[np.float32]
    mask: NDArray[np.bool_]
    platelets: tuple[PixelBox, ...]


@dataclass(frozen=True, slots=True)
class SmearGround:
    """What one photograph gives: the colour of its glass and its clumps; and which camera it comes from."""

    camera: SizePx
    glass: NDArray[np.float32]
    clumps: tuple[Clump, ...]


def clumps_on(photograph: Photograph) -> SmearGround:
    """Everything whole on a photograph that touches no nucleated cell."""
    picture, objects = at_scale(photograph, CUT_UM_PER_PX)
    glass = glass_of(picture)
    density = optical_density(picture, glass)
    nucleated = [one.box for one in objects if one.cell_type is not CellType.PLATELET]
    platelets = [one.box for one in objects if one.cell_type is CellType.PLATELET]
    smooth = cv2.GaussianBlur(density.sum(axis=2), (0, 0), 1.5)
    red_cells = [_scaled(box, photograph.um_per_px / CUT_UM_PER_PX) for box in photograph.red_cells]
    taken = ndimage.binary_fill_holes(smooth > max(EMPTY_DENSITY, RED_SHARE * _typical(smooth, red_cells)))
    labels, count = ndimage.label(ndimage.binary_opening(taken, iterations=2))
    barred = _under(nucleated, labels)
    stain = density[..., 1] - density[..., 2] > NUCLEAR_STAIN
    clumps = (
        _clump(picture / glass, labels, place, number, platelets, stain)
        for number, place in enumerate(ndimage.find_objects(labels, count), 1)
        if number not in barred
    )
    return SmearGround(photograph.size, glass, tuple(clump for clump in clumps if clump is not None))


def _scaled(box: PixelBox, factor: float) -> PixelBox:
    return PixelBox(box.left * factor, box.top * factor, box.right * factor, box.bottom * factor)


def _typical(density: NDArray[np.float32], boxes: Sequence[PixelBox]) -> float:
    """Median density in these boxes; 0 without any."""
    inside = [density[round(b.top) : round(b.bottom), round(b.left) : round(b.right)].ravel() for b in boxes]
    return float(np.median(np.concatenate(inside))) if inside else 0.0


def _under(boxes: Sequence[PixelBox], labels: NDArray[np.int32]) -> set[int]:
    found: set[int] = set()
    for box in boxes:
        top, left = max(0, round(box.top) - SKIRT_PX), max(0, round(box.left) - SKIRT_PX)
        found.update(np.unique(labels[top : round(box.bottom) + SKIRT_PX, left : round(box.right) + SKIRT_PX]).tolist())
    return found


def _clump(
    light: NDArray[np.float32],
    labels: NDArray[np.int32],
    place: tuple[slice, slice],
    number: int,
    platelets: Sequence[PixelBox],
    stain: NDArray[np.bool_],
) -> Clump | None:
    rows, columns = place
    mask = labels[place] == number
    on_edge = (
        min(rows.start, columns.start) < EDGE_PX
        or rows.stop > labels.shape[0] - EDGE_PX
        or columns.stop > labels.shape[1] - EDGE_PX
    )
    inside = [box for box in platelets if _centre_in(box, rows, columns)]
    least = LEAST_PLATELET_PX if inside else LEAST_AREA_PX
    if on_edge or not least <= mask.sum() <= MOST_AREA_PX:
        return None
    if not inside and stain[place][mask].mean() > STAINED_SHARE:
        return None  # stained and unlabelled: a platelet that nobody boxed, or dirt
    top, left = max(0, rows.start - SKIRT_PX), max(0, columns.start - SKIRT_PX)
    window = np.s_[top : rows.stop + SKIRT_PX, left : columns.stop + SKIRT_PX]
    own = labels[window] == number
    weight = cv2.GaussianBlur(ndimage.binary_dilation(own, iterations=2).astype(np.float32), (0, 0), 1.2)[..., None]
    shape = SizePx(own.shape[1], own.shape[0])
    boxes = tuple(box.moved(-left, -top).clipped(shape) for box in inside)
    return Clump((1 + (light[window] - 1) * weight).astype(np.float32), own, boxes)


def _centre_in(box: PixelBox, rows: slice, columns: slice) -> bool:
    x, y = box.centre
    return bool(columns.start <= x <= columns.stop and rows.start <= y <= rows.stop)


def strewn(
    grounds: Sequence[SmearGround], side_px: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], list[LabelledBox], NDArray[np.float32]]:
    """A square of ground at 0.125 um/px with its platelets, and the colour of its glass.

    All clumps come from photographs of one camera; each lets through the light that it let through on its own glass.
    """
    chosen = _of_one_camera(grounds, rng)
    glass = chosen[0].glass * rng.uniform(0.97, 1.03, 3).astype(np.float32)
    canvas = glass * _uneven(side_px, rng)[..., None]
    occupied = np.zeros((side_px, side_px), np.bool_)
    wanted = rng.uniform(*COVERED) * side_px**2
    clumps = [clump for ground in chosen for clump in ground.clumps]
    objects: list[LabelledBox] = []
    covered = 0
    for _ in range(TRIES):
        if covered >= wanted:
            break
        clump = _turned(clumps[int(rng.integers(len(clumps)))], int(rng.integers(8)))
        covered += _lay(clump, canvas, occupied, objects, rng)
    return canvas, objects, glass


def _of_one_camera(grounds: Sequence[SmearGround], rng: np.random.Generator) -> list[SmearGround]:
    """A photograph and those of the same camera whose glass is most like its own."""
    by_camera: dict[SizePx, list[SmearGround]] = defaultdict(list)
    for ground in grounds:
        if ground.clumps:
            by_camera[ground.camera].append(ground)
    cameras = sorted(by_camera, key=lambda size: (size.width, size.height))
    some = by_camera[cameras[int(rng.integers(len(cameras)))]]
    first = some[int(rng.integers(len(some)))]
    return sorted(some, key=lambda ground: float(np.abs(ground.glass - first.glass).sum()))[:PHOTOGRAPHS]


def _uneven(side_px: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Light that varies a little over the field."""
    coarse = rng.normal(0, UNEVENNESS, (4, 4)).astype(np.float32)
    return np.asarray(1 + cv2.resize(coarse, (side_px, side_px), interpolation=cv2.INTER_CUBIC), np.float32)


def _turned(clump: Clump, orientation: int) -> Clump:
    """One of the eight orientations."""
    light, mask, boxes = clump.light, clump.mask, clump.platelets
    if orientation >= 4:
        width = light.shape[1]
        light, mask = light[:, ::-1], mask[:, ::-1]
        boxes = tuple(PixelBox(width - b.right, b.top, width - b.left, b.bottom) for b in boxes)
    for _ in range(orientation % 4):
        width = light.shape[1]
        boxes = tuple(PixelBox(b.top, width - b.right, b.bottom, width - b.left) for b in boxes)
        light, mask = np.rot90(light), np.rot90(mask)
    return Clump(light, mask, boxes)


def _lay(
    clump: Clump,
    canvas: NDArray[np.float32],
    occupied: NDArray[np.bool_],
    objects: list[LabelledBox],
    rng: np.random.Generator,
) -> int:
    """Lay a clump where it hardly overlaps others; the pixels it takes, 0 where it found no room."""
    side = canvas.shape[0]
    rows, columns = clump.mask.shape
    top, left = int(rng.integers(-rows // 2, side - rows // 2)), int(rng.integers(-columns // 2, side - columns // 2))
    here = np.s_[max(0, top) : min(side, top + rows), max(0, left) : min(side, left + columns)]
    there = np.s_[here[0].start - top : here[0].stop - top, here[1].start - left : here[1].stop - left]
    mask = clump.mask[there]
    if not mask.any() or occupied[here][mask].mean() > MOST_OVERLAP:
        return 0
    canvas[here] *= clump.light[there]
    occupied[here] |= mask
    size = SizePx(side, side)
    for box in clump.platelets:
        seen = replace(LabelledBox(box.moved(left, top), CellType.PLATELET), box=box.moved(left, top).clipped(size))
        if seen.box.area > 0.5 * box.area:
            objects.append(seen)
    return int(mask.sum())
