"""YOLO11 as it is exported: batch norms folded, boxes decoded, no suppression."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount_adapters.ultralytics_models.network import folded, from_folded, new_network, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

__all__ = ["exportable", "folded_parameters"]


def folded_parameters(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parameters of inference from those of training; folded ones are taken as they are.

    Raises:
        RuntimeError: the parameters are those of another network.
    """
    if not any(".bn." in name for name in weights):
        return dict(weights)
    trained = new_network(size_of(weights))
    trained.load_state_dict({name: value.float() for name, value in weights.items()})
    return dict(folded(trained).state_dict())


def exportable(parameters: Mapping[str, Tensor]) -> nn.Module:
    """Pictures (1, 3, 512, 512), 0 to 1, in; predictions (1, 4 + classes, candidates) out.

    A prediction is centre x, centre y, width, height in pixels, then the probability of each class.

    Raises:
        RuntimeError: the parameters are those of another network.
    """
    return from_folded(parameters)
