from __future__ import annotations

import numpy as np
import pytest

from marrowcount.active_learning import gathered, look
from marrowcount.active_learning.turns import brought_back, turned
from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox, SizePx

BLAST, LYMPHOCYTE, DEBRIS = CellType.BLAST, CellType.LYMPHOCYTE, CellType.DEBRIS


def find_bright(picture: np.ndarray) -> list[Detection]:
    """The box of all pixels that are not black."""
    rows, columns = np.nonzero(picture[..., 0])
    return [Detection(BLAST, PixelBox(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1), 0.8)]


@pytest.mark.parametrize("turn", range(8))
def test_a_box_comes_back_from_every_turn(turn: int) -> None:
    """What is found on the turned picture lies where it is on the picture, square or not."""
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[5:12, 31:50] = 200
    (found,) = find_bright(turned(picture, turn))
    assert brought_back(found.box, turn, SizePx(60, 40)) == PixelBox(31, 5, 50, 12)


def test_all_views_of_a_sound_model_agree() -> None:
    """A model that does not care for turns sees one object four times, with no disagreement."""
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[5:12, 31:50] = 200
    (one,) = look(picture, find_bright, 4)
    assert [vote.box for vote in one.votes if vote] == [PixelBox(31, 5, 50, 12)] * 4
    assert one.disagreement == (0.0, 0.0)
    assert one.shares[BLAST] == pytest.approx(0.8)


def test_finds_of_one_place_are_one_object() -> None:
    """Boxes that overlap by half are one object, whatever the classes; of each view it has the surest find alone."""
    here, near, there = PixelBox(0, 0, 20, 20), PixelBox(2, 0, 22, 20), PixelBox(200, 200, 220, 220)
    views = [
        [Detection(BLAST, here, 0.9), Detection(DEBRIS, there, 0.2)],
        [Detection(LYMPHOCYTE, near, 0.6), Detection(BLAST, here, 0.3)],
    ]
    first, second, third = gathered(views)
    assert [vote and vote.cell_type for vote in first.votes] == [BLAST, LYMPHOCYTE]
    assert [vote and vote.cell_type for vote in second.votes] == [None, BLAST]
    assert [vote and vote.cell_type for vote in third.votes] == [DEBRIS, None]


def test_a_find_joins_the_object_that_it_overlaps_most() -> None:
    """Of two objects within reach, the nearer one is meant."""
    views = [
        [Detection(BLAST, PixelBox(0, 0, 20, 20), 0.9), Detection(LYMPHOCYTE, PixelBox(8, 0, 28, 20), 0.8)],
        [Detection(BLAST, PixelBox(6, 0, 26, 20), 0.7)],
    ]
    first, second = gathered(views)
    assert first.votes[1] is None
    assert second.votes[1] is not None


def test_shares_are_the_mean_of_the_views() -> None:
    """Worked by hand: two views say blast (0.8, 0.4), one lymphocyte (0.6), one nothing."""
    box = PixelBox(0, 0, 20, 20)
    votes = [Detection(BLAST, box, 0.8), Detection(BLAST, box, 0.4), Detection(LYMPHOCYTE, box, 0.6)]
    (one,) = gathered([[votes[0]], [votes[1]], [votes[2]], []])
    assert one.shares[BLAST] == pytest.approx(0.3)
    assert one.shares[LYMPHOCYTE] == pytest.approx(0.15)
    assert one.shares.sum() == pytest.approx(0.45)
    # Pairs: 0.8 and 0.4 alike; 0.8 or 0.4 against 0.6 of another class; all three against nothing.
    assert one.disagreement == (pytest.approx((0.8 + 0.6) / 6), pytest.approx((0.4 + 0.8 + 0.4 + 0.6) / 6))


def test_a_count_sees_the_picture_as_it_is() -> None:
    """Pre-labels are what the first view finds from the threshold on, however sure another view is."""
    box = PixelBox(0, 0, 20, 20)
    (one,) = gathered([[Detection(BLAST, box, 0.4)], [Detection(LYMPHOCYTE, box, 0.95)]])
    assert one.counted(0.5) is None
    assert one.counted(0.4) == Detection(BLAST, box, 0.4)
    (other,) = gathered([[], [Detection(BLAST, box, 0.9)]])
    assert other.counted(0.1) is None


def test_no_finds_are_no_objects() -> None:
    """An empty tile is empty from all sides."""
    assert gathered([[], [], []]) == ()
