"""What the ROI model learns from: cross entropy over two outputs, as in the paper, and the faults of single places."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from marrowcount_adapters.torch_models.densenet import DenseNet121

__all__ = ["roi_loss"]

PLACES_WEIGHT: Final = 1.0


def roi_loss(
    network: DenseNet121, batch: tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]
) -> tuple[Tensor, dict[str, float]]:
    """Cross entropy of tiles, and of their places where it is known which are faulty; the network in bfloat16.

    Args:
        network: in training mode.
        batch: pictures (n, 256, 256, 3), classes (n,), faults of the places (n, 8, 8) with NaN for unknown.
    """
    device = next(network.parameters()).device
    pictures, labels, faults = (torch.from_numpy(part).to(device) for part in batch)
    # (n, rows, columns, 3) seen as (n, 3, rows, columns) is channels last already.
    inputs = pictures.permute(0, 3, 1, 2).float().div_(255)
    with torch.autocast(device.type, torch.bfloat16):
        excess = network.places(inputs)
    logits = network.decided(excess)
    loss = cross_entropy(logits, labels)
    of_places = _places_loss(excess, faults.flatten(1))
    right = (logits.argmax(dim=1) == labels).float().mean()
    report = {"loss": round(loss.item(), 4), "places": round(of_places.item(), 4), "accuracy": round(right.item(), 4)}
    return loss + PLACES_WEIGHT * of_places, report


def _places_loss(excess: Tensor, faults: Tensor) -> Tensor:
    """Binary cross entropy of places, 0 where none is known.

    The tile takes the mean of the places' exponentials: for a single faulty place to spoil its tile, it must exceed the
    logarithm of their number, and that is where its own scale begins.
    """
    known = ~faults.isnan()
    if not known.any():
        return excess.sum() * 0
    return binary_cross_entropy_with_logits(excess[known] - math.log(excess.shape[1]), faults[known])
