"""DenseNet121 (Huang 2017), the paper's ROI network, with the parameter names that torchvision's weights carry.

One thing differs from the paper: the last layer judges each place of the tile, and the worst places decide instead of
the mean over the tile. A tile is unfit where any part of it is, and a fault in a corner would drown in the mean.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DenseNet121", "begun", "new_network"]

BLOCKS: Final = (6, 12, 24, 16)
GROWTH: Final = 32
BOTTLENECK: Final = 4
STEM: Final = 64


class _Layer(nn.Module):
    """Batch norm, ReLU, 1 x 1 to 128 channels, batch norm, ReLU, 3 x 3 to 32 new channels beside the old ones."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, BOTTLENECK * GROWTH, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(BOTTLENECK * GROWTH)
        self.conv2 = nn.Conv2d(BOTTLENECK * GROWTH, GROWTH, 3, padding=1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        narrow = self.conv1(torch.relu(self.norm1(features)))
        return torch.cat([features, self.conv2(torch.relu(self.norm2(narrow)))], dim=1)


class DenseNet121(nn.Module):
    """Pictures (n, 3, rows, columns) in, logits of unfit and fit out, (n, 2)."""

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        self.features, channels = _features()
        self.classifier = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, pictures: Tensor) -> Tensor:
        """The smooth maximum over the places of how much more unfit than fit they are."""
        return self.decided(self.places(pictures))

    def places(self, pictures: Tensor) -> Tensor:
        """Features, ReLU, one linear layer at each place: how much more unfit than fit it is, (n, places)."""
        features = torch.relu(self.features(pictures))
        logits = self.classifier(features.flatten(2).transpose(1, 2)).float()
        excess: Tensor = logits[..., 0] - logits[..., 1]
        return excess

    @staticmethod
    def decided(excess: Tensor) -> Tensor:
        """Logits of unfit and fit, (n, 2), from what the places say, (n, places)."""
        # The logarithm of the mean of exponentials: the mean where all places agree, the worst where one stands out.
        highest = excess.amax(dim=1, keepdim=True)
        worst = (highest + (excess - highest).exp().mean(dim=1, keepdim=True).log()).squeeze(1)
        return torch.stack([worst, -worst], dim=1) / 2


def new_network() -> DenseNet121:
    """An untrained network in training mode, channels last."""
    network = DenseNet121()
    return network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload,no-any-return] # torch's stub


def begun(weights: Mapping[str, Tensor], _pictures: object = None) -> DenseNet121:
    """A network with given parameters, to train on; a last layer for other classes (ImageNet's) is begun anew.

    Args:
        weights: by the names of torchvision's state dict, in single or half precision.

    Raises:
        RuntimeError: the parameters are those of another network.
    """
    network = new_network()
    values = {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    if "classifier.weight" in values and values["classifier.weight"].shape != network.classifier.weight.shape:
        values |= {f"classifier.{name}": value for name, value in network.classifier.state_dict().items()}
    network.load_state_dict(values)
    return network


def _features() -> tuple[nn.Sequential, int]:
    parts: OrderedDict[str, nn.Module] = OrderedDict(
        conv0=nn.Conv2d(3, STEM, 7, stride=2, padding=3, bias=False),
        norm0=nn.BatchNorm2d(STEM),
        relu0=nn.ReLU(),
        pool0=nn.MaxPool2d(3, stride=2, padding=1),
    )
    channels = STEM
    for number, layers in enumerate(BLOCKS, start=1):
        parts[f"denseblock{number}"] = _block(layers, channels)
        channels += layers * GROWTH
        if number < len(BLOCKS):
            parts[f"transition{number}"] = _transition(channels)
            channels //= 2
    parts["norm5"] = nn.BatchNorm2d(channels)
    return nn.Sequential(parts), channels


def _block(layers: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict((f"denselayer{i + 1}", _Layer(channels + i * GROWTH)) for i in range(layers)),
    )


def _transition(channels: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(channels),
            relu=nn.ReLU(),
            conv=nn.Conv2d(channels, channels // 2, 1, bias=False),
            pool=nn.AvgPool2d(2, stride=2),
        )
    )
