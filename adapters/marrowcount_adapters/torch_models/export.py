"""DenseNet121 as it is exported: pictures in, probabilities out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from marrowcount_adapters.torch_models.densenet import DenseNet121

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["exportable"]


class _Probabilities(nn.Module):
    """Logits to probabilities, so that every runtime gets the same from the graph."""

    def __init__(self, network: DenseNet121) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        return torch.softmax(self.network(pictures), dim=1)


def exportable(parameters: Mapping[str, Tensor]) -> nn.Module:
    """Pictures (n, 3, 256, 256), 0 to 1, in; probabilities of unfit and fit, (n, 2), out.

    The graph keeps its batch norms, so that it holds the same numbers as the parameters; the runtime folds them when it
    loads.

    Raises:
        RuntimeError: the parameters are those of another network.
    """
    network = DenseNet121().eval()
    network.load_state_dict({name: value.float() for name, value in parameters.items()})
    return _Probabilities(network).eval()
