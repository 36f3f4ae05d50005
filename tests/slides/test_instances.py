"""What follows from what one instance says of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.slides.geometry import SizePx
from marrowcount.slides.instances import WSM_SOP_CLASS_UID, Flavour, InstanceFacts

LEVEL = InstanceFacts(
    sop_instance_uid="2.25.1",
    sop_class_uid=WSM_SOP_CLASS_UID,
    series_uid="2.25.2",
    study_uid="2.25.3",
    modality="SM",
    transfer_syntax_uid="1.2.840.10008.1.2.4.50",
    image_type=("ORIGINAL", "PRIMARY", "VOLUME", "NONE"),
    matrix=SizePx(1000, 600),
    frame=SizePx(256, 256),
    number_of_frames=12,
    focal_planes=1,
    optical_paths=1,
    tiled_full=True,
    spacing=None,
    concatenation_uid=None,
    concatenation_number=None,
    concatenation_total=None,
    concatenation_offset=None,
    concatenation_source_uid=None,
    frame_of_reference_uid=None,
    pyramid_uid=None,
    container_identifier="",
)


@pytest.mark.parametrize("value", [flavour.value for flavour in Flavour if flavour is not Flavour.OTHER])
def test_the_flavour_is_value_3(value: str) -> None:
    """Image Type tells a level from the pictures beside it."""
    assert replace(LEVEL, image_type=("DERIVED", "PRIMARY", value, "RESAMPLED")).flavour == value


@pytest.mark.parametrize(
    "image_type", [(), ("ORIGINAL", "PRIMARY"), ("ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"), ("", "", "")]
)
def test_any_other_image_type_is_other(image_type: tuple[str, ...]) -> None:
    """A missing, short or retired Image Type makes no level."""
    facts = replace(LEVEL, image_type=image_type)
    assert facts.flavour is Flavour.OTHER
    assert not facts.is_level


def test_only_slide_images_are_levels() -> None:
    """An annotation that calls itself VOLUME is none."""
    assert LEVEL.is_level
    assert not replace(LEVEL, sop_class_uid="1.2.840.10008.5.1.4.1.1.91.1").is_level


@given(st.integers(1, 5_000), st.integers(1, 5_000), st.integers(1, 600), st.integers(1, 5), st.integers(1, 3))
def test_tiled_full_frames_cover_the_matrix(width: int, height: int, frame: int, planes: int, paths: int) -> None:
    """As many frames as cover the matrix and no row or column more, for each plane and path."""
    facts = replace(
        LEVEL,
        matrix=SizePx(width, height),
        frame=SizePx(frame, frame),
        focal_planes=planes,
        optical_paths=paths,
    )
    across, down = len(range(0, width, frame)), len(range(0, height, frame))
    assert facts.tiles == across * down * planes * paths


def test_a_sparse_image_has_the_frames_that_it_has() -> None:
    """Without TILED_FULL nothing tells how many frames there should be."""
    assert replace(LEVEL, tiled_full=False, number_of_frames=7).tiles == 7
    assert replace(LEVEL, matrix=None, number_of_frames=7).tiles == 7
    assert replace(LEVEL, frame=None, number_of_frames=7).tiles == 7


def test_members_of_a_concatenation_are_one_image() -> None:
    """They share a key, and are referred to by the UID of the image before the split."""
    first = replace(LEVEL, concatenation_uid="2.25.8", concatenation_source_uid="2.25.9")
    second = replace(first, sop_instance_uid="2.25.10")
    assert first.image_key == second.image_key != LEVEL.image_key
    assert first.image_uid == second.image_uid == "2.25.9"
    assert LEVEL.image_uid == LEVEL.image_key == "2.25.1"
