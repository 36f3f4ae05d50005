"""Import: whole or not at all, faults told, history honest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from made_up_data import noise
from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Faults, NamedBox, NamedExample, Split, load_mapping
from marrowcount.errors import DatasetError
from marrowcount.main.importing import ImportPlan, import_dataset
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.testing import ScriptedLabels
from marrowcount_adapters.dataset_store import open_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.datasets import Dataset

WBC = load_mapping("wbc-rbc-platelet")
BOX = PixelBox(4, 4, 20, 20)
BROKEN = DatasetError("picture-damaged", "b.png is torn")


def named(name: str, *classes: str, um_per_px: float | None = 0.1) -> NamedExample:
    boxes = tuple(NamedBox(BOX, one) for one in classes)
    return NamedExample(name, SizePx(40, 30), boxes, um_per_px=um_per_px, patient="p", split=Split.TEST)


def source(second: object = BROKEN) -> ScriptedLabels:
    pictures = {"a.png": noise(1), "b.png": noise(2) if second is None else second}
    return ScriptedLabels(
        pictures, [named("a.png", "WBC", "RBC"), named("b.png", "platelet")], "3 slides had no images"
    )


def done(labels: ScriptedLabels, out: Path, faults: Faults | None = None, **plan: object) -> Dataset:
    wanted = ImportPlan("blood", "yolo", WBC, **plan)  # type: ignore[arg-type]
    return import_dataset(labels, out, wanted, faults or Faults(), lambda _: None)


def test_what_is_imported_can_be_opened(tmp_path: Path) -> None:
    """Classes, pixels, history: what was left out stands there with its number and reason, and so do remarks."""
    labels = source(None)
    dataset = done(labels, tmp_path / "out", source="here", licence="CC0")
    stored = open_dataset(tmp_path / "out")
    assert stored.dataset == dataset
    first, second = dataset.examples
    assert [one.cell_type for one in (*(first.objects or ()), *(second.objects or ()))] == [None, CellType.PLATELET]
    assert np.array_equal(stored.read(second), noise(2))
    assert (first.split, first.patient, first.complete) == (Split.TEST, "p", False)
    assert (dataset.source, dataset.licence) == ("here", "CC0")
    assert dataset.history == (
        "imported from yolo by the mapping wbc-rbc-platelet: 2 pictures, 2 objects",
        "left out 1 objects called 'RBC': red cells are never an object",
        "3 slides had no images",
    )
    assert labels.closed


def test_an_unmapped_name_stops_before_any_picture(tmp_path: Path) -> None:
    """Even when it is wished to keep going: objects are never dropped for want of a meaning."""
    labels = ScriptedLabels({}, [named("a.png", "WBC", "Döhle")])
    with pytest.raises(DatasetError, match="class-unmapped"):
        done(labels, tmp_path / "out", Faults(keep_going=True), without_faulty=True)
    assert not list(tmp_path.iterdir())
    assert labels.closed


def test_the_first_fault_stops_the_import(tmp_path: Path) -> None:
    """Nothing is left behind."""
    with pytest.raises(DatasetError, match="picture-damaged"):
        done(source(), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_collected_faults_import_nothing_unasked(tmp_path: Path) -> None:
    """All are collected; only who asks gets the rest."""
    faults = Faults(keep_going=True)
    with pytest.raises(DatasetError, match="import-faulty"):
        done(source(), tmp_path / "out", faults)
    assert faults.found == [BROKEN]
    assert not list(tmp_path.iterdir())


def test_the_rest_is_imported_when_asked(tmp_path: Path) -> None:
    """The sound picture is there, and the history says what is not."""
    dataset = done(source(), tmp_path / "out", Faults(keep_going=True), without_faulty=True)
    assert [one.name for one in dataset.examples] == ["a.png"]
    assert "left out what was faulty: picture-damaged 1" in dataset.history


def test_nothing_sound_is_no_data_set(tmp_path: Path) -> None:
    """An empty data set is of no use to anybody."""
    labels = ScriptedLabels({"b.png": BROKEN}, [named("b.png", "WBC")])
    with pytest.raises(DatasetError, match="import-empty"):
        done(labels, tmp_path / "out", Faults(keep_going=True), without_faulty=True)
    assert not list(tmp_path.iterdir())


def test_a_picture_of_another_size_is_a_fault(tmp_path: Path) -> None:
    """Its boxes would lie elsewhere."""
    with pytest.raises(DatasetError, match="picture-size-differs"):
        done(source(noise(2, 41, 30)), tmp_path / "out")


def test_pictures_are_brought_to_the_resolution_asked_for(tmp_path: Path) -> None:
    """Pixels, boxes and resolution together; the history says so."""
    dataset = done(source(None), tmp_path / "out", um_per_px=0.2)
    first = dataset.examples[0]
    assert (first.size, first.um_per_px) == (SizePx(20, 15), 0.2)
    assert first.objects[0].box == PixelBox(2, 2, 10, 10)
    assert "brought to 0.2 um/px" in dataset.history[0]
    assert open_dataset(tmp_path / "out").read(first).shape == (15, 20, 3)


def test_the_user_may_know_that_everything_is_drawn(tmp_path: Path) -> None:
    """Against what the mapping says."""
    dataset = done(source(None), tmp_path / "out", complete=True)
    assert {one.complete for one in dataset.examples} == {True}


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    """Faulty pictures count as done."""
    heard: list[float] = []
    plan = ImportPlan("blood", "yolo", WBC, without_faulty=True)
    import_dataset(source(), tmp_path / "out", plan, Faults(keep_going=True), heard.append)
    assert heard == [0.5, 1.0]
