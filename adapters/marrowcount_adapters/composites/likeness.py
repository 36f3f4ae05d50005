"""Finding copies: the same cell or photograph in two places, mirrored, turned by quarters or moved a little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from marrowcount.ports import Picture

__all__ = ["Fingerprint", "fingerprint", "lookalikes", "patch_at"]

SIDE_PX: Final = 64
PATCH_UM: Final = 16.0
HASH_PX, HASH_SIDE = 32, 8
"""Perceptual hash: the signs of the 63 lowest frequencies of a 32 px picture against their median."""
MOST_BITS: Final = 16
"""Pairs that differ in more of the 63 are not looked at further."""
TEMPLATE_PX: Final = 48
LEAST_CORRELATION: Final = 0.90
"""Of the inner part of one with its best place in the other; different cells of the same look stay below 0.85."""
ORIENTATIONS: Final = 8


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is compared of one picture.

    Attributes:
        owner: whose it is.
        bits: (8, 63), the hash in all orientations.
        patch: (64, 64), grey.
    """

    owner: str
    bits: NDArray[np.bool_]
    patch: NDArray[np.uint8]


def fingerprint(owner: str, picture: Picture) -> Fingerprint:
    """Of a whole picture, (rows, columns, 3) RGB."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    patch = np.asarray(cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), np.uint8)
    return Fingerprint(owner, np.array([_hash(one) for one in _orientations(patch)]), patch)


def patch_at(picture: Picture, x: float, y: float, um_per_px: float) -> Picture:
    """16 um around a place, mirrored where that reaches over the picture's edge."""
    side = max(4, round(PATCH_UM / um_per_px))
    padded = np.pad(picture, ((side, side), (side, side), (0, 0)), mode="symmetric")
    top, left = (
        min(max(0, round(place + side / 2)), limit)
        for place, limit in ((y, picture.shape[0] + side), (x, picture.shape[1] + side))
    )
    return padded[top : top + side, left : left + side]


def lookalikes(some: Sequence[Fingerprint], others: Sequence[Fingerprint]) -> Iterator[tuple[str, str]]:
    """Pairs of different owners that show the same thing."""
    if not some or not others:
        return
    first = _signs(np.stack([one.bits[0] for one in some]))
    nearest = np.full((len(some), len(others)), HASH_SIDE**2, np.int32)
    for turned in range(ORIENTATIONS):
        bits = _signs(np.stack([other.bits[turned] for other in others]))
        nearest = np.minimum(nearest, ((bits.shape[1] - first @ bits.T) / 2).astype(np.int32))
    for one, other in np.argwhere(nearest <= MOST_BITS).tolist():
        if some[one].owner != others[other].owner and _same(some[one].patch, others[other].patch):
            yield some[one].owner, others[other].owner


def _signs(bits: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(bits, 1, -1).astype(np.float32)


def _same(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    edge = (SIDE_PX - TEMPLATE_PX) // 2
    template = np.ascontiguousarray(one[edge:-edge, edge:-edge])
    return any(
        float(cv2.matchTemplate(turned, template, cv2.TM_CCOEFF_NORMED).max()) >= LEAST_CORRELATION
        for turned in _orientations(other)
    )


def _orientations(patch: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for side in (patch, patch[:, ::-1]):
        for quarters in range(4):
            yield np.ascontiguousarray(np.rot90(side, quarters))


def _hash(patch: NDArray[np.uint8]) -> NDArray[np.bool_]:
    small = cv2.resize(patch, (HASH_PX, HASH_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:HASH_SIDE, :HASH_SIDE].ravel()[1:]
    return np.asarray(low > np.median(low), np.bool_)
