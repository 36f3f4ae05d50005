"""Result to a Segmentation (PS3.3 A.51): how fit for cytology the ROI model holds each tile, to lay over the slide.

One pixel stands for one tile. Two fractional segments: the probability, and which tiles were looked at, since a tile
that nobody looked at has no probability, which is another thing than one of zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from highdicom import PixelMeasuresSequence, PlaneOrientationSequence, PlanePositionSequence
from highdicom.color import CIELabColor
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.dataset import Dataset

from marrowcount.cytology.concepts import COUNTED_TILES, LOOKED_AT_TILES, SPATIAL_CONCEPT
from marrowcount.cytology.palette import COUNTED_TILE_COLOUR, REJECTED_TILE_COLOUR
from marrowcount.result import ModelTask
from marrowcount.slides.tiles import TILE_PX
from marrowcount.workflow.identity import HEAT_MAP_SERIES, result_uid
from marrowcount_adapters.annotations.making import algorithm, coded, coding_schemes, equipment, finish, series
from marrowcount_adapters.annotations.source import copied_header

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount.result import CountResult
    from marrowcount.slides.geometry import SpacingMm
    from marrowcount.slides.placement import Placement

__all__ = ["encode_heat_map"]

LARGEST: Final = 255
"""Maximum Fractional Value (0062,000E): probabilities in steps of 0.004."""
THICKNESS_MM: Final = 0.001
"""A map has none, but readers want one to be said (Slice Thickness is Type 1C): that of a monolayer's cells."""
MIDDLE: Final = TILE_PX / 2
"""Of the first tile, which is the centre of the map's first pixel, in pixels of the base level."""


def encode_heat_map(result: CountResult, source: Dataset) -> Dataset | None:
    """The map; None where the slide does not tell how it lies on the glass, since nobody could lay the map over it.

    Args:
        result: the count.
        source: header of an instance of the base level; pixels are not needed.

    Raises:
        SlideError: ``not-dicom``: the source's header lacks an identifier.
    """
    placement = result.placement
    if placement is None or not result.context.frame_of_reference_uid:
        return None
    header = _with_geometry(copied_header(source, result.context.base_instance_uid), result, placement)
    pixels = _pixels(result)
    dataset = Segmentation(
        source_images=[header],
        pixel_array=pixels,
        segmentation_type="FRACTIONAL",
        segment_descriptions=_segments(result),
        sop_instance_uid=result_uid(result, "heat-map"),
        instance_number=1,
        max_fractional_value=LARGEST,
        content_label="MARROW TILE MAP",
        content_description="Tiles judged by AI, preliminary",
        pixel_measures=_measures(placement.spacing, TILE_PX),
        plane_orientation=_orientation(placement),
        plane_positions=[_position(placement)],
        omit_empty_frames=False,
        dimension_organization_type="TILED_FULL",
        tile_pixel_array=True,
        tile_size=pixels.shape[1:3],
        specific_character_set="ISO_IR 192",
        coding_schemes=coding_schemes(),
        **series(result, HEAT_MAP_SERIES),
        **equipment(result),
    )
    finish(dataset, result, header)
    dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID = result_uid(result, "heat-map/dimensions")
    return dataset


def _pixels(result: CountResult) -> NDArray[np.float32]:
    """(1, rows, columns, 2): probability and whether it was looked at, 0 to 1, of every whole tile of the slide."""
    rows, columns = result.size.height // TILE_PX, result.size.width // TILE_PX
    pixels = np.zeros((1, rows, columns, 2), dtype=np.float32)
    for looked_at in result.tiles:
        pixels[0, looked_at.tile.row, looked_at.tile.column] = looked_at.probability, 1
    return pixels


def _segments(result: CountResult) -> list[SegmentDescription]:
    kinds = (
        ("Probability of being fit for cytology", COUNTED_TILES, COUNTED_TILE_COLOUR),
        ("Tiles looked at", LOOKED_AT_TILES, REJECTED_TILE_COLOUR),
    )
    return [
        SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=coded(SPATIAL_CONCEPT),
            segmented_property_type=coded(kind),
            algorithm_type="AUTOMATIC",
            algorithm_identification=algorithm(result.model(ModelTask.ROI)),
            display_color=CIELabColor.from_string(colour),
        )
        for number, (label, kind, colour) in enumerate(kinds, start=1)
    ]


def _with_geometry(header: Dataset, result: CountResult, placement: Placement) -> Dataset:
    """What highdicom wants to know of the base level, as it was read once and judged sound."""
    header.NumberOfFrames = 1  # that it says so makes it a tiled image to highdicom
    header.TotalPixelMatrixColumns, header.TotalPixelMatrixRows = result.size.width, result.size.height
    header.ImageOrientationSlide = [*placement.along_row, *placement.along_column]
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = placement.x_mm, placement.y_mm
    header.TotalPixelMatrixOriginSequence = [origin]
    shared = Dataset()
    shared.PixelMeasuresSequence = _measures(placement.spacing, 1)
    header.SharedFunctionalGroupsSequence = [shared]
    return header


def _measures(spacing: SpacingMm, pixels: int) -> PixelMeasuresSequence:
    """Of pixels that span so many of the base level."""
    across, down = spacing.x_mm * pixels, spacing.y_mm * pixels
    return PixelMeasuresSequence(pixel_spacing=(down, across), slice_thickness=THICKNESS_MM)


def _orientation(placement: Placement) -> PlaneOrientationSequence:
    return PlaneOrientationSequence("SLIDE", (*placement.along_row, *placement.along_column))


def _position(placement: Placement) -> PlanePositionSequence:
    return PlanePositionSequence("SLIDE", placement.to_slide(MIDDLE, MIDDLE), (1, 1))
