"""The cell model's network as ultralytics defines it: training it, exporting it, running it on torch.

The only package that imports ultralytics. Nothing here downloads, reports or installs anything, and no pickle is read.
"""

from __future__ import annotations

from marrowcount_adapters.ultralytics_models.cells import TorchCellModel, cell_model_of, load_cell_model
from marrowcount_adapters.ultralytics_models.export import exportable, folded_parameters
from marrowcount_adapters.ultralytics_models.loss import CellLoss
from marrowcount_adapters.ultralytics_models.network import SIZES, new_network
from marrowcount_adapters.ultralytics_models.starting import unfolded

__all__ = [
    "SIZES",
    "CellLoss",
    "TorchCellModel",
    "cell_model_of",
    "exportable",
    "folded_parameters",
    "load_cell_model",
    "new_network",
    "unfolded",
]
