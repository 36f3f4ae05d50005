"""The ROI model's network in plain torch: training it, exporting it, running it on a GPU or CPU."""

from __future__ import annotations

from marrowcount_adapters.torch_models.densenet import DenseNet121, begun, new_network
from marrowcount_adapters.torch_models.export import exportable
from marrowcount_adapters.torch_models.loss import roi_loss
from marrowcount_adapters.torch_models.roi import TorchRoiModel, load_roi_model, roi_model_of

__all__ = [
    "DenseNet121",
    "TorchRoiModel",
    "begun",
    "exportable",
    "load_roi_model",
    "new_network",
    "roi_loss",
    "roi_model_of",
]
