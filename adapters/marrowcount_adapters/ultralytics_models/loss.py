"""What the cell model learns from: YOLO's losses, for data in which not every box has a class and not all is boxed.

The parts are ultralytics' own (assignment of positions to boxes, box and distribution loss); the loss of the classes
is put together here. With logit z and p = sigmoid(z) of a class at a position, and q the quality with which a position
is assigned to a box (0 for none), each position adds:

- assigned to a box of class c: the binary cross entropies of all classes, with target q for c and 0 for the others;
- assigned to a box of a nucleated cell whose class nobody stated: the same for the classes without a nucleus, target
  0; and for the nucleated ones together the cross entropy with target q of the chance that at least one is there,
  P = 1 - prod(1 - p), that is ``-q log P - (1 - q) sum(log(1 - p))``. Its gradient is shared out among the classes as
  the network itself weighs them, so that something nucleated is taught, and no class;
- assigned to nothing: target 0 for all classes, unless the position lies on ground where some kinds were not boxed
  and in no box; then nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from marrowcount.cytology.cell_types import NUCLEATED_CLASSES
from marrowcount.datasets.labels import UNSEARCHED, UNSTATED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor
    from ultralytics.nn.tasks import DetectionModel

__all__ = ["CellLoss", "some_of"]

LEAST: Final = 1e-37
"""Near the least number of single precision, whose logarithm is finite."""


class CellLoss:
    """The loss of one network.

    Args:
        network: on its device.
        smoothing: share of a box's quality that is spread over all classes (label smoothing).
    """

    def __init__(self, network: DetectionModel, smoothing: float = 0.0) -> None:
        criterion: Any = network.init_criterion()  # type: ignore[no-untyped-call] # not annotated
        self._criterion = criterion
        self._classes: int = criterion.nc
        # To the assignment, "some nucleated cell" is one more class after the others.
        criterion.assigner.num_classes = self._classes + 1
        nucleated = torch.zeros(self._classes, dtype=torch.bool)
        nucleated[[int(cell_type) for cell_type in NUCLEATED_CLASSES if cell_type < self._classes]] = True
        self._nucleated = nucleated.to(criterion.device)
        self._smoothing = smoothing

    def __call__(
        self, network: DetectionModel, batch: tuple[NDArray[np.uint8], NDArray[np.float32]]
    ) -> tuple[Tensor, dict[str, float]]:
        """The loss of pictures (n, side, side, 3) and their objects, the network in bfloat16; and its parts.

        Objects are (m, 6): picture, class or one of :mod:`marrowcount.datasets.labels`, centre x, centre y, width,
        height as shares of the side.
        """
        device = next(network.parameters()).device
        pictures, rows = (torch.from_numpy(part).to(device) for part in batch)
        # (n, rows, columns, 3) seen as (n, 3, rows, columns) is channels last already.
        inputs = pictures.permute(0, 3, 1, 2).float().div_(255)
        with torch.autocast(device.type, torch.bfloat16):
            raw = network(inputs)
        box, cls, distribution = self._parts(
            raw["feats"], raw["boxes"].float(), raw["scores"].float(), rows, inputs.shape[-1]
        )
        gains = self._criterion.hyp
        parts = {"box": gains.box * box, "class": gains.cls * cls, "distribution": gains.dfl * distribution}
        loss = torch.stack(list(parts.values())).sum()
        figures = {name: round(float(value.detach()), 3) for name, value in parts.items()}
        return loss * len(pictures), {"loss": round(float(loss.detach()), 3), **figures}

    def _parts(
        self, features: list[Tensor], boxes: Tensor, scores: Tensor, rows: Tensor, side: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Box, class and distribution loss of raw outputs (n, channels, positions)."""
        c, kinds = self._criterion, rows[:, 1]
        boxes, logits = boxes.permute(0, 2, 1).contiguous(), scores.permute(0, 2, 1).contiguous()
        points, strides = _positions(features, c.stride)
        found = c.bbox_decode(points, boxes)
        objects, unsearched = (
            self._padded(rows[mask], len(boxes), side) for mask in (kinds >= UNSTATED, kinds == UNSEARCHED)
        )
        places = points * strides
        wanted, quality, assigned = self._assigned(logits.detach(), found.detach() * strides, places, objects)
        total = quality.sum().clamp(min=1)
        taught = assigned | _covered(places, objects[..., 1:]) | ~_covered(places, unsearched[..., 1:])
        of_classes = (self._class_loss(logits, quality) * taught).sum() / total
        size = torch.full((2,), float(side), device=logits.device)
        of_boxes, of_distribution = c.bbox_loss(
            boxes, found, points, wanted / strides, quality, total, assigned, size, strides
        )
        return of_boxes, of_classes, of_distribution

    def _assigned(
        self, logits: Tensor, found: Tensor, places: Tensor, objects: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The box that each position is to find, (n, positions, 4), how well, (..., classes + 1), and whether any."""
        chances = logits.sigmoid()
        some = 1 - (1 - chances[..., self._nucleated]).prod(dim=2, keepdim=True)
        labels, edges = objects[..., :1], objects[..., 1:]
        _, wanted, quality, assigned, _ = self._criterion.assigner(
            torch.cat([chances, some], dim=2),
            found,
            places,
            torch.where(labels == UNSTATED, self._classes, labels),
            edges,
            edges.sum(dim=2, keepdim=True).gt(0).float(),
        )
        return wanted, quality.float(), assigned

    def _class_loss(self, logits: Tensor, quality: Tensor) -> Tensor:
        """As the module says, (n, positions); ``quality`` is (n, positions, classes + 1)."""
        of_class, of_some = quality[..., :-1], quality[..., -1]
        spread = self._smoothing * of_class.sum(dim=2, keepdim=True) / self._classes
        single = binary_cross_entropy_with_logits(logits, (1 - self._smoothing) * of_class + spread, reduction="none")
        loss = single.sum(dim=2)
        unstated = of_some > 0
        if unstated.any():
            others = single[unstated][:, ~self._nucleated].sum(dim=1)
            together = some_of(logits[unstated][:, self._nucleated], of_some[unstated])
            return loss.masked_scatter(unstated, others + together)
        return loss

    def _padded(self, rows: Tensor, pictures: int, side: int) -> Tensor:
        """Class, left, top, right, bottom in pixels, (pictures, most on one, 5), zero where there is none."""
        padded: Tensor = self._criterion.preprocess(rows, pictures, torch.full((4,), float(side), device=rows.device))
        return padded


def some_of(logits: Tensor, quality: Tensor) -> Tensor:
    """Cross entropy with target ``quality`` (n,) of the chance that at least one of independent logits (n, k) is true.

    With s = sum(softplus(z)) = -sum(log(1 - p)), that chance is P = 1 - exp(-s).
    """
    none = softplus(logits).sum(dim=1)
    return (1 - quality) * none - quality * torch.log(-torch.expm1(-none.clamp(min=LEAST)))


def _covered(points: Tensor, edges: Tensor) -> Tensor:
    """Whether points (positions, 2) lie in one of the boxes of each picture (n, k, 4), (n, positions)."""
    x, y = points[:, 0], points[:, 1]
    left, top, right, bottom = (edges[..., i : i + 1] for i in range(4))
    return ((x > left) & (x < right) & (y > top) & (y < bottom)).any(dim=1)


def _positions(features: list[Tensor], strides: Tensor) -> tuple[Tensor, Tensor]:
    """Middles of the cells of the output grids in their own steps, (positions, 2), and the steps, (positions, 1)."""
    points: list[Tensor] = []
    steps: list[Tensor] = []
    for grid, stride in zip(features, strides, strict=True):
        y, x = torch.meshgrid(*(torch.arange(n, device=grid.device) + 0.5 for n in grid.shape[-2:]), indexing="ij")
        points.append(torch.stack([x, y], dim=2).view(-1, 2))
        steps.append(torch.full((points[-1].shape[0], 1), float(stride), device=grid.device))
    return torch.cat(points), torch.cat(steps)
