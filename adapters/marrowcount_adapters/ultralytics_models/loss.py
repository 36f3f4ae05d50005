"""What the cell model learns from: ultralytics' own loss, in our own loop so that a CPU can train in bfloat16."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor
    from ultralytics.nn.tasks import DetectionModel

__all__ = ["CellLoss"]


class CellLoss:
    """v8DetectionLoss (box, class, distribution) of one network."""

    def __init__(self, network: DetectionModel) -> None:
        self._criterion = network.init_criterion()  # type: ignore[no-untyped-call] # not annotated

    def __call__(
        self, network: DetectionModel, batch: tuple[NDArray[np.uint8], NDArray[np.float32]]
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss of pictures (n, 512, 512, 3) and their objects, the network in bfloat16; and its parts.

        Objects are (m, 6): picture, class, centre x, centre y, width, height as shares of the side.
        """
        device = next(network.parameters()).device
        pictures, objects = (torch.from_numpy(part).to(device) for part in batch)
        # (n, rows, columns, 3) seen as (n, 3, rows, columns) is channels last already.
        inputs = pictures.permute(0, 3, 1, 2).float().div_(255)
        with torch.autocast(device.type, torch.bfloat16):
            raw = network(inputs)
        outputs = {name: value if name == "feats" else value.float() for name, value in raw.items()}
        labels = {"batch_idx": objects[:, 0], "cls": objects[:, 1], "bboxes": objects[:, 2:]}
        loss, parts = self._criterion(outputs, labels)
        return loss.sum(), {name: round(float(value), 3) for name, value in parts.items()}
