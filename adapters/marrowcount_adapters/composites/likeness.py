"""Finding copies: the same cell or photograph in two places, mirrored, turned by quarters or moved a little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from marrowcount_adapters.composites.boxed import ORIENTATIONS, oriented_picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from marrowcount.ports import Picture

__all__ = ["Fingerprint", "fingerprint", "kin", "lookalikes", "patch_at"]

SIDE_PX: Final = 64
PATCH_UM: Final = 16.0
HASH_PX, HASH_SIDE = 32, 8
"""Perceptual hash: the signs of the 63 lowest frequencies of a 32 px picture against their median."""
MOST_BITS: Final = 20
"""Pairs that differ in more of the 63 are not looked at further."""
TEMPLATE_PX: Final = 48
COARSE_PX: Final = 3.0
"""Only what is finer is correlated: all lymphocytes are dark and round."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is compared of one picture.

    Attributes:
        owner: whose it is.
        bits: (8, 63), the hash in all orientations.
        patch: (64, 64), grey, what is fine of it.
    """

    owner: str
    bits: NDArray[np.bool_]
    patch: NDArray[np.float32]


def fingerprint(owner: str, picture: Picture) -> Fingerprint:
    """Of a whole picture, (rows, columns, 3) RGB."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    patch = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine = patch - cv2.GaussianBlur(patch, (0, 0), COARSE_PX)
    bits = [_hash(oriented_picture(patch, orientation)) for orientation in range(ORIENTATIONS)]
    return Fingerprint(owner, np.array(bits), fine)


def patch_at(picture: Picture, x: float, y: float, um_per_px: float) -> Picture:
    """16 um around a place, mirrored where that reaches over the picture's edge."""
    side = max(4, round(PATCH_UM / um_per_px))
    padded = np.pad(picture, ((side, side), (side, side), (0, 0)), mode="symmetric")
    top, left = round(y + side / 2), round(x + side / 2)
    return padded[top : top + side, left : left + side]


def lookalikes(prints: Sequence[Fingerprint], least_correlation: float) -> Iterator[tuple[str, str, float]]:
    """Pairs of different owners that show the same thing, with their correlation.

    Args:
        prints: each is compared with each.
        least_correlation: of what is fine in both, at the best place in the best orientation.
    """
    for one, other in _near(prints):
        owners = prints[one].owner, prints[other].owner
        if owners[0] == owners[1]:
            continue
        correlation = _correlation(prints[one].patch, prints[other].patch)
        if correlation >= least_correlation:
            yield *owners, correlation


def kin(owners: Iterable[str], pairs: Iterable[tuple[str, str]]) -> Mapping[str, frozenset[str]]:
    """Of each owner all who are bound to it by pairs, directly or by others, itself among them."""
    bound = {owner: {owner} for owner in owners}
    for one, other in pairs:
        if bound[one] is not bound[other]:
            bound[one] |= bound[other]
            bound.update(dict.fromkeys(bound[other], bound[one]))
    return {owner: frozenset(others) for owner, others in bound.items()}


def _near(prints: Sequence[Fingerprint]) -> Iterator[tuple[int, int]]:
    """Pairs of places whose hashes differ little in some orientation."""
    if not prints:
        return
    first = _signs([one.bits[0] for one in prints])
    nearest = np.full((len(prints), len(prints)), first.shape[1], np.int32)
    for orientation in range(ORIENTATIONS):
        bits = _signs([one.bits[orientation] for one in prints])
        nearest = np.minimum(nearest, ((first.shape[1] - first @ bits.T) / 2).astype(np.int32))
    yield from ((one, other) for one, other in np.argwhere(np.triu(nearest <= MOST_BITS, 1)).tolist())


def _signs(bits: Sequence[NDArray[np.bool_]]) -> NDArray[np.float32]:
    return np.where(np.stack(bits), 1, -1).astype(np.float32)


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Of the inner part of one with its best place in the other, in any orientation."""
    edge = (SIDE_PX - TEMPLATE_PX) // 2
    template = np.ascontiguousarray(one[edge:-edge, edge:-edge])
    turned = (
        np.ascontiguousarray(oriented_picture(other, orientation), np.float32) for orientation in range(ORIENTATIONS)
    )
    return max(float(cv2.matchTemplate(side, template, cv2.TM_CCOEFF_NORMED).max()) for side in turned)


def _hash(patch: NDArray[np.generic]) -> NDArray[np.bool_]:
    small = cv2.resize(np.ascontiguousarray(patch, np.float32), (HASH_PX, HASH_PX), interpolation=cv2.INTER_AREA)
    low = cv2.dct(np.asarray(small, np.float32))[:HASH_SIDE, :HASH_SIDE].ravel()[1:]
    return np.asarray(low > np.median(low), np.bool_)
