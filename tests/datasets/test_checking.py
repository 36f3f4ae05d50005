"""Checks: each fault is found under its code, and a sound data set has none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from made_up_data import example, whole
from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Example, Finding, LabelledBox, Severity, Split, check_dataset
from marrowcount.slides.geometry import PixelBox

BASE = example("a", CellType.BLAST, patient="p1", split=Split.TRAIN)


def found(*examples: Example) -> dict[str, Finding]:
    return {finding.code: finding for finding in check_dataset(whole(examples))}


def with_box(*sides: float) -> Example:
    return replace(BASE, objects=(LabelledBox(PixelBox(*sides), CellType.BLAST),))


def test_a_sound_data_set_has_no_errors_or_warnings() -> None:
    """All 19 classes in each split, known patients and resolutions: nothing is found."""
    sound = (example(str(split), *CellType, patient=split, split=split) for split in Split)
    assert check_dataset(whole(sound)) == ()


@pytest.mark.parametrize(("code", "change"), [("leak-patient", "patient"), ("leak-group", "group")])
def test_what_belongs_together_in_two_splits_is_a_leak(code: str, change: str) -> None:
    """Patient and group: an error that names the examples; in one split, and unsplit, it is none."""
    bonds = {"patient": "", change: "x"}
    one, other = (replace(BASE, name=name, digest=name, **bonds) for name in "ab")
    leak = found(one, replace(other, split=Split.TEST))[code]
    assert (leak.severity, leak.examples, leak.count) == (Severity.ERROR, ("a", "b"), 2)
    assert code not in found(one, other)
    assert code not in found(one, replace(other, split=None))


def test_a_picture_in_two_splits_is_a_leak() -> None:
    """The same pixels under another name and another patient are found by their digest."""
    assert "leak-picture" in found(BASE, replace(BASE, name="b", patient="p2", split=Split.VALIDATION))


def test_a_repeated_picture_is_told_apart_by_its_labels() -> None:
    """The same picture twice is a warning; labelled differently it is another."""
    twin = replace(BASE, name="b")
    assert found(BASE, twin)["picture-repeated"].severity is Severity.WARNING
    assert "objects-differ" in found(BASE, replace(twin, objects=()))


@pytest.mark.parametrize(
    ("sides", "code"),
    [
        ((5, 5, 5, 9), "box-empty"),
        ((9, 5, 5, 9), "box-empty"),
        ((-1, 5, 8, 9), "box-outside"),
        ((190, 5, 201, 9), "box-outside"),
        ((5, 25, 9, 31), "box-outside"),
        ((5, 5, 7, 25), "box-tiny"),
    ],
)
def test_boxes_that_cannot_be_are_found(sides: tuple[float, float, float, float], code: str) -> None:
    """Without area, beyond the picture, or smaller than any object."""
    assert code in found(with_box(*sides))
    assert code not in found(with_box(5, 5, 20, 20))


def test_a_box_larger_than_any_cell_hints_at_a_wrong_resolution() -> None:
    """190 px are a large cell at 0.25 um/px, and none at 1 um/px."""
    assert "box-huge" not in found(with_box(5, 5, 195, 25))
    assert "box-huge" in found(replace(with_box(5, 5, 195, 25), um_per_px=1.0))


def test_one_object_drawn_twice_is_found() -> None:
    """Two boxes that are nearly one; neighbours that touch are none."""
    first, near, beside = PixelBox(5, 5, 25, 25), PixelBox(5, 5, 25, 26), PixelBox(20, 5, 40, 25)
    twice = tuple(LabelledBox(box, CellType.BLAST) for box in (first, near))
    touching = tuple(LabelledBox(box, CellType.BLAST) for box in (first, beside))
    assert "box-repeated" in found(replace(BASE, objects=twice))
    assert "box-repeated" not in found(replace(BASE, objects=touching))


def test_gaps_are_told() -> None:
    """No split, no patient, no resolution, no boxes: each its own finding."""
    bare = Example("a", "d", BASE.size)
    assert set(found(bare)) == {"unsplit", "patient-unknown", "resolution-unknown", "unlabelled"}


def test_a_class_missing_from_one_split_is_told() -> None:
    """Blasts in training alone cannot be measured."""
    codes = found(BASE, example("b", CellType.MONOCYTE, patient="p2", split=Split.TEST))
    assert codes["class-absent-in-split"].severity is Severity.WARNING
    assert codes["class-absent"].count == 17


def test_names_must_be_different() -> None:
    """Two examples of one name cannot be told apart in a report."""
    assert found(BASE, replace(BASE, digest="other"))["name-repeated"].severity is Severity.ERROR


def test_errors_come_first() -> None:
    """Whoever reads only the top of the list reads what matters."""
    severities = [finding.severity for finding in check_dataset(whole([with_box(5, 5, 5, 9), example("z")]))]
    assert severities == sorted(severities, key=list(Severity).index)
    assert severities[0] is Severity.ERROR
