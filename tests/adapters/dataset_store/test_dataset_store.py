from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Dataset, Example, LabelledBox, Split
from marrowcount.errors import DatasetError
from marrowcount.ports import Picture
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount_adapters.dataset_store import DatasetWriter, StoredDataset, open_dataset, write_dataset

BOXES = (
    LabelledBox(PixelBox(1.5, 2, 20, 24.25), CellType.MEGAKARYOCYTE_NUCLEUS, "reader 1"),
    LabelledBox(PixelBox(0, 0, 8, 8), None),
)


def picture(seed: int, height: int = 30, width: int = 40) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def stored(tmp_path: Path) -> StoredDataset:
    with DatasetWriter(tmp_path / "set", "made up", "this test", "CC0") as writer:
        known = Example("a/1", "", SizePx(40, 30), BOXES, um_per_px=0.25, patient="p1", split=Split.TEST)
        writer.add(picture(1), known)
        writer.add(picture(2), replace(known, name="a/2", objects=(), fit=True, complete=False, group="g"))
        writer.add(picture(1), replace(known, name="a/3", objects=None, fit=False, patient="", split=None))
        writer.finish(["made"])
    return open_dataset(tmp_path / "set")


def fault(folder: Path) -> str:
    with pytest.raises(DatasetError) as failure:
        open_dataset(folder)
    return failure.value.code


def test_what_was_written_is_read(stored: StoredDataset) -> None:
    """Boxes, classes, authors, verdicts, patients, splits and pixels come back as they were."""
    first, second, third = stored.dataset.examples
    assert (first.objects, first.um_per_px, first.patient, first.split) == (BOXES, 0.25, "p1", Split.TEST)
    assert (second.objects, second.fit, second.complete, second.group) == ((), True, False, "g")
    assert (third.objects, third.fit, third.split) == (None, False, None)
    assert (stored.dataset.name, stored.dataset.licence, stored.dataset.history) == ("made up", "CC0", ("made",))
    for example, seed in zip(stored.dataset.examples, (1, 2, 1), strict=True):
        assert np.array_equal(stored.read(example), picture(seed))
    assert list(stored.dataset.of(Split.TEST)) == [first, second]


def test_the_same_picture_is_kept_once(stored: StoredDataset) -> None:
    """Two examples of one picture share its digest and its file."""
    assert len({example.digest for example in stored.dataset.examples}) == 2
    assert len(list(stored.folder.glob("pictures/*/*.png"))) == 2


def test_changes_replace_what_is_said_and_leave_the_pictures(stored: StoredDataset) -> None:
    """After a rewrite there is one file of examples, and it is the new one."""
    dataset = stored.dataset
    write_dataset(stored.folder, Dataset("other", dataset.examples[:1], history=("made", "cut")))
    again = open_dataset(stored.folder)
    assert (again.dataset.name, again.dataset.examples) == ("other", dataset.examples[:1])
    assert len(list(stored.folder.glob("examples-*"))) == 1
    assert not list(stored.folder.glob(".*"))


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    """An import that breaks off leaves neither the data set nor half of it."""

    def interrupted() -> None:
        with DatasetWriter(tmp_path / "set", "made up") as writer:
            writer.add(picture(1), Example("a", "", SizePx(40, 30)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_not_overwritten(stored: StoredDataset) -> None:
    """Data that somebody labelled is never lost to an import."""
    with pytest.raises(DatasetError, match="dataset-exists"):
        DatasetWriter(stored.folder, "made up")


def test_damage_is_named(stored: StoredDataset) -> None:
    """Each way in which the files can be wrong has its code and names the file."""
    example = stored.dataset.examples[1]
    path = next(stored.folder.glob(f"pictures/*/{example.digest}.png"))
    whole, other = path.read_bytes(), next(p for p in stored.folder.glob("pictures/*/*.png") if p != path)
    for content, code in ((b"", "picture-damaged"), (whole[:60], "picture-damaged"), (other.read_bytes(), "altered")):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match=code) as failure:
            stored.read(example)
        assert str(path) in failure.value.message
    path.unlink()
    with pytest.raises(DatasetError, match="picture-missing"):
        stored.read(example)


def test_altered_examples_are_refused(stored: StoredDataset) -> None:
    """What a person edited by hand is not taken for what was imported."""
    path = next(stored.folder.glob("examples-*"))
    path.write_bytes(path.read_bytes().replace(b"reader 1", b"reader 2"))
    assert fault(stored.folder) == "dataset-altered"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "dataset-malformed"),
        (b'{"name": "x", "examples": 1, "examples_sha256": "0", "version": 2}', "dataset-version"),
        (b'{"name": "x", "examples": 1, "examples_sha256": "0"}', "dataset-missing"),
    ],
)
def test_headers_are_checked(stored: StoredDataset, content: bytes, code: str) -> None:
    """A header that is no JSON, of another version, or without its examples has its code."""
    (stored.folder / "dataset.json").write_bytes(content)
    assert fault(stored.folder) == code


def test_a_folder_that_is_no_data_set_says_so(tmp_path: Path) -> None:
    """The missing file is named."""
    assert fault(tmp_path) == "dataset-missing"
