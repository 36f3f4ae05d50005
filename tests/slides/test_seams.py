"""An object on the border of two tiles is counted once."""

import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox
from marrowcount.slides.seams import without_seam_repeats
from marrowcount.slides.tiles import Tile

HERE = Tile(1, 1)


def found(left: float, top: float, right: float, bottom: float) -> Detection:
    return Detection(CellType.BLAST, PixelBox(left, top, right, bottom), 0.9)


@pytest.mark.parametrize(
    ("neighbour", "there", "here"),
    [
        (Tile(1, 0), found(480, 600, 511.5, 650), found(512.5, 602, 530, 652)),
        (Tile(1, 2), found(1024, 600, 1040, 650), found(1000, 600, 1023, 650)),
        (Tile(0, 1), found(700, 490, 750, 511), found(702, 513, 748, 540)),
        (Tile(2, 1), found(700, 1025, 750, 1040), found(700, 1000, 750, 1022)),
    ],
)
def test_two_halves_are_one(neighbour: Tile, there: Detection, here: Detection) -> None:
    """Boxes that meet at a border along most of their side are one object, on whichever side."""
    assert without_seam_repeats(HERE, [here], {neighbour: [there]}) == ()


@pytest.mark.parametrize(
    ("neighbour", "there", "here"),
    [
        (Tile(1, 0), found(480, 600, 511, 650), found(520, 600, 560, 650)),  # does not reach the border
        (Tile(1, 0), found(480, 600, 511, 650), found(512, 640, 560, 690)),  # beside, not opposite
        (Tile(0, 0), found(480, 480, 511, 511), found(512, 512, 560, 560)),  # across a corner
        (Tile(3, 1), found(700, 1536, 750, 1560), found(700, 1000, 750, 1023)),  # no neighbour
    ],
)
def test_two_objects_stay_two(neighbour: Tile, there: Detection, here: Detection) -> None:
    """Objects that do not meet at the border are each counted."""
    assert without_seam_repeats(HERE, [here], {neighbour: [there]}) == (here,)


def test_touching_cells_on_one_tile_stay() -> None:
    """The rule is about borders of tiles only."""
    cells = [found(600, 600, 650, 650), found(650, 600, 700, 650)]
    assert without_seam_repeats(HERE, cells, {}) == tuple(cells)
