from __future__ import annotations

from dataclasses import replace

import pytest

from marrowcount.active_learning import (
    Action,
    CorrectedPicture,
    Correction,
    UnlabelledPictures,
    mistakes,
    next_version,
)
from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Dataset, Example, LabelledBox, Split
from marrowcount.errors import DatasetError
from marrowcount.ports import Picture, PictureSource
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox, SizePx

SIZE = SizePx(512, 512)
BOX, OTHER = PixelBox(1, 2, 30, 40), PixelBox(100, 100, 130, 130)
RIGHT = LabelledBox(BOX, CellType.BLAST, "A")
WRONG = LabelledBox(OTHER, CellType.MYELOCYTE, "A")


def corrected(name: str, digest: str = "d", patient: str = "p") -> CorrectedPicture:
    before = Detection(CellType.BLAST, BOX, 0.9)
    made = (
        Correction(Action.CONFIRMED, before, RIGHT),
        Correction(Action.DELETED, before, None),
        Correction(Action.RELABELLED, before, WRONG),
    )
    return CorrectedPicture(Example(name, digest, SIZE, patient=patient), made, saved=True)


@pytest.fixture
def parent() -> Dataset:
    examples = (
        Example("old", "o", SIZE, (RIGHT,), patient="q", split=Split.TRAIN),
        Example("kept", "k", SIZE, (RIGHT,), patient="held", split=Split.VALIDATION),
    )
    return Dataset("parent", examples, "there", "CC0", ("made",))


ABOUT = Dataset("chosen", (), "here", "CC0", ("made", "chosen"))


def test_a_version_holds_the_old_and_the_new(parent: Dataset) -> None:
    """New pictures are complete and for training; sources, licences and histories of both are kept once."""
    made = next_version("v2", parent, ABOUT, [corrected("new")], "version 2")
    assert [one.name for one in made.examples] == ["old", "kept", "new"]
    new = made.examples[-1]
    assert (new.objects, new.complete, new.split) == ((RIGHT, WRONG), True, Split.TRAIN)
    assert (made.source, made.licence) == ("there; here", "CC0")
    assert made.history == ("made", "chosen", "version 2")


def test_the_last_word_stands(parent: Dataset) -> None:
    """A picture that was labelled before and comes back again is replaced, not doubled."""
    made = next_version("v2", parent, ABOUT, [corrected("again", digest="o", patient="q")], "version 2")
    assert [one.name for one in made.examples] == ["kept", "again"]


def test_a_held_out_patient_is_not_trained_on(parent: Dataset) -> None:
    """A picture of a patient, or a copy of a picture, that serves validation is refused by name."""
    for leaking in (corrected("new", patient="held"), corrected("copy", digest="k")):
        with pytest.raises(DatasetError, match="leak") as failure:
            next_version("v2", parent, ABOUT, [leaking], "")
        assert leaking.example.name in failure.value.message


def test_a_group_is_no_patient(parent: Dataset) -> None:
    """Pseudonyms and groups that happen to read alike bind nothing."""
    example = replace(corrected("new").example, group="held")
    assert next_version("v2", parent, ABOUT, [replace(corrected("new"), example=example)], "").examples


def test_another_picture_of_the_same_name_is_refused(parent: Dataset) -> None:
    """Names are unique."""
    with pytest.raises(DatasetError, match="name-repeated"):
        next_version("v2", parent, ABOUT, [corrected("old")], "")


def test_the_first_version_has_no_parent() -> None:
    """It begins with what came back."""
    assert [one.name for one in next_version("v1", None, ABOUT, [corrected("new")], "").examples] == ["new"]


def test_mistakes_are_the_wrong_objects_alone(parent: Dataset) -> None:
    """Marked as not complete, so that the objects left out are not taught as ground; nothing held out is among them."""
    version = next_version("v2", parent, ABOUT, [corrected("new")], "")
    (only,) = mistakes("v2-mistakes", version, {"d": (1,), "k": (0,), "o": ()}).examples
    assert (only.name, only.objects, only.complete) == ("new", (WRONG,), False)


class Pictures(PictureSource):
    def __init__(self, *examples: Example) -> None:
        self._dataset = Dataset("made up", examples)

    @property
    def dataset(self) -> Dataset:
        return self._dataset

    def read(self, example: Example) -> Picture:
        raise AssertionError(example.name)


def test_a_pool_holds_what_nobody_labelled() -> None:
    """Labelled pictures, unfit ones and those kept for validation or test are not chosen from."""
    blank = Example("blank", "1", SIZE, patient="p", group="g", um_per_px=0.25)
    others = (
        replace(blank, name="boxed", objects=()),
        replace(blank, name="unfit", fit=False),
        replace(blank, name="test", split=Split.TEST),
        replace(blank, name="train", split=Split.TRAIN, fit=True),
    )
    tiles = UnlabelledPictures(Pictures(blank, *others)).tiles
    assert [tile.name for tile in tiles] == ["blank", "train"]
    assert (tiles[0].patient, tiles[0].group, tiles[0].um_per_px, tiles[0].digest) == ("p", "g", 0.25, "1")
