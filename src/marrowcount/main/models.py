"""Where models lie, and how the node loads them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from marrowcount_adapters.onnx_models import load_cell_model, load_roi_model, verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.ports import CellModel, RoiModel
    from marrowcount.result import ModelIdentity
    from marrowcount.settings import CountSection

__all__ = ["bundled_models", "load_models", "verify_models"]


def bundled_models() -> Path:
    """The folder of the models that come with marrowcount: inside an installed wheel, or in the checkout."""
    installed = Path(str(files("marrowcount_adapters"))) / "bundled_models"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "models"


def _folders(settings: CountSection) -> tuple[Path, Path]:
    folder = settings.models_folder or bundled_models()
    return folder / settings.roi_model, folder / settings.cell_model


def load_models(settings: CountSection) -> tuple[RoiModel, CellModel]:
    """Both models, hashes checked. One thread each: tiles are judged side by side.

    Raises:
        ModelError: a model is missing, altered or of another shape than its manifest says.
    """
    roi, cells = _folders(settings)
    return load_roi_model(roi, threads=1), load_cell_model(cells, threads=1)


def verify_models(settings: CountSection) -> Sequence[ModelIdentity]:
    """Check both models' files against their manifests without loading them.

    Raises:
        ModelError: as :func:`load_models`.
    """
    return tuple(verify(folder) for folder in _folders(settings))
