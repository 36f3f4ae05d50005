"""A model folder is loaded only where it is what its manifest says and what this version takes."""

from __future__ import annotations

import io
import pickle
import zipfile
from typing import TYPE_CHECKING

import pytest

from marrowcount.errors import ModelError
from marrowcount.result import ModelTask
from marrowcount.slides.manifest import CELL_CLASSES
from marrowcount_adapters.onnx_models import load_cell_model, load_roi_model, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Trap:
    """Raises when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return (exec, ("raise SystemExit('the pickle was executed')",))


def archive() -> bytes:
    """A zip archive with a pickle, as torch saves."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as zipped:
        zipped.writestr("data.pkl", pickle.dumps(Trap()))
    return stream.getvalue()


def refused(load: Callable[[Path], object], folder: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load(folder)
    return caught.value


def test_model_says_which_it_is(packaged: Callable[..., Path], roi_graph: bytes, cell_graph: bytes) -> None:
    """Name, version, hash, threshold and training data travel from the manifest."""
    roi, cells = verify(packaged("roi", roi_graph)), verify(packaged("cells", cell_graph))
    assert (roi.task, roi.name, roi.version, roi.threshold) == (ModelTask.ROI, "test-roi", "0.0.1", 0.5)
    assert (cells.task, cells.training_data, len(cells.sha256)) == (ModelTask.CELLS, "none", 64)


def test_altered_file_is_refused_before_loading(packaged: Callable[..., Path], roi_graph: bytes) -> None:
    """The hash is checked first: even a pickle is only bytes then."""
    folder = packaged("roi", roi_graph)
    (folder / "model.onnx").write_bytes(pickle.dumps(Trap()))
    error = refused(load_roi_model, folder)
    assert error.code == "model-hash-differs"
    assert "model.onnx" in error.message


def test_missing_file_is_said(packaged: Callable[..., Path], roi_graph: bytes) -> None:
    """A manifest without its weights is no model."""
    folder = packaged("roi", roi_graph)
    (folder / "model.onnx").unlink()
    assert refused(load_roi_model, folder).code == "model-file-missing"


@pytest.mark.parametrize("data", [pickle.dumps(Trap()), archive(), b"", b"\x08\x08garbage", b"\x08" * 4000])
def test_what_is_not_onnx_is_refused(packaged: Callable[..., Path], data: bytes) -> None:
    """A pickle, a torch archive, nothing, rubbish: never executed, one code, even where the manifest vouches for it."""
    error = refused(verify, packaged("cells", data))
    assert error.code == "model-not-onnx"
    assert "model.onnx" in error.message


def test_classes_in_another_order_are_refused(packaged: Callable[..., Path], cell_graph: bytes) -> None:
    """A swap of two classes would be a wrong diagnosis."""
    swapped = [CELL_CLASSES[1], CELL_CLASSES[0], *CELL_CLASSES[2:]]
    folder = packaged("cells", cell_graph, classes=swapped)
    error = refused(verify, folder)
    assert error.code == "model-classes-differ"
    assert str(folder / "manifest.json") in error.message


def test_graph_of_the_other_task_is_refused(packaged: Callable[..., Path], roi_graph: bytes, cell_graph: bytes) -> None:
    """Input and output shapes are checked, not only the manifest."""
    for load, task, graph in ((load_cell_model, "cells", roi_graph), (load_roi_model, "roi", cell_graph)):
        folder = packaged(task, graph)
        error = refused(load, folder)
        assert error.code == "model-shape-differs"
        assert str(folder / "model.onnx") in error.message


def test_double_precision_output_is_refused(packaged: Callable[..., Path], float64_graph: bytes) -> None:
    """The output's type belongs to its shape."""
    assert refused(load_roi_model, packaged("roi", float64_graph)).code in {"model-shape-differs", "model-not-onnx"}


def test_model_of_the_other_task_is_refused(packaged: Callable[..., Path], roi_graph: bytes) -> None:
    """A ROI model does not count cells."""
    folder = packaged("roi", roi_graph)
    error = refused(load_cell_model, folder)
    assert error.code == "model-task-differs"
    assert str(folder / "manifest.json") in error.message


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    """No manifest, no model."""
    assert refused(verify, tmp_path).code == "manifest-missing"
