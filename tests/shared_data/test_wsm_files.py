"""Real and synthetic DICOM files of others, each opened or refused with a code that says why.

Uses shared/data/dicom_wsm and dicom_ann_sr (see their SOURCE.txt); stands aside where they are absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from marrowcount.errors import MarrowcountError, Refusal, SlideError
from marrowcount.slides.tiles import grid_of
from marrowcount_adapters.wsi.checks import AllowedResolution
from marrowcount_adapters.wsi.slide import open_slide

if TYPE_CHECKING:
    from pathlib import Path

CMU = "cmu_small_region_wsidicomizer"
GOOGLE = "google_medical_imaging"
ANY_RESOLUTION = AllowedResolution(0.01, 1000.0)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")  # the files hold malformed values

NO_IMAGE, NOT_DICOM = Refusal.NO_IMAGE, Refusal.NOT_DICOM
WRONG, SEVERAL = Refusal.WRONG_RESOLUTION, Refusal.SEVERAL_SLIDES
SMALL, UNSUPPORTED = Refusal.TOO_SMALL, Refusal.UNSUPPORTED_SYNTAX

EXPECTED: dict[str, tuple[Refusal, Refusal | None]] = {
    CMU: (WRONG, None),
    f"{CMU}/1.2.826.0.1.3680043.8.498.22578632243911462875868722824767877590.dcm": (NO_IMAGE, NO_IMAGE),
    f"{CMU}/1.2.826.0.1.3680043.8.498.23887975428159963167078637514783108866.dcm": (WRONG, None),
    f"{CMU}/1.2.826.0.1.3680043.8.498.48915015476938404477175645459470182964.dcm": (NO_IMAGE, NO_IMAGE),
    f"{CMU}/1.2.826.0.1.3680043.8.498.7846045763280825114608801857330994407.dcm": (NO_IMAGE, NO_IMAGE),
    "google_ez_wsi": (WRONG, None),
    "google_ez_wsi/multiframe_camelyon_challenge_image.dcm": (WRONG, None),
    GOOGLE: (SEVERAL, SEVERAL),
    f"{GOOGLE}/downsample-8-in.dcm": (NO_IMAGE, NO_IMAGE),
    f"{GOOGLE}/multi_frame_jpeg2000_camelyon_challenge_image.dcm": (WRONG, None),
    f"{GOOGLE}/multi_frame_jpeg_camelyon_challenge_image.dcm": (WRONG, None),
    f"{GOOGLE}/test_dicom_matrix.dcm": (NO_IMAGE, NO_IMAGE),
    f"{GOOGLE}/test_jpeg_dicom.dcm": (NOT_DICOM, NOT_DICOM),
    f"{GOOGLE}/test_raw_dicom.dcm": (NOT_DICOM, NOT_DICOM),
    f"{GOOGLE}/test_slide_coordinates.dcm": (NO_IMAGE, NO_IMAGE),
    f"{GOOGLE}/test_wsi2.dcm": (NO_IMAGE, NO_IMAGE),
    f"{GOOGLE}/wsi_private_tags.dcm": (NO_IMAGE, NO_IMAGE),
    "highdicom": (SEVERAL, SEVERAL),
    "highdicom/seg_image_sm_control.dcm": (NO_IMAGE, NO_IMAGE),
    "highdicom/seg_image_sm_control_labelmap.dcm": (NO_IMAGE, NO_IMAGE),
    "highdicom/seg_image_sm_control_labelmap_palette_color.dcm": (NO_IMAGE, NO_IMAGE),
    "highdicom/seg_image_sm_dots.dcm": (NO_IMAGE, NO_IMAGE),
    "highdicom/seg_image_sm_dots_tiled_full.dcm": (NO_IMAGE, NO_IMAGE),
    "highdicom/seg_image_sm_numbers.dcm": (NO_IMAGE, NO_IMAGE),
    "highdicom/sm_image.dcm": (WRONG, SMALL),
    "highdicom/sm_image_control.dcm": (WRONG, SMALL),
    "highdicom/sm_image_dots.dcm": (WRONG, SMALL),
    "highdicom/sm_image_grayscale.dcm": (UNSUPPORTED, UNSUPPORTED),
    "highdicom/sm_image_grayscale_reversed.dcm": (UNSUPPORTED, UNSUPPORTED),
    "highdicom/sm_image_jpegls.dcm": (UNSUPPORTED, UNSUPPORTED),
    "highdicom/sm_image_jpegls_nobot.dcm": (UNSUPPORTED, UNSUPPORTED),
    "highdicom/sm_image_numbers.dcm": (WRONG, SMALL),
    "libdicom_synthetic": (NOT_DICOM, NOT_DICOM),
    "libdicom_synthetic/generated_encapsulated_defined_bot_1_to_1.dcm": (NOT_DICOM, NOT_DICOM),
    "libdicom_synthetic/generated_encapsulated_defined_bot_2_to_1.dcm": (NOT_DICOM, NOT_DICOM),
    "libdicom_synthetic/generated_encapsulated_defined_bot_2_to_2.dcm": (NOT_DICOM, NOT_DICOM),
    "libdicom_synthetic/generated_encapsulated_empty_bot_1_to_1.dcm": (NOT_DICOM, NOT_DICOM),
    "libdicom_synthetic/generated_encapsulated_empty_bot_2_to_1.dcm": (NOT_DICOM, NOT_DICOM),
}
"""File or folder to what becomes of it at 0.20 to 0.30 um/px, and at any resolution (None: it is opened)."""


@pytest.fixture
def wsm(shared_data: Path) -> Path:
    return shared_data / "dicom_wsm"


def outcome(source: Path, allowed: AllowedResolution | None = None) -> Refusal | None:
    """The refusal, or None where the slide was opened and all its tiles and its overview were read."""
    try:
        with open_slide(source, allowed) as slide:
            tiles = [slide.read(tile) for tile in grid_of(slide.size)]
            overview, scale = slide.overview()
    except SlideError as error:
        return error.refusal
    assert all(tile.shape == (512, 512, 3) and tile.dtype == np.uint8 for tile in tiles)
    assert abs(overview.shape[1] * scale - slide.size.width) < 2 * scale
    return None


def test_the_table_names_every_file_and_folder(wsm: Path) -> None:
    """A file that joins the data joins the table."""
    there = {str(path.relative_to(wsm)) for path in wsm.rglob("*") if path.suffix == ".dcm" or path.is_dir()}
    assert there == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_file_is_opened_or_refused_with_its_code(wsm: Path, name: str) -> None:
    """Nothing but a coded refusal keeps a file from being read."""
    strict, open_minded = EXPECTED[name]
    assert outcome(wsm / name) is strict
    assert outcome(wsm / name, ANY_RESOLUTION) is open_minded


def test_annotations_and_reports_are_no_slides(shared_data: Path) -> None:
    """Every annotation, report or segmentation of others is passed over or refused, none is taken for a slide."""
    files = sorted(path for path in (shared_data / "dicom_ann_sr").rglob("*") if path.is_file())
    assert files
    for path in files:
        assert outcome(path, ANY_RESOLUTION) in {NO_IMAGE, NOT_DICOM}


def test_a_20x_slide_is_refused_with_its_resolution(wsm: Path) -> None:
    """The refusal says what was measured and what is allowed."""
    with pytest.raises(MarrowcountError) as caught:
        open_slide(wsm / CMU)
    assert "0.499 um/px; allowed are 0.2 to 0.3" in caught.value.message
    assert str(wsm) not in str(caught.value)


def test_the_pixels_are_those_that_openslide_reads(wsm: Path) -> None:
    """A real slide's tiles agree with OpenSlide's, which decodes on its own, within what JPEG decoders differ by."""
    openslide = pytest.importorskip("openslide")
    base = max((wsm / CMU).glob("*.dcm"), key=lambda path: path.stat().st_size)
    with openslide.OpenSlide(str(base)) as other, open_slide(wsm / CMU, ANY_RESOLUTION) as slide:
        assert other.dimensions == (slide.size.width, slide.size.height)
        for tile in grid_of(slide.size):
            theirs = np.asarray(other.read_region((tile.left, tile.top), 0, (512, 512)).convert("RGB"))
            difference = np.abs(slide.read(tile).astype(int) - theirs)
            assert difference.max() <= 4
            assert difference.mean() < 0.5


def test_context_of_a_real_slide(wsm: Path) -> None:
    """The real slide's header gives container, specimen, frame of reference and time."""
    with open_slide(wsm / CMU, ANY_RESOLUTION) as slide:
        context = slide.context
    assert context.specimen.specimen_uid
    assert context.frame_of_reference_uid
    assert context.acquired is not None
    assert context.acquired.year == 2009
