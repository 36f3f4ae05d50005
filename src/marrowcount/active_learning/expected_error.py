"""Expected error reduction, the strategy that the paper names: which labels let the expected error fall most.

Roy and McCallum (2001) choose the example x whose label is expected to leave the least error over the whole pool,

    x* = argmin over x of  E over y ~ P(y | x) of  E(error over the pool, of a model trained on D and (x, y)).

Taken by its word this asks for one training per tile and possible labelling, which no detector can afford. What is
computed here differs in four points:

1. *The error* is what the present model itself expects on the pool. With q_x(c), the share of class c among what the
   views say of object x (:mod:`marrowcount.active_learning.sightings`), and y_x, what a count would take it for,

       N_c = sum over x of q_x(c)                      objects of class c to be expected in the pool,
       R_c = sum over x of q_x(c) [y_x != c]           of which so many are expected to be missed or misclassified,
       e_c = R_c / N_c,

   and the error is the mean of e_c over the 19 classes, since the paper's measure, mAP, is a mean over classes too.
   False finds do not enter.
2. *The training* is replaced by a learning curve for each class: with n_c labelled objects the error falls as
   n_c to the power of -a. Then labels for m_c more objects bring e_c down to

       e_c ((n_c + 1) / (n_c + 1 + m_c))^a.

   Power laws are what is found empirically (Hestness et al. 2017). a = 0.47 is the paper's own: from iteration 1 to 8
   of its table 4 the objects grow from 6,128 to 24,735 and 1 - mAP falls from 0.48 to 0.25.
3. *The expectation over labels* is drawn into the curve: m_c(t) is an expected number. The curve is convex in it, so
   that this errs, upwards, only to second order in m_c / n_c.
4. *What a label teaches* is not the same for each object. The gradient of cross entropy at an output is the
   difference of label and probability, so that confirming what was certain teaches nothing. An object counts
   q (1 - q), in units of the pool's mean for its class:

       m_c(t) = sum over x on t of q_x(c) (1 - q_x(c)) / g_c,   g_c = (sum over the pool of q (1 - q)) / N_c.

The gain of a tile t is the fall of the mean error,

    G(t) = 1/19 sum over c of e_c ((n_c0 + 1) / (n_c + 1))^a (1 - ((n_c + 1) / (n_c + 1 + m_c(t)))^a),

n_c0 being the labels at the beginning and n_c those with what was chosen since. The total over a set of tiles is a sum
of concave functions of sums, so that choosing the best one again and again comes within 1 - 1/e of the best set
(Nemhauser et al. 1978).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.active_learning.strategies import TileScore, of_classes
from marrowcount.cytology.cell_types import CellType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount.active_learning.candidates import SeenTiles

__all__ = ["EXPONENT", "ErrorReduction"]

EXPONENT: Final = 0.47
"""log(0.48 / 0.25) / log(24735 / 6128), from Tayebi 2022, table 4."""

CLASSES: Final = np.arange(len(CellType))


class ErrorReduction(TileScore):
    """By how much the mean expected error over the classes would fall; the module's docstring has the formula.

    Args:
        seen: the tiles of the pool, from two views at least, so that doubt between classes shows.
        labels: labelled objects of each class, (19,).
    """

    def __init__(self, seen: SeenTiles, labels: NDArray[np.float64]) -> None:
        wrong = seen.shares * (seen.counted[:, None] != CLASSES)
        doubt = seen.shares * (1 - seen.shares)
        objects = seen.shares.sum(axis=0)
        self.error = _ratio(wrong.sum(axis=0), objects)
        self._taught = _ratio(seen.summed(doubt), _ratio(doubt.sum(axis=0), objects))
        self._labels = labels.astype(np.float64)
        self._labels_before = self._labels

    def gains(self) -> NDArray[np.float64]:
        """The fall of the mean error over the 19 classes."""
        gains: NDArray[np.float64] = self._parts(self._taught).mean(axis=1)
        return gains

    def take(self, place: int) -> None:
        """What it teaches is learnt."""
        self._labels = self._labels + self._taught[place]

    def why(self, place: int) -> str:
        """The classes whose error falls most."""
        parts = self._parts(self._taught[place]) / len(CellType)
        said = of_classes(parts, lambda kind: f"{parts[kind]:.2g} (expected error {self.error[kind]:.2f})")
        return f"the mean expected error falls by {parts.sum():.2g}: {said}"

    def _parts(self, taught: NDArray[np.float64]) -> NDArray[np.float64]:
        """By how much each class's error falls."""
        now = self.error * ((self._labels_before + 1) / (self._labels + 1)) ** EXPONENT
        left = ((self._labels + 1) / (self._labels + 1 + taught)) ** EXPONENT
        parts: NDArray[np.float64] = now * (1 - left)
        return parts


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 where there is nothing."""
    return part / np.where(whole > 0, whole, np.inf)
