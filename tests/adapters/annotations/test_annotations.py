"""Annotations say what the result says, where it says it, and pass the validators."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

import highdicom.ann
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowcount.cytology.cell_types import CODES, CellType
from marrowcount.cytology.palette import PALETTE
from marrowcount.errors import Refusal, SlideError
from marrowcount.result import ModelTask
from marrowcount.slides.detections import Detection, LookedAtTile
from marrowcount.slides.geometry import PixelBox
from marrowcount.slides.tiles import Tile
from marrowcount_adapters.annotations import AnnotationForm, encode_cells, encode_roi
from marrowcount_adapters.annotations.decode import decode_cells

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult


def reread(dataset: Dataset) -> highdicom.ann.MicroscopyBulkSimpleAnnotations:
    """Written to bytes and read by another hand."""
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    file.seek(0)
    return highdicom.ann.annread(file)


def boxes(group: highdicom.ann.AnnotationGroup) -> np.ndarray:
    """Left, top, right, bottom of each rectangle, shape (n, 4), with 0 for what stands for it."""
    corners = np.array(group.get_graphic_data("2D"))
    edges = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return np.where(edges == np.finfo(np.float32).tiny, np.float32(0), edges)


def expected_boxes(result: CountResult, cell_type: CellType) -> np.ndarray:
    clipped = [d.box.clipped(result.size) for d in result.detections if d.cell_type is cell_type]
    return np.array([(box.left, box.top, box.right, box.bottom) for box in clipped], dtype=np.float32)


@pytest.mark.parametrize("profile", [[], ["-profile", "WG26SP2025"]], ids=["standard", "WG-26 Connectathon"])
@pytest.mark.parametrize("encode", [encode_cells, encode_roi])
def test_validator_finds_no_error(
    *,
    encode: Callable[..., Dataset],
    profile: list[str],
    result: CountResult,
    source: Dataset,
    tmp_path: Path,
    dicom_errors: Callable[..., list[str]],
) -> None:
    """dciodvfy finds no error, by the standard and by the profile of DICOM WG-26's Connectathon."""
    encode(result, source).save_as(tmp_path / "ann.dcm", enforce_file_format=True)
    assert dicom_errors("dciodvfy", *profile, "-new", "-filename", str(tmp_path / "ann.dcm")) == []


def test_cells_read_back_as_found(result: CountResult, source: Dataset) -> None:
    """Every class found is one group, in class order, with its boxes, certainties, label, codes and colour."""
    groups = reread(encode_cells(result, source)).get_annotation_groups()
    assert [group.label for group in groups] == [cell_type.label for cell_type in CellType]
    assert [group.number for group in groups] == list(range(1, 20))
    for group, cell_type in zip(groups, CellType, strict=True):
        np.testing.assert_array_equal(boxes(group), expected_boxes(result, cell_type))
        certainty = [d.probability for d in result.detections if d.cell_type is cell_type]
        names, values, units = group.get_measurements()
        assert (names[0].value, units[0].value) == ("111012", "1")
        np.testing.assert_array_equal(values[:, 0], np.array(certainty, dtype=np.float32))
        assert group.annotated_property_type.value == CODES[cell_type].primary.value
        assert group.annotated_property_category.value == CODES[cell_type].category.value
        colour = highdicom.color.CIELabColor.from_string(PALETTE[cell_type])
        assert tuple(group.RecommendedDisplayCIELabValue) == colour.value
        assert group.algorithm_type.value == "AUTOMATIC"


def test_modifiers_stand_where_one_code_does_not_suffice(result: CountResult, source: Dataset) -> None:
    """A megakaryocyte nucleus is a nucleus, modified by megakaryocyte; other cells likewise."""
    modified = {
        group.AnnotationGroupLabel: kind.AnnotationPropertyTypeModifierCodeSequence[0].CodeValue
        for group in reread(encode_cells(result, source)).AnnotationGroupSequence
        for kind in group.AnnotationPropertyTypeCodeSequence
        if "AnnotationPropertyTypeModifierCodeSequence" in kind
    }
    assert modified == {"megakaryocyte nucleus": "23592000", "other cell": "74964007"}


@settings(max_examples=15, deadline=None)
@given(
    counts=st.dictionaries(st.sampled_from(CellType), st.integers(1, 6), min_size=1),
)
def test_no_class_is_written_that_was_not_found(
    counts: dict[CellType, int], result_of: Callable[..., CountResult], source_of: Callable[..., Dataset]
) -> None:
    """Groups are exactly the classes found, with as many boxes as counted; an empty group cannot exist."""
    groups = encode_cells(result_of(counts), source_of()).AnnotationGroupSequence
    written = {group.AnnotationGroupLabel: group.NumberOfAnnotations for group in groups}
    assert written == {cell_type.label: count for cell_type, count in counts.items()}


def test_tiles_read_back_as_judged(result: CountResult, source: Dataset) -> None:
    """Counted and rejected tiles are two groups with the ROI model's probability."""
    counted, rejected = reread(encode_roi(result, source)).get_annotation_groups()
    assert (counted.label, rejected.label) == ("Monolayer regions counted", "Tiles looked at and rejected")
    assert counted.number_of_annotations == result.tiles_counted
    assert counted.number_of_annotations + rejected.number_of_annotations == result.tiles_looked_at
    assert counted.annotated_property_type.value == "111099"
    for group, verdict in ((counted, True), (rejected, False)):
        of_verdict = [tile for tile in result.tiles if tile.accepted is verdict]
        edges = [(t.tile.left, t.tile.top, t.tile.left + 512, t.tile.top + 512) for t in of_verdict]
        np.testing.assert_array_equal(boxes(group), np.array(edges, dtype=np.float32))
        names, values, _ = group.get_measurements()
        assert names[0].value == "122157"
        np.testing.assert_array_equal(values[:, 0], np.array([t.probability for t in of_verdict], dtype=np.float32))
        assert group.algorithm_identification.name == result.model(ModelTask.ROI).name


def test_without_rejected_tiles_there_is_no_group_of_them(
    result_of: Callable[..., CountResult], source: Dataset
) -> None:
    """A slide on which every tile was fit has one group."""
    all_fit = result_of(tiles=(LookedAtTile(Tile(0, 0), 0.9, accepted=True),))
    assert [group.AnnotationGroupLabel for group in encode_roi(all_fit, source).AnnotationGroupSequence] == [
        "Monolayer regions counted"
    ]


def test_boxes_stay_on_the_matrix(result_of: Callable[..., CountResult], source: Dataset) -> None:
    """A box that hangs over the edge is clipped to the total pixel matrix, since viewers may drop it."""
    result = result_of({CellType.BLAST: 1})
    over = PixelBox(-5, result.size.height - 10, 20, result.size.height + 10)
    hanging = result_of({CellType.BLAST: 1}, detections=(Detection(CellType.BLAST, over, 0.9),))
    (group,) = reread(encode_cells(hanging, source)).get_annotation_groups()
    np.testing.assert_array_equal(boxes(group), [[0, result.size.height - 10, 20, result.size.height]])


@pytest.mark.parametrize("shape", ["RECTANGLE", "POLYGON"])
@pytest.mark.parametrize("encode", [encode_cells, encode_roi])
def test_no_coordinate_is_exactly_zero(
    encode: Callable[..., Dataset], shape: str, result_of: Callable[..., CountResult], source: Dataset
) -> None:
    """dicom-microscopy-viewer leaves out what begins at 0; what stands for it is normal and changes no width."""
    corner = PixelBox(0, 0, 20.25, 30.5)
    result = result_of({CellType.BLAST: 1}, detections=(Detection(CellType.BLAST, corner, 0.9),))
    for group in reread(encode(result, source, AnnotationForm(shape=shape))).get_annotation_groups():
        corners = np.array(group.get_graphic_data("2D"))
        assert corners.min() == np.finfo(np.float32).tiny
        widths = corners[:, 1, 0] - corners[:, 0, 0]
        assert set(widths.tolist()) == ({20.25} if group.label == "blast" else {512.0})


def test_boxes_at_the_corner_are_decoded_as_found(result_of: Callable[..., CountResult], source: Dataset) -> None:
    """What stands for 0 is 0 again for who reads with our own decoder."""
    found = Detection(CellType.BLAST, PixelBox(0, 0, 20.25, 30.5), 0.5)
    result = result_of({CellType.BLAST: 1}, detections=(found,))
    assert decode_cells(encode_cells(result, source)) == (found,)


def test_coordinates_are_exact_far_out(result_of: Callable[..., CountResult], source: Dataset) -> None:
    """float32 keeps a quarter of a pixel at 200,000 pixels."""
    from marrowcount.slides.geometry import SizePx

    far = PixelBox(199_950.25, 199_900.5, 199_999.75, 199_950.0)
    result = result_of(
        {CellType.BLAST: 1}, size=SizePx(200_000, 200_000), detections=(Detection(CellType.BLAST, far, 0.9),)
    )
    (group,) = reread(encode_cells(result, source)).get_annotation_groups()
    np.testing.assert_array_equal(boxes(group), [[far.left, far.top, far.right, far.bottom]])


@pytest.mark.parametrize("encode", [encode_cells, encode_roi])
def test_refers_to_the_base_level(encode: Callable[..., Dataset], result: CountResult, source: Dataset) -> None:
    """Viewers read the first item of both references; of a concatenation its source is cited, never a member."""
    source.SOPInstanceUID = "2.25.9999"  # a member; the context names what to cite
    dataset = encode(result, source)
    assert dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID == result.context.base_instance_uid
    series = dataset.ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == result.context.series_uid
    assert series.ReferencedInstanceSequence[0].ReferencedSOPInstanceUID == result.context.base_instance_uid
    assert (dataset.AnnotationCoordinateType, dataset.PixelOriginInterpretation) == ("2D", "VOLUME")


def test_text_of_any_script_survives(result: CountResult, source_of: Callable[..., Dataset]) -> None:
    """A Latin-1 header becomes UTF-8, in nested items too."""
    file = BytesIO()
    encode_cells(result, source_of("ISO_IR 100")).save_as(file, enforce_file_format=True)
    file.seek(0)
    dataset = pydicom.dcmread(file)
    assert dataset.SpecificCharacterSet == "ISO_IR 192"
    assert dataset.PatientName == "Müller^Zoë"
    assert dataset.SpecimenDescriptionSequence[0].SpecimenShortDescription == "Knochenmarkausstrich für Zytologie"
    assert "Müller^Zoë".encode() in file.getvalue()


def test_same_result_same_instance(result: CountResult, source: Dataset) -> None:
    """Encoding is a function of result and source: no clock, no chance."""
    assert encode_cells(result, source) == encode_cells(result, source)
    assert encode_roi(result, source) == encode_roi(result, source)


def test_times_are_in_the_slides_zone(result: CountResult, source: Dataset) -> None:
    """One zone holds for all times of an instance, so that of the slide is kept."""
    dataset = encode_cells(result, source)
    assert dataset.TimezoneOffsetFromUTC == "+0200"
    assert str(dataset.ContentTime) == "115930.250000"


def test_sparse_headers_are_completed(result: CountResult, source: Dataset) -> None:
    """What scanners leave out of patient and study is written empty; a sex that DICOM does not know is left out."""
    for keyword in ("PatientBirthDate", "StudyID", "StudyTime", "AccessionNumber", "FrameOfReferenceUID"):
        del source[keyword]
    source.PatientSex = "U"
    dataset = encode_cells(result, source)
    assert dataset.StudyID == ""
    assert not dataset.PatientSex


def test_specimen_is_completed_or_left_out(
    result: CountResult, source: Dataset, tmp_path: Path, dicom_errors: Callable[..., list[str]]
) -> None:
    """What converters leave out of the specimen is written empty; without a container there is no specimen."""
    del source.IssuerOfTheContainerIdentifierSequence
    del source.SpecimenDescriptionSequence[0].SpecimenPreparationSequence
    encode_cells(result, source).save_as(tmp_path / "ann.dcm", enforce_file_format=True)
    assert dicom_errors("dciodvfy", "-new", str(tmp_path / "ann.dcm")) == []
    del source.ContainerIdentifier
    assert "SpecimenDescriptionSequence" not in encode_cells(result, source)


@pytest.mark.parametrize("slide", ["cmu_small_region_wsidicomizer/*.dcm", "highdicom/sm_image.dcm"])
def test_headers_of_real_converters_serve(
    slide: str, result: CountResult, shared_data: Path, tmp_path: Path, dicom_errors: Callable[..., list[str]]
) -> None:
    """Annotations on slides that other software wrote pass the validator; stands aside where the slides are absent."""
    path = min((shared_data / "dicom_wsm").glob(slide))
    header = pydicom.dcmread(path, stop_before_pixels=True)
    context = replace(result.context, base_instance_uid=str(header.SOPInstanceUID))
    encode_cells(replace(result, context=context), header).save_as(tmp_path / "ann.dcm", enforce_file_format=True)
    assert dicom_errors("dciodvfy", "-new", str(tmp_path / "ann.dcm")) == []


def test_headers_without_identifiers_are_refused(result: CountResult, source: Dataset) -> None:
    """A slide without study cannot be annotated; the refusal says which attribute is missing."""
    del source.StudyInstanceUID
    with pytest.raises(SlideError, match="StudyInstanceUID") as refused:
        encode_cells(result, source)
    assert refused.value.refusal is Refusal.NOT_DICOM


def test_nothing_to_annotate_is_refused(result_of: Callable[..., CountResult], source: Dataset) -> None:
    """The standard knows no annotation instance without groups."""
    with pytest.raises(SlideError) as refused:
        encode_cells(result_of({}), source)
    assert refused.value.refusal is Refusal.NO_CELLS
