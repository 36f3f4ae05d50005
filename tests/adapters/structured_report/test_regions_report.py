"""The counted tiles as regions: where they are on the glass, and nothing that trips viewers of regions."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from highdicom.sr import srread

from marrowcount.slides.geometry import SpacingMm
from marrowcount.slides.placement import Placement
from marrowcount_adapters.annotations import encode_roi
from marrowcount_adapters.structured_report import encode_regions
from placements import ORIENTATIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult


@pytest.fixture
def placed(result_of: Callable[..., CountResult]) -> CountResult:
    return result_of(placement=Placement(11.75, 40.5, *ORIENTATIONS[5], SpacingMm(0.00025, 0.00025)))


@pytest.fixture
def document(placed: CountResult, source: Dataset) -> Dataset:
    made = encode_regions(placed, source, [encode_roi(placed, source)])
    assert made is not None
    return made


def test_every_counted_tile_is_a_region_where_it_lies(document: Dataset, placed: CountResult) -> None:
    """With its probability; closed polygons in the slide's frame of reference."""
    file = BytesIO()
    document.save_as(file, enforce_file_format=True)
    file.seek(0)
    groups = srread(file).content.get_planar_roi_measurement_groups()
    counted = [each for each in placed.tiles if each.accepted]
    assert len(groups) == len(counted)
    assert placed.placement is not None
    for group, looked_at in zip(groups, counted, strict=True):
        region = group.roi
        assert region.frame_of_reference_uid == placed.context.frame_of_reference_uid
        corners = [placed.placement.to_pixels(x_mm, y_mm) for x_mm, y_mm, _ in region.value.tolist()]
        box = looked_at.tile.box
        expected = [(box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)]
        np.testing.assert_allclose(corners, [*expected, expected[0]], atol=0.05)
        (measured,) = group.get_measurements()
        assert measured.value == pytest.approx(looked_at.probability, abs=5e-5)


def test_each_group_has_all_that_viewers_of_regions_ask_for(document: Dataset) -> None:
    """Tracking UID, finding and region in every measurement group, of which nothing else is in the document."""
    measurements = next(
        item for item in document.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "126010"
    )
    for group in measurements.ContentSequence:
        names = {item.ConceptNameCodeSequence[0].CodeValue for item in group.ContentSequence}
        assert {"112040", "121071", "111030"} <= names
    assert document.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert (document.PreliminaryFlag, document.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")


def test_validator_finds_no_error(document: Dataset, tmp_path: Path, dicom_errors: Callable[..., list[str]]) -> None:
    """By the standard."""
    document.save_as(tmp_path / "regions.dcm", enforce_file_format=True)
    assert dicom_errors("dciodvfy", "-new", "-filename", str(tmp_path / "regions.dcm")) == []


def test_without_a_place_on_the_glass_there_are_no_regions(result: CountResult, source: Dataset) -> None:
    """Millimetres of what would be nowhere."""
    assert encode_regions(result, source, [encode_roi(result, source)]) is None
