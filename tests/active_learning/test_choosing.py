from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.active_learning import Asked, Strategy, choose, likeness_of
from marrowcount.active_learning.likeness import ALIKE, likest
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import SettingsError
from marrowcount.slides.tiles import Tile
from seen_objects import seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from marrowcount.active_learning import Candidate

NONE_LABELLED = np.zeros(len(CellType))
RARE = {Strategy.RARE: 1.0}


def doubtful(amount: float) -> object:
    """An object on which two views differ by so much."""
    return seen((CellType.BLAST, 0.9), (CellType.BLAST, 0.9 - amount))


def test_the_best_tiles_are_chosen_in_order(candidate: Callable[..., Candidate]) -> None:
    """By disagreement alone, the most doubtful tiles come first, each with its score and its reason."""
    pool = [candidate(doubtful(amount)) for amount in (0.1, 0.5, 0.3)]
    chosen, scores = choose(pool, NONE_LABELLED, Asked(2, {Strategy.DISAGREEMENT: 1.0}))
    assert [one.place for one in chosen] == [1, 2]
    assert chosen[0].gain == pytest.approx(0.5)
    assert chosen[0].scores == {Strategy.DISAGREEMENT: pytest.approx(0.5)}
    assert "0.5 on whether there is one" in chosen[0].why
    assert scores[Strategy.DISAGREEMENT] == pytest.approx([0.1, 0.5, 0.3])


def test_tiles_are_dealt_out_by_weight(candidate: Callable[..., Candidate]) -> None:
    """Of 12 tiles, strategies of weights 3, 2 and 1 choose 6, 4 and 2."""
    pool = [candidate(doubtful(0.01 * place)) for place in range(30)]
    weights = {Strategy.RARE: 3.0, Strategy.DISAGREEMENT: 2.0, Strategy.RANDOM: 1.0}
    chosen, _ = choose(pool, NONE_LABELLED, Asked(12, weights))
    assert Counter(one.strategy for one in chosen) == {
        Strategy.RARE: 6,
        Strategy.DISAGREEMENT: 4,
        Strategy.RANDOM: 2,
    }
    assert len({one.place for one in chosen}) == 12


def test_neighbours_on_a_slide_are_not_both_chosen(candidate: Callable[..., Candidate]) -> None:
    """Tiles that touch, be it with a corner, show nearly the same ground; on another slide they do not touch."""
    places = [Tile(4, 4), Tile(5, 5), Tile(4, 6), Tile(4, 4)]
    slides = ["a", "a", "a", "b"]
    pool = [
        candidate(doubtful(0.5 - 0.1 * number), group=slide, patient="p", place=place)
        for number, (place, slide) in enumerate(zip(places, slides, strict=True))
    ]
    chosen, _ = choose(pool, NONE_LABELLED, Asked(4, {Strategy.DISAGREEMENT: 1.0}))
    assert [one.place for one in chosen] == [0, 2, 3]


def test_pictures_that_look_alike_are_not_both_chosen(candidate: Callable[..., Candidate]) -> None:
    """The same ground once more, turned and in another light, is not labelled twice."""
    picture = np.random.default_rng(2).integers(0, 200, (128, 128, 3), dtype=np.uint8)
    picture = picture.repeat(4, axis=0).repeat(4, axis=1)
    again = np.clip(np.rot90(picture).astype(int) + 30, 0, 255).astype(np.uint8)
    other = np.ascontiguousarray(np.roll(picture, 200, axis=1))
    pool = [candidate(doubtful(0.5), likeness=likeness_of(one)) for one in (picture, again, other)]
    chosen, _ = choose(pool, NONE_LABELLED, Asked(3, {Strategy.DISAGREEMENT: 1.0}))
    assert sorted(one.place for one in chosen) in ([0, 2], [1, 2])


def test_no_patient_gives_more_than_twice_its_share(candidate: Callable[..., Candidate]) -> None:
    """Four patients and 8 tiles: none gives more than 4, however much better its tiles are."""
    pool = [candidate(doubtful(0.8 - 0.01 * number), patient="best") for number in range(20)]
    pool += [candidate(doubtful(0.1), patient=name) for name in "abc" for _ in range(10)]
    chosen, _ = choose(pool, NONE_LABELLED, Asked(8, {Strategy.DISAGREEMENT: 1.0}))
    given = Counter(pool[one.place].tile.patient for one in chosen)
    assert given["best"] == 4
    assert sum(given.values()) == 8


def test_a_patient_gives_more_where_others_have_none(candidate: Callable[..., Candidate]) -> None:
    """The number asked for counts more than the spread."""
    pool = [candidate(doubtful(0.5), patient="one") for _ in range(8)] + [candidate(doubtful(0.5), patient="two")]
    chosen, _ = choose(pool, NONE_LABELLED, Asked(8, {Strategy.DISAGREEMENT: 1.0}))
    assert len(chosen) == 8


def test_the_same_seed_chooses_the_same(candidate: Callable[..., Candidate]) -> None:
    """Among equals the seed decides, and nothing else."""
    pool = [candidate() for _ in range(40)]
    first, again, other = (
        [one.place for one in choose(pool, NONE_LABELLED, Asked(5, RARE, seed=seed))[0]] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_an_empty_pool_gives_nothing() -> None:
    """No tiles, no choice, no failure."""
    assert choose([], NONE_LABELLED, Asked(5))[0] == ()


@pytest.mark.parametrize(
    ("strategies", "views"), [({}, 4), ({Strategy.RARE: 0.0}, 4), ({Strategy.ERROR_REDUCTION: 1.0}, 1)]
)
def test_what_cannot_be_asked(strategies: dict[Strategy, float], views: int) -> None:
    """No strategy, a strategy without weight, and a comparison of a single view are refused."""
    with pytest.raises(SettingsError, match="wrong-setting"):
        Asked(5, strategies, views=views)


def test_an_even_picture_is_like_nothing() -> None:
    """Without any structure there is nothing to compare."""
    even = likeness_of(np.full((512, 512, 3), 220, np.uint8))
    assert not even.any()
    assert likest(even, even[None])[0] < ALIKE


def test_small_pictures_have_a_thumbnail_too() -> None:
    """A picture of fewer pixels than a thumbnail."""
    assert likeness_of(np.random.default_rng(1).integers(0, 255, (9, 30, 3), dtype=np.uint8)).shape == (16, 16)
