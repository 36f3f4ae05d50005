from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowcount.active_learning import Action, Prelabel, corrections_of, counts_of, said_of
from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import LabelledBox
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox

BLAST, LYMPHOCYTE = CellType.BLAST, CellType.LYMPHOCYTE


def prelabel(left: float, top: float, side: float = 30.0, kind: CellType = BLAST) -> Prelabel:
    """Found at a fraction of a pixel, written in whole ones."""
    box = PixelBox(left + 0.3, top - 0.4, left + side + 0.2, top + side - 0.1)
    rounded = PixelBox(*(float(round(one)) for one in (box.left, box.top, box.right, box.bottom)))
    return Prelabel(Detection(kind, box, 0.8), rounded)


def compare(
    before: list[Prelabel], after: list[tuple[PixelBox, CellType | None]]
) -> list[tuple[Action, LabelledBox | None]]:
    return [(one.action, one.after) for one in corrections_of(before, after, "A. Expert", "model 1")]


def test_what_was_left_alone_is_confirmed() -> None:
    """The model's own box stands, without the rounding of the label file, and says who confirmed it."""
    one = prelabel(10, 10)
    assert compare([one], [(one.written, BLAST)]) == [
        (Action.CONFIRMED, LabelledBox(one.found.box, BLAST, "model 1, confirmed by A. Expert"))
    ]


def test_a_pixel_is_rounding() -> None:
    """Labelling tools round, and begin to count at 1."""
    one = prelabel(0, 0)
    box = PixelBox(1, 1, one.written.right, one.written.bottom)
    assert compare([one], [(box, BLAST)])[0][0] is Action.CONFIRMED


def test_a_redrawn_box_is_moved() -> None:
    """The expert's box and name stand."""
    one = prelabel(10, 10)
    box = PixelBox(10, 10, 46, 40)
    assert compare([one], [(box, BLAST)]) == [(Action.MOVED, LabelledBox(box, BLAST, "A. Expert"))]


def test_another_class_is_relabelled() -> None:
    """Whether the box was moved too or not, and also where the expert only says that it is some nucleated cell."""
    one = prelabel(10, 10)
    assert compare([one], [(one.written, LYMPHOCYTE)]) == [
        (Action.RELABELLED, LabelledBox(one.found.box, LYMPHOCYTE, "A. Expert"))
    ]
    assert compare([one], [(PixelBox(8, 8, 44, 44), LYMPHOCYTE)])[0][0] is Action.RELABELLED
    assert compare([one], [(one.written, None)])[0][0] is Action.RELABELLED


def test_what_is_gone_was_deleted_and_what_is_new_was_added() -> None:
    """A box elsewhere is another object, not one that was moved there."""
    one, box = prelabel(10, 10), PixelBox(200, 200, 230, 230)
    deleted, added = compare([one], [(box, BLAST)])
    assert deleted == (Action.DELETED, None)
    assert added == (Action.ADDED, LabelledBox(box, BLAST, "A. Expert"))


def test_a_class_decides_between_boxes_on_one_place() -> None:
    """Two boxes on one cell: that of the pre-label's class is the pre-label, the other was added."""
    one = prelabel(10, 10)
    actions = [action for action, _ in compare([one], [(one.written, LYMPHOCYTE), (one.written, BLAST)])]
    assert actions == [Action.CONFIRMED, Action.ADDED]


def test_only_missed_and_misclassified_objects_are_mistakes() -> None:
    """They are marked, so that training may weigh them; a false find has no object to mark."""
    before = [prelabel(10, 10), prelabel(100, 10), prelabel(200, 10)]
    after = [(before[0].written, BLAST), (before[1].written, LYMPHOCYTE), (PixelBox(300, 300, 320, 320), BLAST)]
    made = corrections_of(before, after, "A", "m")
    assert [one.wrongly_classified for one in made] == [False, True, False, True]


def test_counts_say_all_confirmed() -> None:
    """A round trip without changes says so; anything else is named."""
    before = [prelabel(10, 10), prelabel(100, 10)]
    same = [(one.written, BLAST) for one in before]
    assert said_of(counts_of(corrections_of(before, same, "A", "m"))) == "all confirmed (2)"
    assert said_of(counts_of(corrections_of(before, same[:1], "A", "m"))) == "1 confirmed, 1 deleted"


def test_empty_pictures_compare() -> None:
    """Nothing before, nothing after."""
    assert corrections_of([], [], "A", "m") == ()
    assert compare([], [(PixelBox(0, 0, 9, 9), None)])[0][0] is Action.ADDED
    assert compare([prelabel(10, 10)], [])[0][0] is Action.DELETED


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_every_box_is_accounted_for(many_before: int, many_after: int, seed: int) -> None:
    """Whatever was done and in whatever order boxes are written: each pre-label and each box is in one correction."""
    rng = np.random.default_rng(seed)
    before = [prelabel(*rng.uniform(0, 120, 2), kind=CellType(int(rng.integers(3)))) for _ in range(many_before)]
    lefts = rng.uniform(0, 120, (many_after, 2))
    after = [(PixelBox(x, y, x + 30, y + 30), CellType(int(rng.integers(3)))) for x, y in lefts.tolist()]
    made = corrections_of(before, after, "A", "m")
    assert [one.before for one in made if one.before] == [one.found for one in before]
    assert sum(one.after is not None for one in made) == len(after)
    shuffled = [after[place] for place in rng.permutation(len(after))]
    assert counts_of(corrections_of(before, shuffled, "A", "m")) == counts_of(made)
