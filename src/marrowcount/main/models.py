"""Where models lie, and how the node loads them."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from marrowcount.slides.manifest import CARD_FILE, MANIFEST_FILE, read_manifest
from marrowcount_adapters import onnx_models

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marrowcount.ports import CellModel, RoiModel
    from marrowcount.result import ModelIdentity
    from marrowcount.settings import CountSection
    from marrowcount.slides.familiarity import Feature, Range

__all__ = ["bundled_models", "load_models", "model_cards", "seen_in_training", "verify_models"]

GPU_DRIVER: Final = Path("/proc/driver/nvidia/version")
"""Stands where a GPU's driver runs; asking torch instead would cost a second and 200 MB on every other machine."""


def bundled_models() -> Path:
    """The folder of the models that come with marrowcount: inside an installed wheel, or in the checkout."""
    installed = Path(str(files("marrowcount_adapters"))) / "bundled_models"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "models"


def _folders(settings: CountSection) -> tuple[Path, Path]:
    folder = settings.models_folder or bundled_models()
    return folder / settings.roi_model, folder / settings.cell_model


def load_models(settings: CountSection) -> tuple[RoiModel, CellModel]:
    """Both models, hashes checked, on the runtime that the settings or the machine ask for.

    Raises:
        ModelError: a model is missing, altered or of another shape than its manifest says.
    """
    roi, cells = _folders(settings)
    if settings.runtime == "torch" or (settings.runtime == "auto" and GPU_DRIVER.exists()):
        return _torch_models(roi, cells)
    # One thread each: tiles are judged side by side.
    return onnx_models.load_roi_model(roi, threads=1), onnx_models.load_cell_model(cells, threads=1)


def _torch_models(roi: Path, cells: Path) -> tuple[RoiModel, CellModel]:
    """The same models by torch and ultralytics, on the first GPU or, where there is none, on the processor."""
    torch_models = import_module("marrowcount_adapters.torch_models")
    ultralytics_models = import_module("marrowcount_adapters.ultralytics_models")
    roi_model: RoiModel = torch_models.load_roi_model(roi)
    cell_model: CellModel = ultralytics_models.load_cell_model(cells)
    return roi_model, cell_model


def seen_in_training(settings: CountSection) -> Mapping[Feature, Range]:
    """What the cell model's training saw, to compare slides with.

    Raises:
        ModelError: ``manifest-missing``, ``manifest-invalid``.
    """
    return read_manifest(_folders(settings)[1]).seen


def model_cards(settings: CountSection) -> Mapping[str, bytes]:
    """The models' cards, Markdown, by the SHA-256 of each file that a model may be loaded from; without one, none."""
    return {
        digest: (folder / CARD_FILE).read_bytes()
        for folder in _folders(settings)
        if (folder / MANIFEST_FILE).is_file() and (folder / CARD_FILE).is_file()
        for digest in read_manifest(folder).files.values()
    }


def verify_models(settings: CountSection) -> Sequence[ModelIdentity]:
    """Load each model once to see that it is what its manifest says.

    Raises:
        ModelError: as :func:`load_models`.
    """
    return tuple(onnx_models.verify(folder) for folder in _folders(settings))
