"""The counted tiles as planar regions (PS3.16 TID 1410), for viewers that show regions of reports but no annotations.

A document of its own: viewers that read regions stumble over measurement groups without one, such as those of the
differential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from highdicom.sr import (
    CodedConcept,
    Comprehensive3DSR,
    FindingSite,
    ImageRegion3D,
    Measurement,
    MeasurementReport,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    TrackingIdentifier,
)

from marrowcount.cytology.concepts import BONE_MARROW, COUNTED_TILES, NO_UNITS, PROBABILITY, SPATIAL_CONCEPT
from marrowcount.result import ModelTask
from marrowcount.review import counted
from marrowcount.workflow.identity import REGION_SERIES, result_uid
from marrowcount_adapters.structured_report.document import (
    IMAGING_PROCEDURE,
    DocumentKind,
    document,
    image_of,
    observation_context,
)
from marrowcount_adapters.structured_report.items import algorithm, coded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult
    from marrowcount.slides.detections import LookedAtTile
    from marrowcount.slides.geometry import PixelBox
    from marrowcount.slides.placement import Placement

__all__ = ["encode_regions"]

DOCUMENT: Final = DocumentKind("regions", REGION_SERIES, Comprehensive3DSR)


def encode_regions(
    result: CountResult, source: Dataset, evidence: Sequence[Dataset], superseded: Sequence[Dataset] = ()
) -> Dataset | None:
    """The regions in mm of the glass; None where the slide does not tell how it lies there.

    Args:
        result: the count.
        source: header of an instance of the base level; pixels are not needed.
        evidence: the annotations of the tiles, as encoded from the same result and source.
        superseded: headers of the documents of regions whose place it takes.
    """
    placement = result.placement
    if placement is None or not result.context.frame_of_reference_uid:
        return None
    image = image_of(source, result.context.base_instance_uid)
    report = counted(result)
    content = MeasurementReport(
        observation_context=observation_context(report),
        procedure_reported=CodedConcept(*IMAGING_PROCEDURE),
        imaging_measurements=[
            _region(result, number, looked_at, placement)
            for number, looked_at in enumerate((each for each in result.tiles if each.accepted), start=1)
        ],
        referenced_images=[image],
    )
    return document(report, content, [*evidence, image], DOCUMENT, superseded)


def _region(
    result: CountResult, number: int, looked_at: LookedAtTile, placement: Placement
) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    tile = looked_at.tile
    return PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            result_uid(result, f"regions/{tile.row}/{tile.column}"),
            f"Tile {number}: row {tile.row}, column {tile.column}",
        ),
        referenced_region=ImageRegion3D(
            "POLYGON", _outline(tile.box, placement), result.context.frame_of_reference_uid
        ),
        finding_category=coded(SPATIAL_CONCEPT),
        finding_type=coded(COUNTED_TILES),
        finding_sites=[FindingSite(coded(BONE_MARROW))],
        algorithm_id=algorithm(result.model(ModelTask.ROI)),
        measurements=[Measurement(coded(PROBABILITY), round(looked_at.probability, 4), coded(NO_UNITS))],
    )


def _outline(box: PixelBox, placement: Placement) -> NDArray[np.float64]:
    """(5, 3) in mm, closed: the first point once more at the end (PS3.3 C.18.9.1.2)."""
    corners = ((box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom))
    return np.array([placement.to_slide(*corner) for corner in (*corners, corners[0])])
