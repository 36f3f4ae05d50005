"""The models on onnxruntime: the default on machines without a GPU, bit-equal over threads."""

from __future__ import annotations

from marrowcount_adapters.onnx_models.cells import OnnxCellModel, load_cell_model
from marrowcount_adapters.onnx_models.roi import OnnxRoiModel, load_roi_model
from marrowcount_adapters.onnx_models.verify import verify

__all__ = ["OnnxCellModel", "OnnxRoiModel", "load_cell_model", "load_roi_model", "verify"]
