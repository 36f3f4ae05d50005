"""Result to annotation instances: the cells found, and the tiles looked at.

Unless a site wants it otherwise both are 2D, in pixels of the base level's total pixel matrix (PS3.3 C.37.1.2), with
(0, 0) at the outer corner of the first pixel, and rectangles, which need no index list, about which implementations
disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.ann import AnnotationGroup, Measurements, MicroscopyBulkSimpleAnnotations
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.color import CIELabColor
from highdicom.sr import CodedConcept

from marrowcount.cytology.cell_types import CODES, LOCAL_SCHEME, CellType, Code, Grade
from marrowcount.cytology.concepts import COUNTED_TILES, LOCAL_SCHEME_NAME, LOCAL_SCHEME_UID, REJECTED_TILES
from marrowcount.cytology.palette import COUNTED_TILE_COLOUR, PALETTE, REJECTED_TILE_COLOUR
from marrowcount.errors import Refusal, SlideError
from marrowcount.result import ModelTask
from marrowcount.workflow.identity import (
    ANNOTATION_SERIES,
    MANUFACTURER,
    PRODUCT,
    device_uuid,
    result_uid,
    software_versions,
)
from marrowcount_adapters.annotations.drawing import AnnotationForm, Drawing, drawing_of
from marrowcount_adapters.annotations.source import copied_header, zone_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult, ModelIdentity
    from marrowcount.slides.geometry import PixelBox

__all__ = ["encode_cells", "encode_roi"]

ARTIFICIAL_INTELLIGENCE: Final = CodedConcept("123110", "DCM", "Artificial Intelligence")
CERTAINTY: Final = CodedConcept("111012", "DCM", "Certainty of Finding")
PROBABILITY: Final = CodedConcept("122157", "DCM", "Probability")
NO_UNITS: Final = CodedConcept("1", "UCUM", "no units")
SELECTED_REGION: Final = Code("111099", "DCM", "Selected region", Grade.A)
SPATIAL_CONCEPT: Final = Code("309825002", "SCT", "Spatial and Relational Concept", Grade.A)


@dataclass(frozen=True, slots=True)
class _Finding:
    """What an annotation group is about, and how it is drawn."""

    part: str
    label: str
    category: Code
    kind: Code
    modifier: Code | None
    colour: str
    measured: CodedConcept
    task: ModelTask


@dataclass(frozen=True, slots=True)
class _Boxes:
    """Rectangles with the model's probability for each, in the same order."""

    boxes: tuple[PixelBox, ...]
    probabilities: tuple[float, ...]


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
    by_class = {
        _cell_finding(cell_type): _Boxes(
            tuple(found.box for found in result.detections if found.cell_type is cell_type),
            tuple(found.probability for found in result.detections if found.cell_type is cell_type),
        )
        for cell_type in CellType
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
            tuple(looked_at.tile.box for looked_at in result.tiles if looked_at.accepted is accepted),
            tuple(looked_at.probability for looked_at in result.tiles if looked_at.accepted is accepted),
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
        annotated_property_category=_coded(finding.category),
        annotated_property_type=_coded(finding.kind),
        graphic_type=drawing.graphic_type,
        graphic_data=drawing.corners(found.boxes),
        algorithm_type="AUTOMATIC",
        algorithm_identification=_algorithm(result.model(finding.task)),
        measurements=[Measurements(finding.measured, probabilities, NO_UNITS)],
        display_color=CIELabColor.from_string(finding.colour),
    )
    if finding.modifier is not None:  # highdicom has no argument for it
        kind = group.AnnotationPropertyTypeCodeSequence[0]
        kind.AnnotationPropertyTypeModifierCodeSequence = [_coded(finding.modifier)]
    return group


def _coded(code: Code) -> CodedConcept:
    return CodedConcept(code.value, code.scheme, code.meaning)


def _algorithm(model: ModelIdentity) -> AlgorithmIdentificationSequence:
    return AlgorithmIdentificationSequence(
        name=model.name,
        family=ARTIFICIAL_INTELLIGENCE,
        version=model.version,
        source=MANUFACTURER,
        parameters={"sha256": model.sha256, "threshold": repr(float(model.threshold))},
    )


def _instance(
    result: CountResult, header: Dataset, content: _Content, drawing: Drawing, groups: Sequence[AnnotationGroup]
) -> MicroscopyBulkSimpleAnnotations:
    zone = zone_of(header)
    moment = result.counted_at.astimezone(zone or result.counted_at.tzinfo)
    dataset = MicroscopyBulkSimpleAnnotations(
        source_images=[header],
        annotation_coordinate_type=drawing.coordinate_type,
        pixel_origin_interpretation="VOLUME",
        annotation_groups=groups,
        series_instance_uid=result_uid(result, ANNOTATION_SERIES.part),
        series_number=ANNOTATION_SERIES.number,
        series_description=ANNOTATION_SERIES.description,
        series_date=moment.date(),
        series_time=moment.time(),
        sop_instance_uid=result_uid(result, content.part),
        instance_number=content.instance_number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=PRODUCT,
        software_versions=PRODUCT,
        device_serial_number=str(device_uuid(result)),
        content_label=content.label,
        content_description=content.description,
        content_date=moment.date(),
        content_time=moment.time(),
        specific_character_set="ISO_IR 192",
        coding_schemes=_coding_schemes(),
    )
    # highdicom takes several versions but cannot write them.
    dataset["SoftwareVersions"].value = list(software_versions(result))
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = dataset.ContentDate, dataset.ContentTime
    del dataset.ContributingEquipmentSequence[-1].ContributionDateTime  # highdicom's own, the time of encoding
    if zone is not None:  # holds for the copied study time as well
        dataset.TimezoneOffsetFromUTC = header.TimezoneOffsetFromUTC
    return dataset


def _coding_schemes() -> list[CodingSchemeIdentificationItem]:
    """Schemes that PS3.16 table 8-1 does not list (SOP Common, PS3.3 C.12.1.1.2)."""
    local = CodingSchemeIdentificationItem(LOCAL_SCHEME, LOCAL_SCHEME_NAME, responsible_organization=MANUFACTURER)
    local.CodingSchemeUID = LOCAL_SCHEME_UID  # highdicom writes it for registered schemes only
    return [local, CodingSchemeIdentificationItem("CL", "Cell Ontology", responsible_organization="OBO Foundry")]
