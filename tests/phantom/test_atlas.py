from __future__ import annotations

import numpy as np
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.phantom.atlas import BLUR_PX, ORIENTATIONS, Atlas, paste, specimens_of
from marrowcount.phantom.look import Look

SIZES_UM = {
    CellType.NEUTROPHIL: (11, 15.5),
    CellType.ERYTHROBLAST: (8, 16),
    CellType.LYMPHOCYTE: (8, 15),
    CellType.BLAST: (11, 22),
    CellType.PROMYELOCYTE: (15, 24),
    CellType.MEGAKARYOCYTE: (38, 86),
    CellType.MEGAKARYOCYTE_NUCLEUS: (20, 46),
    CellType.HISTIOCYTE: (19, 38),
    CellType.PLATELET: (1.8, 5),
}


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return Atlas(Look.drawn(np.random.default_rng(2)), entropy=2)


@pytest.mark.parametrize("cell_type", CellType)
@pytest.mark.parametrize("turn", range(ORIENTATIONS))
def test_the_reach_is_where_the_specimen_covers(atlas: Atlas, cell_type: CellType, turn: int) -> None:
    """In every orientation the box encloses what covers the ground, to 3 px."""
    slack = 8 if cell_type is CellType.DEBRIS else 3  # single grains of precipitate fade in the scanner's blur
    for number in range(0, specimens_of(cell_type), 5):
        sprite = atlas.cell(cell_type, number, turn, 0)
        middle = len(sprite.keep) // 2
        rows, columns = np.nonzero(sprite.keep[..., 0] < 256 * 0.7)
        covered = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert np.array(covered) - middle == pytest.approx(np.array(sprite.reach), abs=slack)


@pytest.mark.parametrize(("cell_type", "span"), SIZES_UM.items())
def test_cells_have_the_size_of_their_kind(atlas: Atlas, cell_type: CellType, span: tuple[float, float]) -> None:
    """The mean side of a box at 4 px to the um is what the textbooks give."""
    for number in range(specimens_of(cell_type)):
        left, top, right, bottom = atlas.cell(cell_type, number, 0, 0).reach
        assert span[0] <= (right - left + bottom - top) / 8 <= span[1]


def test_turning_and_blurring_keep_the_box_and_blur_softens(atlas: Atlas) -> None:
    """Out of focus the box is the same and the contrast less."""
    sharp, blurred = (atlas.cell(CellType.BLAST, 0, 0, degree) for degree in (0, len(BLUR_PX) - 1))
    assert sharp.reach == blurred.reach
    assert blurred.keep.min() >= sharp.keep.min()
    assert (
        np.abs(np.diff(blurred.keep[..., 0].astype(int))).max() < np.abs(np.diff(sharp.keep[..., 0].astype(int))).max()
    )


def test_pasting_cuts_off_at_the_edge(atlas: Atlas) -> None:
    """A sprite half outside changes only what lies inside; one wholly outside changes nothing."""
    sprite = atlas.cell(CellType.BLAST, 0, 0, 0)
    whole = np.full((200, 200, 3), 240, np.uint8)
    paste(whole, sprite, 100, 100)
    part = np.full((100, 100, 3), 240, np.uint8)
    paste(part, sprite, 100, 100)
    assert np.array_equal(part, whole[:100, :100])
    outside = np.full((50, 50, 3), 240, np.uint8)
    paste(outside, sprite, -200, 20)
    assert (outside == 240).all()


def test_classes_differ_in_colour_or_size(atlas: Atlas) -> None:
    """No two classes share both mean colour and size, within a tenth of their spread."""
    traits = np.array(
        [
            [*_mean_colour(atlas, cell_type), 20 * np.log(sum(atlas.cell(cell_type, 0, 0, 0).reach[2:]))]
            for cell_type in CellType
        ]
    )
    apart = np.abs(traits[:, None] - traits[None]).max(axis=2)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 2


def _mean_colour(atlas: Atlas, cell_type: CellType) -> np.ndarray:
    sprites = [atlas.cell(cell_type, number, 0, 0) for number in range(specimens_of(cell_type))]
    colour = sum(sprite.colour.sum(axis=(0, 1), dtype=float) for sprite in sprites)
    return np.asarray(colour / sum((256 - sprite.keep.astype(float)).sum() / 256 for sprite in sprites))
