"""From a detector's raw output to detections: decoding and non-maximum suppression, the same for every runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox
from marrowcount.slides.tiles import TILE_PX

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_DETECTIONS", "Boxes", "detections_of", "overlaps", "suppress"]

Boxes: TypeAlias = "NDArray[np.floating]"
"""(n, 4): left, top, right, bottom in pixels."""

MAX_DETECTIONS: Final = 300
"""Objects kept per tile at most; a 512 px tile of well spread marrow holds some 10 to 60."""

MAX_CANDIDATES: Final = 3000
"""Candidates looked at per tile at most, best first; bounds the work on a picture that fires everywhere."""


def overlaps(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Intersection over union of every box with every other, (n, m); 0 where both are empty."""
    one, two = first[:, None, :].astype(np.float64), second[None, :, :].astype(np.float64)
    low, high = np.maximum(one[..., :2], two[..., :2]), np.minimum(one[..., 2:], two[..., 2:])
    shared: NDArray[np.float64] = np.clip(high - low, 0.0, None).prod(axis=2)
    covered = _areas(one) + _areas(two) - shared
    return shared / np.where(covered > 0, covered, 1.0)


def suppress(boxes: Boxes, probabilities: NDArray[np.floating], iou: float) -> NDArray[np.intp]:
    """Indices of the boxes that no better box overlaps by more than ``iou``, best first.

    One place is one object, whatever the classes: of two boxes on one cell only the more probable one counts.
    """
    order = np.argsort(-probabilities, kind="stable")
    kept: list[int] = []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(int(best))
        order = order[overlaps(boxes[best][None], boxes[order])[0] <= iou]
    return np.array(kept, dtype=np.intp)


def detections_of(predictions: NDArray[np.floating], *, threshold: float, iou: float) -> tuple[Detection, ...]:
    """The objects on a 512 px tile, best first.

    Args:
        predictions: (4 + 19, candidates): centre x, centre y, width, height in pixels, then a probability for each
            class in the order of :class:`CellType`, as YOLO's decoded head gives them.
        threshold: least probability of an object's best class.
        iou: overlap above which the less probable of two boxes is dropped, whatever the classes.
    """
    scores = predictions[4:]
    best = scores.max(axis=0)
    chosen = np.flatnonzero(best >= threshold)
    chosen = chosen[np.argsort(-best[chosen], kind="stable")][:MAX_CANDIDATES]
    boxes = _corners(predictions[:4, chosen])
    kept = suppress(boxes, best[chosen], iou)[:MAX_DETECTIONS]
    classes = scores[:, chosen].argmax(axis=0)
    return tuple(_detection(boxes[i], int(classes[i]), float(best[chosen[i]])) for i in kept)


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    areas: NDArray[np.float64] = np.clip(boxes[..., 2:] - boxes[..., :2], 0.0, None).prod(axis=-1)
    return areas


def _corners(centred: NDArray[np.floating]) -> NDArray[np.float64]:
    middle, half = centred[:2].T.astype(np.float64), centred[2:].T.astype(np.float64) / 2
    corners: NDArray[np.float64] = np.clip(np.concatenate([middle - half, middle + half], axis=1), 0.0, TILE_PX)
    return corners


def _detection(box: NDArray[np.float64], cell_type: int, probability: float) -> Detection:
    left, top, right, bottom = (float(edge) for edge in box)
    return Detection(CellType(cell_type), PixelBox(left, top, right, bottom), min(1.0, probability))
