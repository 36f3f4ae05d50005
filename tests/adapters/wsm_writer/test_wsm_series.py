from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import openslide
import pydicom
import pytest
from wsidicom import WsiDicom

from marrowcount.errors import StorageError
from marrowcount.phantom import PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.tiles import Tile
from marrowcount_adapters.wsm_writer import TileSource, phantom_header, write_phantom, write_series, write_truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

FILES = ("level-0", "level-1", "thumbnail", "label", "overview")


class Ramp(TileSource):
    """A slide whose colour tells the place; it paints beyond its edge, as sources may."""

    def __init__(self, width: int, height: int) -> None:
        self._size = SizePx(width, height)

    @property
    def size(self) -> SizePx:
        return self._size

    def read(self, tile: Tile) -> NDArray[np.uint8]:
        y, x = np.mgrid[tile.top : tile.top + 512, tile.left : tile.left + 512]
        return np.stack([x * 200 // self._size.width, y * 200 // self._size.height, x * 0 + 90], axis=2).astype(
            np.uint8
        )


@pytest.mark.parametrize("name", FILES)
def test_every_instance_is_valid_dicom(series: Path, name: str, dicom_errors: Callable[..., list[str]]) -> None:
    """dciodvfy finds no error."""
    assert dicom_errors("dciodvfy", "-new", "-filename", str(series / f"{name}.dcm")) == []


def test_the_series_is_what_a_scanner_sends(series: Path) -> None:
    """Levels by factors of four down to 1024 px, thumbnail, label and overview, in one series of one study."""
    headers = {name: pydicom.dcmread(series / f"{name}.dcm", stop_before_pixels=True) for name in FILES}
    assert sorted(path.stem for path in series.iterdir()) == sorted(FILES)
    kinds = {name: "\\".join(header.ImageType) for name, header in headers.items()}
    assert kinds == {
        "level-0": "ORIGINAL\\PRIMARY\\VOLUME\\NONE",
        "level-1": "DERIVED\\PRIMARY\\VOLUME\\RESAMPLED",
        "thumbnail": "DERIVED\\PRIMARY\\THUMBNAIL\\RESAMPLED",
        "label": "ORIGINAL\\PRIMARY\\LABEL\\NONE",
        "overview": "ORIGINAL\\PRIMARY\\OVERVIEW\\NONE",
    }
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID", "FrameOfReferenceUID", "ContainerIdentifier"):
        assert len({header[keyword].value for header in headers.values()}) == 1
    assert len({header.SOPInstanceUID for header in headers.values()}) == len(FILES)
    assert all(header.SOPInstanceUID.startswith("2.25.") for header in headers.values())
    base = headers["level-0"]
    assert (base.TotalPixelMatrixColumns, base.TotalPixelMatrixRows, base.NumberOfFrames) == (2300, 2560, 25)
    spacing = base.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    assert list(spacing) == [0.00025, 0.00025]
    assert headers["label"].BurnedInAnnotation == "YES"
    assert base.BurnedInAnnotation == "NO"


def test_wsidicom_reads_the_phantom_back(series: Path, slide: PhantomSlide) -> None:
    """Every tile is the phantom's within the error of JPEG, and the lower level is the mean of its pixels."""
    with WsiDicom.open(series) as opened:
        for place in slide.tiles[::5]:
            back = np.asarray(opened.read_region((place.tile.left, place.tile.top), 0, (512, 512))).astype(int)
            assert np.abs(back - slide.read(place.tile)).mean() < 3.5
        small = np.asarray(opened.read_region((128, 128), 2, (128, 128))).astype(float)
        assert np.abs(small - slide.read(Tile(1, 1)).reshape(128, 4, 128, 4, 3).mean(axis=(1, 3))).mean() < 6
        assert opened.read_label().size == (480, 480)
        assert opened.read_overview().size == (1440, 480)


def test_openslide_reads_the_series(series: Path) -> None:
    """A second reader finds the same levels, spacing and lens."""
    with openslide.OpenSlide(series / "level-0.dcm") as opened:
        assert opened.level_dimensions == ((2300, 2560), (575, 640))
        assert float(opened.properties[openslide.PROPERTY_NAME_MPP_X]) == pytest.approx(0.25)
        assert opened.properties[openslide.PROPERTY_NAME_OBJECTIVE_POWER] == "40"


def test_padding_is_white(series: Path, slide: PhantomSlide) -> None:
    """What lies beyond the matrix in an edge frame is white, whatever the source drew there."""
    dataset = pydicom.dcmread(series / "level-0.dcm")
    frame = pydicom.pixels.pixel_array(dataset, index=4)
    assert frame[:, 2300 - 4 * 512 + 16 :].min() > 250
    assert np.abs(frame[:, :240].astype(int) - slide.read(Tile(0, 4))[:, :240]).mean() < 3.5


def test_the_same_slide_is_the_same_files(series: Path, tmp_path: Path) -> None:
    """Written again from the same profile, seed and size, every file has the same bytes."""
    write_phantom(PhantomSlide("normal", 5, SizePx(2300, 2560)), tmp_path)
    for path in series.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


def test_other_slides_are_other_series(slide: PhantomSlide) -> None:
    """UIDs hang on the identity alone."""
    header = phantom_header(slide)
    assert header.uid("series") == phantom_header(slide).uid("series")
    assert header.uid("series") != replace(header, identity="another").uid("series")
    assert header.uid("series") != header.uid("study")


@pytest.mark.parametrize("extended", [False, True])
def test_any_source_can_be_written_with_either_offset_table(
    tmp_path: Path, slide: PhantomSlide, dicom_errors: Callable[..., list[str]], *, extended: bool
) -> None:
    """Three levels of a ramp come back right by the basic and by the extended offset table."""
    source = Ramp(5000, 1300)
    paths = write_series(source, phantom_header(slide), tmp_path, extended_offsets=extended)
    assert [path.stem for path in paths[:3]] == ["level-0", "level-1", "level-2"]
    header = pydicom.dcmread(paths[0], stop_before_pixels=False)
    assert ("ExtendedOffsetTable" in header) is extended
    assert dicom_errors("dciodvfy", "-new", "-filename", str(paths[0])) == []
    with WsiDicom.open(tmp_path) as opened:
        back = np.asarray(opened.read_region((4096, 512), 0, (512, 512))).astype(int)
        assert np.abs(back - source.read(Tile(1, 8))).max() < 12
        low = np.asarray(opened.read_region((0, 0), 4, (312, 81))).astype(int)
        inside = low[:72, :296, 0]  # JPEG halves the colour's resolution, so the edge mixes with the white padding
        assert np.abs(inside - np.arange(296) * 200 // 312).max() < 8


def test_progress_rises_to_one(tmp_path: Path, slide: PhantomSlide) -> None:
    """The share done is told after each row of tiles."""
    heard: list[float] = []
    write_series(Ramp(1024, 1100), phantom_header(slide), tmp_path, progress=heard.append)
    assert heard == pytest.approx([1 / 3, 2 / 3, 1])


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path, slide: PhantomSlide) -> None:
    """Where a file stands in the way, the error has a code and names no path."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(StorageError, match="could not be written") as caught:
        write_series(Ramp(600, 600), phantom_header(slide), tmp_path / "taken")
    assert caught.value.code == "cannot-write"
    assert str(tmp_path) not in str(caught.value)


def test_an_unfinished_level_leaves_no_file(
    tmp_path: Path, slide: PhantomSlide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the source fails half way, no file without its frames stays behind."""
    source = Ramp(1100, 1100)
    monkeypatch.setattr(source, "read", lambda tile: Ramp.read(source, tile) if tile.row < 1 else _broken())
    with pytest.raises(LookupError):
        write_series(source, phantom_header(slide), tmp_path)
    assert list(tmp_path.iterdir()) == []


def _broken() -> NDArray[np.uint8]:
    raise LookupError


def test_the_truth_file_tells_all(tmp_path: Path, slide: PhantomSlide) -> None:
    """truth.json holds every object, every tile and the NDC, by class label."""
    write_truth(slide, tmp_path / "truth.json")
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert (truth["profile"], truth["seed"], truth["spacing_um"]) == ("normal", 5, 0.25)
    assert truth["series_uid"] == phantom_header(slide).uid("series")
    assert truth["size"] == {"width": 2300, "height": 2560}
    assert len(truth["objects"]) == len(slide.objects)
    box = slide.objects[0].box
    first = {"class": slide.objects[0].cell_type.label, "box": [box.left, box.top, box.right, box.bottom]}
    assert truth["objects"][0] == first
    assert [place["roi"] for place in truth["tiles"]] == [place.roi for place in slide.tiles]
    assert truth["ndc"] == {cell_type.label: percent for cell_type, percent in slide.ndc.items()}
    with pytest.raises(StorageError):
        write_truth(slide, tmp_path)
