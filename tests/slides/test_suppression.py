"""Decoding a detector's output and dropping the second box on one object."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.geometry import PixelBox
from marrowcount.slides.suppression import MAX_DETECTIONS, detections_of, overlaps, suppress

EDGES = arrays(np.float64, st.tuples(st.integers(1, 12), st.just(4)), elements=st.floats(0, 500))


def raw(*candidates: tuple[float, float, float, float, CellType, float]) -> np.ndarray:
    """Centre x, centre y, width, height, class, probability as the network puts them out."""
    predictions = np.zeros((4 + len(CellType), len(candidates)), dtype=np.float32)
    for place, (x, y, width, height, cell_type, probability) in enumerate(candidates):
        predictions[:4, place] = x, y, width, height
        predictions[4 + cell_type, place] = probability
    return predictions


def test_overlap_by_hand() -> None:
    """Two 10 x 10 boxes 5 apart share 50 of 150 square pixels; a box shares nothing with an empty one."""
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [3, 3, 3, 3]])
    np.testing.assert_allclose(overlaps(boxes[:1], boxes), [[1, 1 / 3, 0]])


@given(EDGES, EDGES)
def test_overlap_is_that_of_the_geometry(first: np.ndarray, second: np.ndarray) -> None:
    """The table holds what PixelBox says of each pair."""
    first, second = np.sort(first.reshape(-1, 2, 2), axis=1), np.sort(second.reshape(-1, 2, 2), axis=1)
    table = overlaps(first.reshape(-1, 4), second.reshape(-1, 4))
    one, two = PixelBox(*first.reshape(-1, 4)[0]), PixelBox(*second.reshape(-1, 4)[0])
    assert table[0, 0] == pytest.approx(one.intersection_over_union(two))


@given(EDGES, st.floats(0, 1), st.randoms(use_true_random=False))
def test_kept_boxes_lie_apart_and_cover_the_dropped(edges: np.ndarray, iou: float, random: object) -> None:
    """No two kept boxes overlap by more than the limit; each dropped box overlaps a better kept one by more."""
    boxes = np.sort(edges.reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    probabilities = np.array([random.random() for _ in boxes])
    kept = suppress(boxes, probabilities, iou)
    shared = overlaps(boxes, boxes)
    assert all(shared[i, j] <= iou for i in kept for j in kept if i != j)
    for dropped in set(range(len(boxes))) - set(kept.tolist()):
        assert any(shared[dropped, i] > iou and probabilities[i] >= probabilities[dropped] for i in kept)


def test_decoding_by_hand() -> None:
    """Centre and size become edges, the best class names the object, the most probable comes first."""
    found = detections_of(
        raw((100, 50, 20, 10, CellType.BLAST, 0.6), (300, 300, 40, 40, CellType.MONOCYTE, 0.9)), threshold=0.5, iou=0.5
    )
    assert [(o.cell_type, o.box) for o in found] == [
        (CellType.MONOCYTE, PixelBox(280, 280, 320, 320)),
        (CellType.BLAST, PixelBox(90, 45, 110, 55)),
    ]
    assert [o.probability for o in found] == pytest.approx([0.9, 0.6])


def test_threshold_itself_counts() -> None:
    """An object at exactly the threshold is one; below it is none."""
    predictions = raw((100, 50, 20, 10, CellType.BLAST, 0.5), (200, 50, 20, 10, CellType.BLAST, 0.4999))
    assert len(detections_of(predictions, threshold=0.5, iou=0.5)) == 1


def test_one_place_is_one_object_whatever_the_classes() -> None:
    """A blast and a lymphocyte on the same cell: the more probable one counts."""
    predictions = raw((100, 100, 40, 40, CellType.LYMPHOCYTE, 0.6), (101, 100, 40, 40, CellType.BLAST, 0.7))
    assert [o.cell_type for o in detections_of(predictions, threshold=0.5, iou=0.5)] == [CellType.BLAST]


def test_boxes_end_at_the_edge_of_the_tile() -> None:
    """A cell cut by the tile's edge has a box inside the tile."""
    (found,) = detections_of(raw((0, 511, 40, 40, CellType.BLAST, 0.9)), threshold=0.5, iou=0.5)
    assert found.box == PixelBox(0, 491, 20, 512)


def test_a_picture_that_fires_everywhere_ends() -> None:
    """However many candidates, no more than the limit comes out."""
    places = [(8 * x + 4, 8 * y + 4, 4, 4, CellType.PLATELET, 0.9) for x in range(64) for y in range(64)]
    assert len(detections_of(raw(*places), threshold=0.5, iou=0.5)) == MAX_DETECTIONS


def test_nothing_found_is_nothing() -> None:
    """An empty tile has no objects."""
    assert detections_of(raw((100, 100, 20, 20, CellType.BLAST, 0.01)), threshold=0.5, iou=0.5) == ()
