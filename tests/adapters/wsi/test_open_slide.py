"""Opening a slide: what is read, and what is refused with which code."""

# ruff: noqa: ANN401 - fixtures of conftest, whose types cannot be imported in importlib mode

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import (
    ComprehensiveSRStorage,
    JPEGLSLossless,
    MicroscopyBulkSimpleAnnotationsStorage,
    generate_uid,
)

from marrowcount.errors import MarrowcountError, Refusal, SlideError, StorageError
from marrowcount.slides.geometry import SizePx, SpacingMm
from marrowcount.slides.tiles import Tile, grid_of
from marrowcount_adapters.wsi.checks import AllowedResolution
from marrowcount_adapters.wsi.slide import open_slide

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def refusal_of(source: Path | list[Path], allowed: AllowedResolution | None = None) -> SlideError:
    with pytest.raises(SlideError) as caught:
        open_slide(source, allowed)
    return caught.value


def tile_of(picture: NDArray[np.uint8], tile: Tile) -> NDArray[np.uint8]:
    return picture[tile.top : tile.top + 512, tile.left : tile.left + 512]


@pytest.mark.parametrize("encoder", ["native", "jpeg2000"])
@pytest.mark.parametrize("frame", [200, 256, 512, 1024])
def test_tiles_are_the_pixels_at_their_place(series: Any, picture: Any, frame: int, encoder: str) -> None:
    """A tile is exactly the matrix's pixels there, whatever the frame grid."""
    pixels = picture(1300, 1100)
    series.level(pixels, frame=frame, encoder=encoder)
    with open_slide(series.folder) as slide:
        assert slide.size == SizePx(1300, 1100)
        assert slide.spacing == SpacingMm(0.00025, 0.00025)
        for tile in grid_of(slide.size):
            read = slide.read(tile)
            assert read.flags.writeable
            assert np.array_equal(read, tile_of(pixels, tile))


@pytest.mark.parametrize("offset_table", [True, False])
def test_jpeg_comes_out_in_its_colours(series: Any, picture: Any, offset_table: bool) -> None:  # noqa: FBT001
    """A JPEG Baseline slide in YBR_FULL_422 is read as RGB, with or without a basic offset table."""
    pixels = picture(1024, 1024)
    series.level(pixels, offset_table=offset_table)
    with open_slide(series.folder) as slide:
        for tile in grid_of(slide.size):
            difference = np.abs(slide.read(tile).astype(int) - tile_of(pixels, tile))
            assert difference.mean() < 2


def test_context_is_what_the_header_says(series: Any, picture: Any) -> None:
    """Patient, accession, specimen and time of acquisition come from the base level's header."""
    (path,) = series.level(picture(512, 512))
    with open_slide(path) as slide:
        context = slide.context
    assert (context.patient_id, context.patient_id_issuer) == ("PHANTOM-1", "HOSPITAL")
    assert (context.series_uid, context.study_uid) == (series.series_uid, series.study_uid)
    assert context.base_instance_uid == path.stem
    assert context.accession_number == "A-1"
    assert (context.specimen.container_identifier, context.specimen.specimen_uid) == ("GLASS-1", "2.25.7")
    assert context.acquired is not None
    assert context.acquired.astimezone(UTC) == datetime(2026, 1, 2, 8, 30, tzinfo=UTC)


def test_the_base_is_the_largest_level(series: Any, picture: Any) -> None:
    """The base level is found by its matrix, in whatever order files lie there and whatever Image Type says."""
    pixels = picture(1024, 1024)
    series.pyramid(pixels, (4, 1, 16), encoder="native")
    with open_slide(series.folder) as slide:
        assert slide.size == SizePx(1024, 1024)
        assert np.array_equal(slide.read(Tile(1, 1)), pixels[512:, 512:])


def test_files_may_be_named_one_by_one(series: Any, picture: Any) -> None:
    """A slide opens from the list of its files just as from its folder."""
    pixels = picture(600, 600)
    paths = series.level(pixels, encoder="native", parts=3)
    with open_slide(list(reversed(paths))) as slide:
        assert np.array_equal(slide.read(Tile(0, 0)), pixels[:512, :512])
        assert slide.base_paths == tuple(paths)


def test_a_concatenation_is_one_image(series: Any, picture: Any) -> None:
    """A level split over several instances reads as one, and is named by the UID that it had before the split."""
    pixels = picture(1300, 800)
    paths = series.level(pixels, encoder="native", parts=4)
    with open_slide(series.folder) as slide:
        for tile in grid_of(slide.size):
            assert np.array_equal(slide.read(tile), tile_of(pixels, tile))
        assert slide.context.base_instance_uid == dcmread(paths[0]).SOPInstanceUIDOfConcatenationSource


@pytest.mark.parametrize("missing", [0, 1, 3])
@pytest.mark.parametrize("sparse", [True, False])
def test_a_concatenation_with_a_part_missing_is_incomplete(
    series: Any,
    picture: Any,
    missing: int,
    sparse: bool,  # noqa: FBT001
) -> None:
    """A missing part of a concatenation is found before anything is read."""
    paths = series.level(picture(1300, 800), parts=4, sparse=sparse)
    paths[missing].unlink()
    assert refusal_of(series.folder).refusal is Refusal.INCOMPLETE


def test_the_last_part_is_missed_without_a_total(series: Any, picture: Any) -> None:
    """Senders may leave out how many parts there are; TILED_FULL arithmetic tells."""
    paths = series.level(picture(1300, 800), parts=4, InConcatenationTotalNumber=None)
    paths[-1].unlink()
    assert refusal_of(series.folder).refusal is Refusal.INCOMPLETE


def test_a_gap_without_numbers_is_missed(series: Any, picture: Any) -> None:
    """Frame offsets that do not join tell of a missing part even where the parts are sparse and unnumbered."""
    paths = series.level(picture(1300, 800), parts=4, sparse=True, InConcatenationTotalNumber=None)
    paths[0].unlink()
    assert refusal_of(series.folder).refusal is Refusal.INCOMPLETE


def test_a_level_with_too_few_frames_is_incomplete(series: Any, picture: Any) -> None:
    """A TILED_FULL level has the frames that its matrix asks for (PS3.3 C.7.6.17.3)."""
    series.level(picture(1024, 1024), TotalPixelMatrixRows=2048)
    error = refusal_of(series.folder)
    assert error.refusal is Refusal.INCOMPLETE
    assert "16 of 32 frames" in error.message


def test_absent_frames_of_a_sparse_level_are_white(series: Any, picture: Any) -> None:
    """A sparse level without a frame there is glass that was not scanned: white."""
    pixels = picture(1024, 512)
    series.level(pixels, frame=512, encoder="native", sparse=True, absent=frozenset({1}))
    with open_slide(series.folder) as slide:
        assert np.array_equal(slide.read(Tile(0, 0)), pixels[:, :512])
        assert (slide.read(Tile(0, 1)) == 255).all()


@pytest.mark.parametrize("encoder", ["native", "jpeg", "jpeg2000"])
@pytest.mark.parametrize("kept", [0.5, 0.9, 0.99])
def test_a_cut_file_is_refused(series: Any, picture: Any, encoder: str, kept: float) -> None:
    """A file whose end did not arrive is refused when opened, not in the middle of a count."""
    (path,) = series.level(picture(1024, 1024), encoder=encoder)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    assert refusal_of(path).refusal is Refusal.DAMAGED


def test_a_damaged_frame_is_told_where_it_is_read(series: Any, picture: Any) -> None:
    """A frame that cannot be decoded spoils its own tile only, and says so."""
    pixels = picture(1536, 512)
    (path,) = series.level(pixels, frame=512)
    data = bytearray(path.read_bytes())
    starts = [at for at in range(len(data) - 2) if data[at : at + 3] == b"\xff\xd8\xff"]
    data[starts[1] : starts[1] + 200] = bytes(200)
    path.write_bytes(data)
    with open_slide(path) as slide:
        slide.read(Tile(0, 0))
        with pytest.raises(SlideError) as caught:
            slide.read(Tile(0, 1))
        assert caught.value.refusal is Refusal.DAMAGED
        slide.read(Tile(0, 2))


def test_a_frame_of_another_size_than_the_header_says_is_damaged(series: Any, picture: Any) -> None:
    """Frames must have the size that Rows and Columns give them."""
    series.level(picture(1024, 1024), frame=512, Rows=1024, Columns=1024, NumberOfFrames=1, encoder="jpeg")
    assert refusal_of(series.folder).refusal is Refusal.DAMAGED


@pytest.mark.parametrize(
    ("spacing", "expected"),
    [
        (None, Refusal.NO_RESOLUTION),
        ((0.0, 0.0), Refusal.NO_RESOLUTION),
        ((0.0005, 0.0005), Refusal.WRONG_RESOLUTION),
        ((0.0001, 0.0001), Refusal.WRONG_RESOLUTION),
        ((0.25, 0.25), Refusal.WRONG_RESOLUTION),
        ((0.00024, 0.00026), Refusal.WRONG_RESOLUTION),
    ],
)
def test_only_the_resolution_of_the_models_is_counted(
    series: Any, picture: Any, spacing: tuple[float, float] | None, expected: Refusal
) -> None:
    """Without a resolution, at another one or with pixels that are not square, a slide is not counted."""
    series.level(picture(512, 512), spacing=spacing)
    assert refusal_of(series.folder).refusal is expected


def test_a_wrong_resolution_is_named_with_the_allowed_ones(series: Any, picture: Any) -> None:
    """The refusal of a 20x slide says what was measured and what is allowed."""
    series.level(picture(512, 512), spacing=(0.0005, 0.0005))
    assert "0.5 um/px; allowed are 0.2 to 0.3 um/px" in refusal_of(series.folder).message


def test_other_resolutions_may_be_allowed(series: Any, picture: Any) -> None:
    """The limits are the site's, as its models are."""
    series.level(picture(512, 512), spacing=(0.0005, 0.0005))
    with open_slide(series.folder, AllowedResolution(0.4, 0.6)) as slide:
        assert slide.spacing.um_per_px == pytest.approx(0.5)


@pytest.mark.parametrize("field", ["patient_id", "series_uid", "container"])
def test_levels_of_two_slides_are_refused(series: Any, picture: Any, field: str) -> None:
    """What differs in patient, series or glass is not one slide."""
    series.level(picture(1024, 1024))
    setattr(series, field, generate_uid())
    series.level(picture(512, 512), spacing=(0.0005, 0.0005))
    assert refusal_of(series.folder).refusal is Refusal.SEVERAL_SLIDES


def test_a_label_of_another_series_does_no_harm(series: Any, picture: Any) -> None:
    """Older scanners file the label in a series of its own; it is not opened."""
    series.level(picture(512, 512))
    series.series_uid = generate_uid()
    series.level(picture(300, 300), flavour="LABEL", frame=300, spacing=None)
    with open_slide(series.folder) as slide:
        assert slide.size == SizePx(512, 512)


@pytest.mark.parametrize("flavour", ["LABEL", "OVERVIEW", "THUMBNAIL", "LOCALIZER"])
def test_a_series_without_a_level_is_no_image(series: Any, picture: Any, flavour: str) -> None:
    """Label, overview and thumbnail are never counted, not even where there is nothing else."""
    series.level(picture(512, 512), flavour=flavour, frame=512)
    assert refusal_of(series.folder).refusal is Refusal.NO_IMAGE


def test_an_empty_or_absent_folder_is_no_image(tmp_path: Path) -> None:
    """Nothing there is told as nothing there."""
    assert refusal_of(tmp_path).refusal is Refusal.NO_IMAGE
    assert refusal_of([]).refusal is Refusal.NO_IMAGE
    with pytest.raises(StorageError):
        open_slide(tmp_path / "absent")


def test_results_beside_the_slide_are_passed_over(series: Any, picture: Any) -> None:
    """Annotations and reports, our own among them, may lie in the slide's folder."""
    (path,) = series.level(picture(512, 512), encoder="native")
    for sop_class in (MicroscopyBulkSimpleAnnotationsStorage, ComprehensiveSRStorage):
        other = dcmread(path, stop_before_pixels=True)
        other.SOPClassUID, other.SOPInstanceUID = sop_class, generate_uid()
        other.file_meta.MediaStorageSOPClassUID = sop_class
        other.save_as(series.folder / f"{other.SOPInstanceUID}.dcm", enforce_file_format=True)
    with open_slide(series.folder) as slide:
        assert slide.size == SizePx(512, 512)


def test_files_that_are_no_dicom_are_passed_over(series: Any, picture: Any) -> None:
    """A folder may hold notes, a truth file and what systems leave behind."""
    series.level(picture(512, 512))
    for name in ("DICOMDIR", "notes.txt", "truth.json", ".DS_Store", "Thumbs.db", "empty"):
        (series.folder / name).write_bytes(b"" if name == "empty" else b"no dicom" * 40)
    (series.folder / "subfolder").mkdir()
    with open_slide(series.folder) as slide:
        assert slide.size == SizePx(512, 512)


def test_a_damaged_dcm_is_refused_by_its_name_alone(series: Any, picture: Any) -> None:
    """A file called .dcm that is none is not passed over; the message gives no path."""
    series.level(picture(512, 512))
    (series.folder / "broken.dcm").write_bytes(b"no dicom" * 40)
    error = refusal_of(series.folder)
    assert error.refusal is Refusal.NOT_DICOM
    assert "broken.dcm" in error.message
    assert str(series.folder) not in error.message


def test_the_same_instance_twice_is_one(series: Any, picture: Any) -> None:
    """A copy of a file beside it changes nothing."""
    (path,) = series.level(picture(512, 512))
    shutil.copy(path, series.folder / "copy.dcm")
    with open_slide(series.folder) as slide:
        assert len(slide.base_paths) == 1


def test_a_matrix_smaller_than_a_tile_is_too_small(series: Any, picture: Any) -> None:
    """One whole tile is the least that can be judged."""
    series.level(picture(511, 900))
    assert refusal_of(series.folder).refusal is Refusal.TOO_SMALL


@pytest.mark.parametrize(
    "attributes",
    [
        {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15},
        {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "PlanarConfiguration": None},
        {"PhotometricInterpretation": "YBR_FULL"},
        {"PlanarConfiguration": 1},
    ],
)
def test_pixels_that_would_come_out_wrong_are_refused(
    series: Any, picture: Any, attributes: dict[str, str | int | None]
) -> None:
    """Grey, 16 bit, native luma and chroma, colour planes: none is shown to come out right, so none is read."""
    series.level(picture(512, 512), encoder="native", **attributes)
    assert refusal_of(series.folder).refusal is Refusal.UNSUPPORTED_SYNTAX


@pytest.mark.parametrize("keyword", ["ImagedVolumeWidth", "PhotometricInterpretation"])
def test_a_level_without_what_its_class_requires_is_no_sound_dicom(series: Any, picture: Any, keyword: str) -> None:
    """The refusal names the attribute that is absent."""
    series.level(picture(512, 512), **{keyword: None})
    error = refusal_of(series.folder)
    assert error.refusal is Refusal.NOT_DICOM
    assert keyword in error.message


def test_a_level_without_optical_path_is_read(series: Any, picture: Any) -> None:
    """Cloud converters leave the optical paths out, though their class requires them; pixels need none."""
    series.level(picture(512, 512), OpticalPathSequence=None)
    with open_slide(series.folder) as slide:
        slide.read(Tile(0, 0))


def test_a_transfer_syntax_without_decoder_is_refused(series: Any, picture: Any) -> None:
    """JPEG-LS is not decoded here, and the refusal names the syntax."""
    (path,) = series.level(picture(512, 512))
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = JPEGLSLossless
    dataset.PhotometricInterpretation = "RGB"
    dataset.save_as(path)
    error = refusal_of(path)
    assert error.refusal is Refusal.UNSUPPORTED_SYNTAX
    assert JPEGLSLossless in error.message


@pytest.mark.parametrize("offset_table", [True, False])
def test_frames_in_several_fragments_are_refused(series: Any, picture: Any, offset_table: bool) -> None:  # noqa: FBT001
    """wsidicom would decode the item headers between fragments as if they were picture."""
    series.level(picture(512, 512), fragments=2, offset_table=offset_table)
    assert refusal_of(series.folder).refusal in {Refusal.UNSUPPORTED_SYNTAX, Refusal.DAMAGED}


def test_levels_with_slightly_different_origins_are_one_slide(series: Any, picture: Any) -> None:
    """Scanners place levels some micrometres apart; the base is read all the same."""
    pixels = picture(1024, 1024)
    series.level(pixels, encoder="native")
    (path,) = series.level(np.ascontiguousarray(pixels[8::16, 8::16]), spacing=(0.004, 0.004), encoder="native")
    dataset = dcmread(path)
    dataset.TotalPixelMatrixOriginSequence[0].XOffsetInSlideCoordinateSystem = 20.5
    dataset.save_as(path)
    with open_slide(series.folder) as slide:
        assert np.array_equal(slide.read(Tile(0, 1)), pixels[:512, 512:])
        assert slide.overview()[1] == 16


def test_a_tile_off_the_slide_is_a_mistake_of_the_caller(series: Any, picture: Any) -> None:
    """Tiles come from grid_of; any other raises ValueError instead of a padded picture."""
    series.level(picture(1000, 1000))
    with open_slide(series.folder) as slide:
        for tile in (Tile(1, 0), Tile(0, 1), Tile(-1, 0)):
            with pytest.raises(ValueError, match="not wholly inside"):
                slide.read(tile)


def test_an_absurd_matrix_is_refused(series: Any, picture: Any) -> None:
    """No glass is a kilometre long; the header is wrong."""
    series.level(picture(512, 512), sparse=True, TotalPixelMatrixColumns=4_000_000_000)
    assert refusal_of(series.folder).refusal is Refusal.NOT_DICOM


@pytest.mark.usefixtures("_quiet")
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_bytes_a_slide_is_read_or_refused(series: Any, picture: Any, seed: int) -> None:
    """No damage to a file brings out anything but our own errors, and an opened slide is read or found damaged."""
    (path,) = series.level(picture(600, 600), frame=512, sparse=seed % 2 == 1)
    sound = path.read_bytes()
    header = sound.index(b"\xff\xd8\xff")
    random = np.random.default_rng(seed)
    refusals = 0
    for _ in range(60):
        data = bytearray(sound)
        for at in random.integers(0, header if random.integers(3) else len(data), random.integers(1, 8)):
            data[at] = random.integers(256)
        path.write_bytes(data)
        refusals += not _is_read(path)
    assert refusals, "the damage was too slight to test anything"


def _is_read(path: Path) -> bool:
    try:
        with open_slide(path) as slide:
            for tile in grid_of(slide.size):
                slide.read(tile)
            slide.overview()
    except MarrowcountError:
        return False
    return True


@pytest.mark.usefixtures("_quiet")
def test_malformed_patient_data_stays_out_of_logs(series: Any, picture: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A malformed value is not quoted by the libraries below, in a log or a warning."""
    (path,) = series.level(picture(512, 512))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"20260102093000", b"SECRETPERSON\\x").replace(b"PHANTOM-1 ", b"SECRET\\\\  "))
    with open_slide(path) as slide:
        assert slide.context.acquired is not None
    assert "SECRET" not in caplog.text
