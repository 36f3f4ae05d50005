"""The gallery shows the two ends of each class's certainty, the same cells for the same count."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.detections import Detection
from marrowcount.slides.gallery import Certain, choose_cells, field_um
from marrowcount.slides.geometry import PixelBox, SpacingMm

SPACING = SpacingMm(0.00025, 0.00025)

found = st.builds(
    lambda kind, left, top, width, height, probability: Detection(
        kind, PixelBox(left, top, left + width, top + height), probability
    ),
    st.sampled_from([CellType.BLAST, CellType.MEGAKARYOCYTE, CellType.DEBRIS]),
    st.floats(0, 5000),
    st.floats(0, 5000),
    st.floats(8, 300),
    st.floats(8, 300),
    st.floats(0.5, 1),
)
many = st.lists(found, max_size=40, unique=True)


@given(many, st.integers(1, 5), st.randoms())
def test_the_order_of_finding_does_not_matter(detections: list[Detection], each: int, chance: object) -> None:
    """The same count gives the same gallery."""
    shuffled = list(detections)
    chance.shuffle(shuffled)  # type: ignore[attr-defined] # a random.Random
    assert choose_cells(shuffled, SPACING, each) == choose_cells(detections, SPACING, each)


@given(many, st.integers(1, 5))
def test_both_ends_of_each_class(detections: list[Detection], each: int) -> None:
    """No cell that is left out is more certain than the most certain, or less than the least certain; none is twice."""
    chosen = choose_cells(detections, SPACING, each)
    assert len({cell.detection for cell in chosen}) == len(chosen)
    for kind in {detection.cell_type for detection in detections}:
        cells = [cell for cell in chosen if cell.detection.cell_type is kind]
        everything = [detection for detection in detections if detection.cell_type is kind]
        most = [cell.detection.probability for cell in cells if cell.certain is Certain.MOST]
        least = [cell.detection.probability for cell in cells if cell.certain is Certain.LEAST]
        rest = set(everything) - {cell.detection for cell in cells}
        assert len(cells) == min(len(everything), 2 * each)
        assert 0 <= len(most) - len(least) <= 1
        assert [*most, *least] == sorted([*most, *least], reverse=True)
        assert all(min(most) >= detection.probability >= max(least) for detection in rest)


@given(many)
def test_classes_stand_in_their_order(detections: list[Detection]) -> None:
    """A reader finds a class at the same place in every report."""
    kinds = [cell.detection.cell_type for cell in choose_cells(detections, SPACING)]
    assert kinds == sorted(kinds)


@given(found, st.floats(0.0002, 0.0003))
def test_the_field_lies_about_the_cell(detection: Detection, spacing_mm: float) -> None:
    """A square on whole pixels, of the class's side in micrometres, whose middle is the cell's to half a pixel."""
    (cell,) = choose_cells([detection], SpacingMm(spacing_mm, spacing_mm))
    sides = [cell.field.left, cell.field.top, cell.field.right, cell.field.bottom]
    assert all(side == int(side) for side in sides)
    assert cell.field.width == cell.field.height == round(field_um(detection.cell_type) / (spacing_mm * 1000))
    x, y = cell.field.centre
    assert abs(x - detection.box.centre[0]) <= 0.5 + 1e-6
    assert abs(y - detection.box.centre[1]) <= 0.5 + 1e-6


def test_large_cells_are_shown_on_more_ground() -> None:
    """A megakaryocyte of 60 um is shown whole, a lymphocyte is not lost in its field."""
    assert field_um(CellType.MEGAKARYOCYTE) >= 60 > field_um(CellType.LYMPHOCYTE)
