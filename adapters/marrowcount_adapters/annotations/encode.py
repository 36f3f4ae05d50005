"""Result to annotation instances: the cells found, and the tiles looked at.

Unless a site wants it otherwise both are 2D, in pixels of the base level's total pixel matrix (PS3.3 C.37.1.2), with
(0, 0) at the outer corner of the first pixel, and rectangles, which need no index list, about which implementations
disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from highdicom.ann import AnnotationGroup, Measurements, MicroscopyBulkSimpleAnnotations
from highdicom.color import CIELabColor

from marrowcount.cytology.cell_types import CODES, CellType, Code
from marrowcount.cytology.concepts import (
    CERTAINTY,
    COUNTED_TILES,
    NO_UNITS,
    PROBABILITY,
    REJECTED_TILES,
    SELECTED_REGION,
    SPATIAL_CONCEPT,
)
from marrowcount.cytology.palette import COUNTED_TILE_COLOUR, PALETTE, REJECTED_TILE_COLOUR
from marrowcount.errors import Refusal, SlideError
from marrowcount.result import ModelTask
from marrowcount.workflow.identity import (
    ANNOTATION_SERIES,
    result_uid,
)
from marrowcount_adapters.annotations.drawing import AnnotationForm, Drawing, drawing_of
from marrowcount_adapters.annotations.making import algorithm, coded, coding_schemes, equipment, finish, series
from marrowcount_adapters.annotations.source import copied_header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult
    from marrowcount.slides.detections import Detection
    from marrowcount.slides.geometry import PixelBox

__all__ = ["encode_cells", "encode_roi"]


@dataclass(frozen=True, slots=True)
class _Finding:
    """What an annotation group is about, and how it is drawn."""

    part: str
    label: str
    category: Code
    kind: Code
    modifier: Code | None
    colour: str
    measured: Code
    task: ModelTask


@dataclass(frozen=True, slots=True)
class _Boxes:
    """Rectangles with the model's probability for each, in the same order."""

    boxes: Sequence[PixelBox]
    probabilities: Sequence[float]


@dataclass(frozen=True, slots=True)
class _Content:
    """What tells the two instances of a count apart."""

    part: str
    instance_number: int
    label: str
    description: str


CELLS: Final = _Content("cells", 1, "MARROW CELLS", "Cells found by AI, preliminary")
TILES: Final = _Content("tiles", 2, "MARROW TILES", "Tiles judged by AI, preliminary")


def encode_cells(result: CountResult, source: Dataset, form: AnnotationForm | None = None) -> Dataset:
    """All objects found: one group of boxes for each class that was found, in the order of the classes.

    Args:
        result: the count.
        source: header of an instance of the base level; pixels are not needed.
        form: how places are written; 2D rectangles when left out.

    Raises:
        SlideError: ``no-cells``: nothing was found, and the standard knows no empty annotation;
            ``not-dicom``: the source's header lacks an identifier.
    """
    of_class: dict[CellType, list[Detection]] = {cell_type: [] for cell_type in CellType}
    for found in result.detections:
        of_class[found.cell_type].append(found)
    by_class = {
        _cell_finding(cell_type): _Boxes([each.box for each in all_found], [each.probability for each in all_found])
        for cell_type, all_found in of_class.items()
    }
    drawing = drawing_of(result, form or AnnotationForm())
    return _encode(result, source, CELLS, drawing, by_class)


def encode_roi(result: CountResult, source: Dataset, form: AnnotationForm | None = None) -> Dataset:
    """The tiles looked at, those counted and those rejected, with the ROI model's probability.

    Args:
        result: the count.
        source: as for :func:`encode_cells`.
        form: as for :func:`encode_cells`.

    Raises:
        SlideError: as :func:`encode_cells`.
    """
    by_verdict = {
        _tile_finding(accepted=accepted): _Boxes(
            [looked_at.tile.box for looked_at in result.tiles if looked_at.accepted is accepted],
            [looked_at.probability for looked_at in result.tiles if looked_at.accepted is accepted],
        )
        for accepted in (True, False)
    }
    drawing = drawing_of(result, form or AnnotationForm())
    return _encode(result, source, TILES, drawing, by_verdict)


def _cell_finding(cell_type: CellType) -> _Finding:
    codes = CODES[cell_type]
    return _Finding(
        f"cells/{cell_type.label}",
        cell_type.label,
        codes.category,
        codes.primary,
        codes.modifier,
        PALETTE[cell_type],
        CERTAINTY,
        ModelTask.CELLS,
    )


def _tile_finding(*, accepted: bool) -> _Finding:
    if accepted:
        label, modifier, colour = "Monolayer regions counted", COUNTED_TILES, COUNTED_TILE_COLOUR
    else:
        label, modifier, colour = "Tiles looked at and rejected", REJECTED_TILES, REJECTED_TILE_COLOUR
    return _Finding(
        f"tiles/{modifier.value}",
        label,
        SPATIAL_CONCEPT,
        SELECTED_REGION,
        modifier,
        colour,
        PROBABILITY,
        ModelTask.ROI,
    )


def _encode(
    result: CountResult,
    source: Dataset,
    content: _Content,
    drawing: Drawing,
    findings: dict[_Finding, _Boxes],
) -> Dataset:
    found = [(finding, boxes) for finding, boxes in findings.items() if boxes.boxes]
    if not found:
        raise SlideError(Refusal.NO_CELLS, f"There is nothing to annotate: the result holds no {content.part}.")
    groups = [_group(result, number, finding, boxes, drawing) for number, (finding, boxes) in enumerate(found, start=1)]
    return _instance(result, copied_header(source, result.context.base_instance_uid), content, drawing, groups)


def _group(result: CountResult, number: int, finding: _Finding, found: _Boxes, drawing: Drawing) -> AnnotationGroup:
    probabilities = np.array(found.probabilities, dtype=np.float32)
    group = AnnotationGroup(
        number=number,
        uid=result_uid(result, finding.part),
        label=finding.label,
        annotated_property_category=coded(finding.category),
        annotated_property_type=coded(finding.kind),
        graphic_type=drawing.graphic_type,
        graphic_data=drawing.corners(found.boxes),
        algorithm_type="AUTOMATIC",
        algorithm_identification=algorithm(result.model(finding.task)),
        measurements=[Measurements(coded(finding.measured), probabilities, coded(NO_UNITS))],
        display_color=CIELabColor.from_string(finding.colour),
    )
    if finding.modifier is not None:  # highdicom has no argument for it
        kind = group.AnnotationPropertyTypeCodeSequence[0]
        kind.AnnotationPropertyTypeModifierCodeSequence = [coded(finding.modifier)]
    return group


def _instance(
    result: CountResult, header: Dataset, content: _Content, drawing: Drawing, groups: Sequence[AnnotationGroup]
) -> MicroscopyBulkSimpleAnnotations:
    dataset = MicroscopyBulkSimpleAnnotations(
        source_images=[header],
        annotation_coordinate_type=drawing.coordinate_type,
        pixel_origin_interpretation="VOLUME",
        annotation_groups=groups,
        sop_instance_uid=result_uid(result, content.part),
        instance_number=content.instance_number,
        content_label=content.label,
        content_description=content.description,
        specific_character_set="ISO_IR 192",
        coding_schemes=coding_schemes(),
        **series(result, ANNOTATION_SERIES),
        **equipment(result),
    )
    finish(dataset, result, header)
    return dataset
