"""The models on onnxruntime: the default on machines without a GPU, bit-equal over threads."""

from __future__ import annotations

from marrowcount_adapters.onnx_models.cells import OnnxCellModel, cell_input, load_cell_model
from marrowcount_adapters.onnx_models.quantising import in_int8, with_half_weights
from marrowcount_adapters.onnx_models.roi import OnnxRoiModel, load_roi_model, roi_input
from marrowcount_adapters.onnx_models.verify import verify

__all__ = [
    "OnnxCellModel",
    "OnnxRoiModel",
    "cell_input",
    "in_int8",
    "load_cell_model",
    "load_roi_model",
    "roi_input",
    "verify",
    "with_half_weights",
]
