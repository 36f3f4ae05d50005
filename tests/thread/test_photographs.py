"""Real smear photographs through the whole thread; how well the bundled models do on them is reported."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.main.models import bundled_models
from marrowcount.slides.states import SlideState
from marrowcount_adapters.annotations.decode import decode_cells
from marrowcount_adapters.wsm_writer import write_series
from photographs import PhotographSlide, header, read_photographs
from running_node import running_node

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from marrowcount.slides.detections import Detection
    from marrowcount.slides.geometry import PixelBox

pytestmark = pytest.mark.slow
NUCLEATED = {*NDC_CLASSES, CellType.MEGAKARYOCYTE, CellType.HISTIOCYTE, CellType.OTHER_CELL}


def models_for_chosen_regions(folder: Path) -> Path:
    """The bundled models with an ROI threshold of zero: a person has chosen these photographs already."""
    shutil.copytree(bundled_models(), folder, ignore=shutil.ignore_patterns("*.py", "*.safetensors"))
    manifest = folder / "marrow-roi-0.3.0" / "manifest.json"
    document = json.loads(manifest.read_text(encoding="utf-8"))
    document["threshold"] = 0.0
    manifest.write_text(json.dumps(document), encoding="utf-8")
    return folder


def recall(truth: Sequence[PixelBox], found: Sequence[Detection]) -> float:
    """Share of the marked cells that some nucleated detection covers at IoU 0.5."""
    boxes = [d.box for d in found if d.cell_type in NUCLEATED]
    return sum(any(cell.intersection_over_union(box) >= 0.5 for box in boxes) for cell in truth) / len(truth)


def test_photographs_go_through_the_thread(
    shared_data: Path, tmp_path: Path, record_testsuite_property: Callable[[str, object], None]
) -> None:
    """Real cells come back as boxes at the PACS; the recall is reported as it is."""
    slide = PhotographSlide(list(read_photographs(shared_data / "txl_pbc", ["test", "val"])))
    write_series(slide, header(), tmp_path / "slide")
    models = models_for_chosen_regions(tmp_path / "models")
    with running_node(tmp_path, f'models_folder = "{models}"') as node:
        node.send(tmp_path / "slide")
        record = node.await_slide()
        assert record.state is SlideState.COUNTED, record.message
        node.await_deliveries()
        found = decode_cells(node.at_the_pacs()["ANN MARROW CELLS"])
    share = recall(slide.cells, found)
    record_testsuite_property("photographs_nucleated_recall", f"{share:.3f}")
    print(f"\nreal photographs: {share:.1%} of {len(slide.cells)} nucleated cells boxed, any class, IoU 0.5")  # noqa: T201
    assert share > 0.7
