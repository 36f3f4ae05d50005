"""What the ROI model learns from: cross entropy over two outputs, as in the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from marrowcount_adapters.torch_models.densenet import DenseNet121

__all__ = ["roi_loss"]


def roi_loss(
    network: DenseNet121, batch: tuple[NDArray[np.uint8], NDArray[np.int64]]
) -> tuple[Tensor, dict[str, float]]:
    """Cross entropy of pictures (n, 256, 256, 3) and classes (n,), the network in bfloat16; and the accuracy."""
    device = next(network.parameters()).device
    pictures, labels = (torch.from_numpy(part).to(device) for part in batch)
    # (n, rows, columns, 3) seen as (n, 3, rows, columns) is channels last already.
    inputs = pictures.permute(0, 3, 1, 2).float().div_(255)
    with torch.autocast(device.type, torch.bfloat16):
        logits = network(inputs).float()
    loss = torch.nn.functional.cross_entropy(logits, labels)
    right = (logits.argmax(dim=1) == labels).float().mean()
    return loss, {"loss": round(loss.item(), 4), "accuracy": round(right.item(), 4)}
