"""Phantom slides with annotations in the layout of IDC's bone marrow collection, read back equal to the truth."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest

from idc_series import IdcCell, write_cells, write_regions
from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Dataset, Faults, LabelledBox, NamedExample, load_mapping
from marrowcount.errors import DatasetError
from marrowcount.main.annotated_slides import AnnotatedSlides, Cut, SlideOptions
from marrowcount.main.importing import ImportPlan, import_dataset
from marrowcount.phantom import PhantomSlide
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.slides.tiles import Tile
from marrowcount_adapters.annotations.rectangles import read_rectangles
from marrowcount_adapters.dataset_store import open_dataset
from marrowcount_adapters.wsi.slide import open_slide
from marrowcount_adapters.wsm_writer import write_phantom

if TYPE_CHECKING:
    from pathlib import Path

MAPPING = load_mapping("idc-bonemarrowwsi-pediatricleukemia")
LABELS = {
    meaning.cell_type: label.replace(" ", "_")
    for label, meaning in reversed(MAPPING.meanings.items())
    if ":" not in label and not meaning.ignored
}
"""A label of the collection for each class that it has; megakaryocyte nuclei and mast cells it has not."""

REGIONS = (PixelBox(0, 0, 1024, 1024), PixelBox(1100, 900, 1900, 1500))
"""One on the grid of tiles, one beside it and no multiple of a tile."""


@dataclass(frozen=True)
class Series:
    """A slide of the collection: its folder, its files and what is truly on it."""

    folder: Path
    base: Path
    truth: tuple[LabelledBox, ...]
    cells: tuple[IdcCell, ...]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Series:
    """A phantom as the collection would have it: three sessions that disagree, the consensus is the truth."""
    folder = tmp_path_factory.mktemp("collection")
    slide = PhantomSlide("aml", 5, SizePx(2048, 2048))
    base = write_phantom(slide, folder / "patient" / "study" / "slide")[0]
    truth = tuple(LabelledBox(one.box, one.cell_type) for one in slide.objects if one.cell_type in LABELS)
    cells = tuple(IdcCell(one.box, LABELS[one.cell_type], _region(one.box)) for one in truth)
    study = folder / "patient" / "study"
    red = IdcCell(PixelBox(300, 300, 330, 330), "erythrocyte", 0)
    write_regions(base, study, REGIONS)
    for session in range(3):
        disputed = [replace(cell, label="lymphocyte") if n % 3 == session else cell for n, cell in enumerate(cells)]
        write_cells(base, study, disputed, str(session))
    write_cells(base, study, (*cells, red), "consensus")
    return Series(folder, base, truth, cells)


def _region(box: PixelBox) -> int:
    x, y = box.centre
    inside = [n for n, one in enumerate(REGIONS) if one.left <= x < one.right and one.top <= y < one.bottom]
    return inside[0] if inside else -1


def truth_in(written: Series, left: int, top: int, size: SizePx) -> set[LabelledBox]:
    """The true objects whose centre lies there, in pixels of the cut-out."""
    found: set[LabelledBox] = set()
    for one in written.truth:
        x, y = one.box.centre
        if left <= x < left + size.width and top <= y < top + size.height:
            found.add(LabelledBox(one.box.moved(-left, -top).clipped(size), one.cell_type, "consensus"))
    return found


def place(name: str) -> tuple[int, int]:
    left, top, _ = name.rpartition("/")[2].split("-")
    return int(left), int(top)


def imported(written: Series, out: Path, options: SlideOptions | None = None, **plan: object) -> Dataset:
    source = AnnotatedSlides(written.folder, options)
    wanted = ImportPlan("idc", "idc-ann", MAPPING, **plan)  # type: ignore[arg-type]
    return import_dataset(source, out, wanted, Faults(), lambda _: None)


def faults_of(folder: Path, options: SlideOptions | None = None) -> list[str]:
    faults = Faults(keep_going=True)
    AnnotatedSlides(folder, options).examples(faults)
    return [error.code for error in faults.found]


def copied(written: Series, to: Path) -> Series:
    shutil.copytree(written.folder, to / "copy")
    return replace(written, folder=to / "copy", base=to / "copy" / written.base.relative_to(written.folder))


def annotation(written: Series, description: str) -> Path:
    """The file of the annotation so described."""
    files = (path for path in written.folder.rglob("*.dcm") if "slide" not in path.parts)
    return next(path for path in files if read_rectangles(path).description.startswith(description))


def altered(path: Path, **values: object) -> None:
    dataset = pydicom.dcmread(path)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)


def test_tiles_are_read_back_equal_to_the_truth(written: Series, tmp_path: Path) -> None:
    """Boxes, classes, pixels, patient, resolution, verdict: every tile over both regions."""
    dataset = imported(written, tmp_path / "out")
    slide = PhantomSlide("aml", 5, SizePx(2048, 2048))
    assert len(dataset.examples) == 4 + 4
    assert {one.size for one in dataset.examples} == {SizePx(512, 512)}
    stored = open_dataset(tmp_path / "out")
    with open_slide(written.base.parent) as opened:
        for one in stored.dataset.examples:
            left, top = place(one.name)
            assert set(one.objects or ()) == truth_in(written, left, top, one.size)
            assert (one.fit, one.complete, one.um_per_px) == (True, False, pytest.approx(0.25))
            assert np.array_equal(stored.read(one), opened.read_area(left, top, one.size))
            if left % 512 == 0 and top % 512 == 0:
                drawn = slide.read(Tile(top // 512, left // 512)).astype(int)
                assert np.abs(stored.read(one) - drawn).mean() < 4  # JPEG
    assert sum(len(one.objects or ()) for one in dataset.examples) > 40
    assert {one.cell_type for example in dataset.examples for one in example.objects or ()} > {CellType.BLAST}


def test_regions_may_be_taken_whole(written: Series, tmp_path: Path) -> None:
    """Each region is one picture, and every object in it is there once."""
    dataset = imported(written, tmp_path / "out", SlideOptions(cut=Cut.REGIONS))
    assert [one.size for one in dataset.examples] == [SizePx(1024, 1024), SizePx(800, 600)]
    for one in dataset.examples:
        assert set(one.objects or ()) == truth_in(written, *place(one.name), one.size)


def test_the_patient_is_hashed_and_the_history_honest(written: Series, tmp_path: Path) -> None:
    """No Patient ID in the data set; red cells and boxes outside the regions are told with their number."""
    dataset = imported(written, tmp_path / "out")
    (patient,) = {one.patient for one in dataset.examples}
    assert len(patient) == 16
    everything = "".join(path.read_text("utf-8") for path in (tmp_path / "out").iterdir() if path.is_file())
    assert "PHANTOM" not in everything.upper().replace("IDC", "")
    outside = sum(cell.region < 0 for cell in written.cells)
    assert outside > 0
    assert "left out 1 objects called 'erythrocyte': red cells are never an object" in dataset.history
    assert f"{outside} boxes have their centre in no region and were left out" in dataset.history
    assert (dataset.licence, "zenodo.14933087" in dataset.source) == ("CC BY 4.0", True)


def test_a_session_gives_that_readers_labels(written: Series) -> None:
    """Session 1 differs from the consensus exactly where that reader did, and is named as author."""
    session = SlideOptions("session 1", Cut.REGIONS)
    one, consensus = (
        AnnotatedSlides(written.folder, options).examples(Faults())
        for options in (session, SlideOptions(cut=Cut.REGIONS))
    )
    labels = {cell.box: "lymphocyte" if n % 3 == 1 else cell.label for n, cell in enumerate(written.cells)}
    for mine, theirs in zip(one, consensus, strict=True):
        left, top = place(mine.name)
        found = {each.box.moved(left, top): each for each in mine.objects or ()}
        assert {each.author for each in found.values()} == {"session 1"}
        assert all(found[box].name == label for box, label in labels.items() if box in found)
        assert len(found) > len(theirs.objects or ()) / 2
    assert "lymphocyte" in {each.name for example in one for each in example.objects or ()}


def test_unlabelled_boxes_stand_in_where_nobody_labelled(written: Series, tmp_path: Path) -> None:
    """A slide of the collection without consensus gives nucleated cells; one without boxes, regions alone."""
    series = copied(written, tmp_path)
    for path in [path for path in series.folder.rglob("*.dcm") if "slide" not in path.parts]:
        if not read_rectangles(path).description.startswith("Monolayer"):
            path.unlink()
    bare = AnnotatedSlides(series.folder).examples(Faults())
    assert {one.objects for one in bare} == {None}
    write_cells(
        series.base,
        series.folder,
        [replace(c, label="haematological_structure") for c in series.cells],
        "detection-only",
    )
    dataset = imported(series, tmp_path / "out")
    kinds = {(one.cell_type, one.author) for example in dataset.examples for one in example.objects or ()}
    assert kinds == {(None, "")}


def test_tiles_can_be_brought_to_another_resolution(written: Series, tmp_path: Path) -> None:
    """At 0.5 um/px a tile of 512 px shows 1024 px of the slide, and the boxes shrink with it."""
    dataset = imported(written, tmp_path / "out", SlideOptions(um_per_px=0.5), um_per_px=0.5)
    first = dataset.examples[0]
    assert (first.size, first.um_per_px) == (SizePx(512, 512), 0.5)
    widths = sorted(one.box.width for one in first.objects or ())
    truth = sorted(one.box.width / 2 for one in truth_in(written, *place(first.name), SizePx(1024, 1024)))
    assert widths == pytest.approx(truth)


def test_what_has_no_partner_is_told(written: Series, tmp_path: Path) -> None:
    """Annotations whose slide was not downloaded are no fault, but the history says so."""
    series = copied(written, tmp_path)
    for path in series.folder.rglob("*.dcm"):
        if "slide" not in path.parts and read_rectangles(path).description.startswith("Session 0"):
            dataset = pydicom.dcmread(path)
            dataset.ReferencedSeriesSequence[0].SeriesInstanceUID = "1.2.3"
            dataset.save_as(path)
    source = AnnotatedSlides(series.folder)
    assert source.examples(Faults())
    assert "1 slides have annotations here but no images" in source.remarks


def test_a_slide_with_a_faulty_annotation_is_left_out(written: Series, tmp_path: Path) -> None:
    """Without its consensus it would pass for a slide that nobody labelled."""
    series = copied(written, tmp_path)
    altered(annotation(series, "Consensus"), AnnotationCoordinateType="3D")
    source, faults = AnnotatedSlides(series.folder), Faults(keep_going=True)
    assert source.examples(faults) == []
    assert len(faults.found) == 1
    assert source.remarks == ("1 slides were left out because an annotation of their study is faulty",)


def test_a_slide_alone_is_told(written: Series, tmp_path: Path) -> None:
    """Without annotations there is nothing to learn from; without a slide nothing to see."""
    slide = AnnotatedSlides(written.base.parent)
    assert slide.examples(Faults()) == []
    assert slide.remarks == ("1 slides have no annotations and give no pictures",)
    with pytest.raises(DatasetError, match="no-slides"):
        AnnotatedSlides(tmp_path).examples(Faults())


@pytest.mark.parametrize(
    ("description", "values", "code"),
    [
        ("Consensus", {"SeriesDescription": "Cells found by AI"}, "annotations-unknown"),
        ("Session 1", {"SeriesDescription": "Session 0: Cell bounding boxes"}, "annotations-repeated"),
        ("Monolayer", {"SeriesDescription": "Unlabeled cell bounding boxes"}, "regions-missing"),
        ("Consensus", {"AnnotationCoordinateType": "3D"}, "annotations-unsupported"),
        ("Consensus", {"PixelOriginInterpretation": "FRAME"}, "annotations-unsupported"),
        ("Consensus", {"AnnotationGroupSequence": None}, "annotations-malformed"),
    ],
)
def test_a_changed_layout_is_refused(
    written: Series, tmp_path: Path, description: str, values: dict, code: str
) -> None:
    """Whatever is not as the collection has it has its code, and none of its boxes is used."""
    series = copied(written, tmp_path)
    altered(annotation(series, description), **values)
    assert code in faults_of(series.folder)


@pytest.mark.parametrize(
    ("keyword", "value", "code"),
    [
        ("GraphicType", "POLYGON", "annotations-unsupported"),
        ("NumberOfAnnotations", 3, "annotations-malformed"),
        ("PointCoordinatesData", b"\0" * 12, "annotations-malformed"),
        ("PointCoordinatesData", b"\xff" * 32, "annotations-malformed"),
        ("PointCoordinatesData", None, "annotations-malformed"),
    ],
)
def test_a_malformed_group_is_refused(written: Series, tmp_path: Path, keyword: str, value: object, code: str) -> None:
    """Counts and coordinates that do not fit, and shapes other than rectangles."""
    series = copied(written, tmp_path)
    path = annotation(series, "Consensus")
    dataset = pydicom.dcmread(path)
    setattr(dataset.AnnotationGroupSequence[0], keyword, value)
    dataset.save_as(path)
    with pytest.raises(DatasetError, match=code) as failure:
        read_rectangles(path)
    assert path.name in failure.value.message
    assert "patient" not in failure.value.message


def test_annotations_of_another_level_are_refused(written: Series, tmp_path: Path) -> None:
    """Pixels of another image would put every box in the wrong place."""
    series = copied(written, tmp_path)
    path = annotation(series, "Consensus")
    dataset = pydicom.dcmread(path)
    dataset.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"
    dataset.save_as(path)
    assert faults_of(series.folder) == ["annotations-of-another-image"]


def test_a_region_beyond_the_slide_is_refused(written: Series, tmp_path: Path) -> None:
    """It belongs to another slide, or to another level."""
    series = copied(written, tmp_path)
    annotation(series, "Monolayer").unlink()
    write_regions(series.base, series.folder, [PixelBox(1900, 0, 2200, 300)])
    assert faults_of(series.folder) == ["region-outside"]


def test_a_damaged_slide_is_a_fault(written: Series, tmp_path: Path) -> None:
    """A cut file ends with the slide's own code, and with its name alone."""
    series = copied(written, tmp_path)
    content = series.base.read_bytes()
    series.base.write_bytes(content[: len(content) // 2])
    source = AnnotatedSlides(series.folder)
    examples: list[NamedExample] = list(source.examples(Faults()))
    with pytest.raises(DatasetError, match="damaged") as failure:
        source.read(examples[-1])
    source.close()
    assert "the slide that label.dcm belongs to" in failure.value.message
    assert str(tmp_path) not in failure.value.message


def test_files_that_are_no_dicom_are_passed_over_or_told(written: Series, tmp_path: Path) -> None:
    """A licence text is none; a file called .dcm that is none is a fault."""
    series = copied(written, tmp_path)
    (series.folder / "LICENSE").write_text("CC BY", encoding="utf-8")
    assert faults_of(series.folder) == []
    (series.folder / "cut.dcm").write_bytes(b"DICM")
    assert faults_of(series.folder) == ["not-dicom"]
