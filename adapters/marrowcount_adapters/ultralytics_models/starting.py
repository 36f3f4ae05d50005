"""To train on from folded parameters, as ``weights.safetensors`` holds them: batch norms put back where they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from marrowcount_adapters.ultralytics_models.network import new_network, size_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ultralytics.nn.tasks import DetectionModel

__all__ = ["unfolded"]

LEAST_VARIANCE: Final = 1e-6
"""Of a channel that is the same everywhere."""


def unfolded(weights: Mapping[str, Tensor], pictures: Iterable[Tensor], size: str = "") -> DetectionModel:
    """A network in training mode that does what folded parameters do, its batch norms set from pictures.

    Folding lost which part of a layer's scale was its batch norm's. With the layer's own means and deviations,
    measured on pictures as they come in training, a batch norm can be chosen that undoes them: the output stands, and
    in training mode, where the batch's own means and deviations are used, it nearly stands.

    Args:
        weights: folded, or not; those that are not folded are taken as they are.
        pictures: batches (n, 3, side, side), 0 to 1, like those of the training that follows.
        size: one of ``SIZES`` that it must be of; empty for any.

    Raises:
        RuntimeError: the parameters are those of another network, or of another size than wanted.
    """
    found = size_of(weights)
    if size not in {"", found}:
        raise RuntimeError(f"they are of YOLO11{found}, and YOLO11{size} was asked for")
    network = new_network(found)
    values = {name: value.float() for name, value in weights.items()}
    if any(".bn." in name for name in values):
        network.load_state_dict(values)
        return network
    biases = {f"{name.removesuffix('bn')}conv.bias": f"{name}.bias" for name, _ in _norms(network)}
    network.load_state_dict(_neutral(network) | {biases.get(name, name): value for name, value in values.items()})
    network.eval()
    _restore(network, pictures)
    return network.train()


def _neutral(network: nn.Module) -> dict[str, Tensor]:
    """Of all batch norms what makes them add their bias, and no more."""
    state: dict[str, Tensor] = {}
    for name, norm in _norms(network):
        state[f"{name}.weight"] = torch.full_like(norm.bias, (1 + norm.eps) ** 0.5)
        state[f"{name}.running_mean"] = torch.zeros_like(norm.bias)
        state[f"{name}.running_var"] = torch.ones_like(norm.bias)
        state[f"{name}.num_batches_tracked"] = torch.tensor(0)
    return state


def _norms(network: nn.Module) -> list[tuple[str, nn.BatchNorm2d]]:
    return [(name, module) for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)]


class _Moments:
    """Sums over what comes into a layer, channel by channel."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        self._norm = norm
        self._values, self._squares = torch.zeros_like(norm.bias), torch.zeros_like(norm.bias)
        self._count = 0

    def __call__(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].float()
        self._values += values.sum(dim=(0, 2, 3))
        self._squares += values.square().sum(dim=(0, 2, 3))
        self._count += values[:, 0].numel()

    def restore(self) -> None:
        """Put ``weight * (x - mean) / deviation + bias + mean`` in place of ``x + bias``, which is the same."""
        norm, mean = self._norm, self._values / self._count
        variance = (self._squares / self._count - mean.square()).clamp(min=LEAST_VARIANCE)
        state = {"weight": (variance + norm.eps).sqrt(), "bias": norm.bias + mean}
        norm.load_state_dict(norm.state_dict() | state | {"running_mean": mean, "running_var": variance})


@torch.no_grad()
def _restore(network: nn.Module, pictures: Iterable[Tensor]) -> None:
    moments = [(norm, _Moments(norm)) for _, norm in _norms(network)]
    hooks = [norm.register_forward_pre_hook(moment) for norm, moment in moments]
    for batch in pictures:
        network(batch)
    for hook in hooks:
        hook.remove()
    for _, moment in moments:
        moment.restore()
