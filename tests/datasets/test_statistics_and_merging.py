"""Counts of a data set, and several as one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from made_up_data import boxed, example, whole
from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Example, LabelledBox, Split, merged, statistics_of
from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import PixelBox, SizePx


def test_everything_is_counted() -> None:
    """Pictures, patients, groups, verdicts and objects by split and class; nothing is counted twice."""
    dataset = whole(
        [
            replace(example("a", CellType.BLAST, None, patient="p", split=Split.TRAIN), fit=True),
            replace(example("b", CellType.BLAST, patient="p", group="g", split=Split.TRAIN), fit=False),
            replace(example("c", CellType.BLAST, patient="q"), um_per_px=None),
            Example("d", "d", SizePx(10, 10)),
        ]
    )
    found = statistics_of(dataset)
    assert (found.total.examples, found.total.patients, found.total.groups, found.total.unlabelled) == (4, 2, 1, 1)
    assert (found.total.fit, found.total.unfit) == (1, 1)
    assert found.by_split[Split.TRAIN].objects == {CellType.BLAST: 2, None: 1}
    assert set(found.by_split) == {Split.TRAIN, None}
    assert found.objects_by_patient == {"p": 3, "q": 1}
    assert found.resolutions == {0.25: 2, None: 2}
    assert found.sizes == {(200, 30): 3, (10, 10): 1}


def test_sides_of_boxes_are_in_pixels_and_micrometres() -> None:
    """The square root of the area; micrometres of those alone whose resolution is known."""
    small, large = PixelBox(0, 0, 4, 9), PixelBox(0, 0, 24, 24)
    at_known = replace(example("a"), objects=(LabelledBox(small, CellType.PLATELET),))
    at_unknown = replace(example("b"), objects=(LabelledBox(large, CellType.PLATELET),), um_per_px=None)
    sides = statistics_of(whole([at_known, at_unknown])).sides[CellType.PLATELET]
    assert sides.count == 2
    assert sides.pixels[1] == pytest.approx(15)
    assert sides.micrometres == pytest.approx((1.5, 1.5, 1.5))


def test_an_empty_data_set_has_empty_counts() -> None:
    """No examples, no failure."""
    assert statistics_of(whole([])).sides == {}


def test_merging_keeps_licences_and_history_of_all() -> None:
    """Names tell the source, the history begins with those of the sources, every licence is named."""
    first = replace(whole([example("a", CellType.BLAST)], "one"), licence="CC BY 4.0", history=("imported",))
    second = replace(whole([example("a", None), example("b")], "two"), licence="", source="another")
    both = merged("both", [first, second])
    assert [one.name for one in both.examples] == ["one/a", "two/a", "two/b"]
    assert both.licence == "one: CC BY 4.0; two: licence not stated"
    assert both.source == "a test; another"
    assert both.history == ("one: imported", "merged from one, two")
    assert both.examples[0].objects == boxed(CellType.BLAST)


def test_merging_needs_different_names() -> None:
    """Two data sets of one name would mix their examples' names."""
    with pytest.raises(DatasetError, match="name-repeated"):
        merged("both", [whole([]), whole([])])
