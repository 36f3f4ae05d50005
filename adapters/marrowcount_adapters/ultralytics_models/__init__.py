"""The cell model's network as ultralytics defines it: training it, exporting it, running it on torch.

The only package that imports ultralytics. Nothing here downloads, reports or installs anything, and no pickle is read.
"""

from __future__ import annotations

from marrowcount_adapters.ultralytics_models.cells import TorchCellModel, load_cell_model
from marrowcount_adapters.ultralytics_models.export import files_of
from marrowcount_adapters.ultralytics_models.loss import CellLoss
from marrowcount_adapters.ultralytics_models.network import new_network

__all__ = ["CellLoss", "TorchCellModel", "files_of", "load_cell_model", "new_network"]
