"""Small slides in DICOM, written with pydicom alone, so that the reader is not tested against its own kin."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pydicom.config
import pytest
import simplejpeg
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    VLWholeSlideMicroscopyImageStorage,
    generate_uid,
)

from marrowcount_adapters.wsi.quiet import keep_values_out_of_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray


def _picture(width: int, height: int) -> NDArray[np.uint8]:
    """Every pixel tells where it is: red grows with x, green with y, blue is a coarse chequer."""
    y, x = np.mgrid[0:height, 0:width]
    blue = ((x // 128 + y // 128) % 2) * 60 + 150
    return np.stack([x * 255 // width, y * 255 // height, blue], axis=2).astype(np.uint8)


def _native(frame: NDArray[np.uint8]) -> bytes:
    return frame.tobytes()


def _jpeg(frame: NDArray[np.uint8]) -> bytes:
    return _even(simplejpeg.encode_jpeg(np.ascontiguousarray(frame), 95, "RGB", "422"))


def _jpeg2000(frame: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "JPEG2000", irreversible=False, mct=1, no_jp2=True)
    return _even(file.getvalue())


def _even(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)


ENCODERS: dict[str, tuple[str, str, Callable[[NDArray[np.uint8]], bytes]]] = {
    "native": (ExplicitVRLittleEndian, "RGB", _native),
    "jpeg": (JPEGBaseline8Bit, "YBR_FULL_422", _jpeg),
    "jpeg2000": (JPEG2000Lossless, "YBR_RCT", _jpeg2000),
}


@dataclass
class Series:
    """A slide to be written level by level; change its attributes before a level to make that level differ."""

    folder: Path
    study_uid: str = field(default_factory=generate_uid)
    series_uid: str = field(default_factory=generate_uid)
    frame_of_reference_uid: str = field(default_factory=generate_uid)
    patient_id: str = "PHANTOM-1"
    container: str = "GLASS-1"

    def level(
        self,
        picture: NDArray[np.uint8],
        *,
        frame: int = 256,
        spacing: tuple[float, float] | None = (0.00025, 0.00025),
        encoder: str = "jpeg",
        flavour: str = "VOLUME",
        parts: int = 1,
        absent: frozenset[int] = frozenset(),
        sparse: bool = False,
        fragments: int = 1,
        offset_table: bool = True,
        **attributes: Any,  # noqa: ANN401 - whatever an attribute may hold
    ) -> list[Path]:
        """Write one level; ``absent`` frames are left out (sparse only); attributes by keyword override."""
        frames = [pixels for number, pixels in _frames(picture, frame) if number not in absent]
        places = [place for number, place in enumerate(_places(picture, frame)) if number not in absent]
        sizes = [len(part) for part in np.array_split(np.arange(len(frames)), parts)]
        source, concatenation = generate_uid(), generate_uid()
        paths, offset = [], 0
        for number, size in enumerate(sizes, start=1):
            dataset = self._header(picture, frame, spacing, flavour)
            _place(dataset, places[offset : offset + size] if sparse else None)
            if parts > 1:
                dataset.ConcatenationUID, dataset.InConcatenationNumber = concatenation, number
                dataset.InConcatenationTotalNumber, dataset.ConcatenationFrameOffsetNumber = parts, offset
                dataset.SOPInstanceUIDOfConcatenationSource = source
            _fill(dataset, frames[offset : offset + size], encoder, fragments, offset_table=offset_table)
            for keyword, value in attributes.items():
                if value is None:
                    delattr(dataset, keyword)
                else:
                    setattr(dataset, keyword, value)
            paths.append(self.folder / f"{dataset.SOPInstanceUID}.dcm")
            dataset.save_as(paths[-1], enforce_file_format=True)
            offset += size
        return paths

    def pyramid(self, picture: NDArray[np.uint8], scales: tuple[int, ...], **options: Any) -> list[list[Path]]:  # noqa: ANN401
        """Write levels of these scales, each the every-nth pixel of the base."""
        return [
            self.level(
                np.ascontiguousarray(picture[scale // 2 :: scale, scale // 2 :: scale]),
                spacing=(0.00025 * scale, 0.00025 * scale),
                **options,
            )
            for scale in scales
        ]

    def _header(
        self, picture: NDArray[np.uint8], frame: int, spacing: tuple[float, float] | None, flavour: str
    ) -> Dataset:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.ImageType = ["DERIVED", "PRIMARY", flavour, "NONE"]
        dataset.SOPClassUID = VLWholeSlideMicroscopyImageStorage
        dataset.SOPInstanceUID = generate_uid()
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = self.study_uid, self.series_uid
        dataset.FrameOfReferenceUID = self.frame_of_reference_uid
        dataset.StudyDate, dataset.StudyTime = "20260102", "101500"
        dataset.AcquisitionDateTime, dataset.TimezoneOffsetFromUTC = "20260102093000", "+0100"
        dataset.AccessionNumber, dataset.Modality = "A-1", "SM"
        dataset.PatientName, dataset.PatientID, dataset.IssuerOfPatientID = "Phantom^One", self.patient_id, "HOSPITAL"
        dataset.ContainerIdentifier = self.container
        specimen = Dataset()
        specimen.SpecimenIdentifier, specimen.SpecimenUID = "S-1", "2.25.7"
        dataset.SpecimenDescriptionSequence = [specimen]
        dataset.Rows = dataset.Columns = frame
        dataset.TotalPixelMatrixRows, dataset.TotalPixelMatrixColumns = picture.shape[:2]
        dataset.SamplesPerPixel, dataset.PlanarConfiguration = 3, 0
        dataset.BitsAllocated = dataset.BitsStored = 8
        dataset.HighBit, dataset.PixelRepresentation = 7, 0
        dataset.DimensionOrganizationType = "TILED_FULL"
        dataset.NumberOfOpticalPaths = dataset.TotalPixelMatrixFocalPlanes = 1
        dataset.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
        origin = Dataset()
        origin.XOffsetInSlideCoordinateSystem, origin.YOffsetInSlideCoordinateSystem = 20, 40
        dataset.TotalPixelMatrixOriginSequence = [origin]
        dataset.OpticalPathSequence = [_optical_path()]
        dataset.ImagedVolumeWidth = dataset.ImagedVolumeHeight = 1.0
        dataset.ImagedVolumeDepth = 0.001
        shared, measures = Dataset(), Dataset()
        if spacing is not None:
            measures.PixelSpacing = list(spacing)
        measures.SliceThickness = 0.001
        shared.PixelMeasuresSequence = [measures]
        dataset.SharedFunctionalGroupsSequence = [shared]
        return dataset


def _optical_path() -> Dataset:
    path = Dataset()
    path.OpticalPathIdentifier = "1"
    return path


def _places(picture: NDArray[np.uint8], frame: int) -> Iterator[tuple[int, int]]:
    height, width = picture.shape[:2]
    return ((top, left) for top in range(0, height, frame) for left in range(0, width, frame))


def _frames(picture: NDArray[np.uint8], frame: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    for number, (top, left) in enumerate(_places(picture, frame)):
        inside = picture[top : top + frame, left : left + frame]
        padded = np.zeros((frame, frame, 3), np.uint8)
        padded[: inside.shape[0], : inside.shape[1]] = inside
        yield number, padded


def _place(dataset: Dataset, places: list[tuple[int, int]] | None) -> None:
    if places is None:
        return
    dataset.DimensionOrganizationType = "TILED_SPARSE"
    items = []
    for top, left in places:
        position, path, item = Dataset(), Dataset(), Dataset()
        position.RowPositionInTotalImagePixelMatrix, position.ColumnPositionInTotalImagePixelMatrix = top + 1, left + 1
        position.XOffsetInSlideCoordinateSystem = position.YOffsetInSlideCoordinateSystem = 0
        position.ZOffsetInSlideCoordinateSystem = 0
        path.OpticalPathIdentifier = "1"
        item.PlanePositionSlideSequence, item.OpticalPathIdentificationSequence = [position], [path]
        items.append(item)
    dataset.PerFrameFunctionalGroupsSequence = items


def _fill(
    dataset: Dataset, frames: list[NDArray[np.uint8]], encoder: str, fragments: int, *, offset_table: bool
) -> None:
    syntax, photometric, encode = ENCODERS[encoder]
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PhotometricInterpretation = photometric
    dataset.NumberOfFrames = len(frames)
    encoded = [encode(frame) for frame in frames]
    if encoder == "native":
        dataset.PixelData = _even(b"".join(encoded))
        dataset["PixelData"].VR = "OB"
    else:
        dataset.PixelData = encapsulate(encoded, fragments_per_frame=fragments, has_bot=offset_table)


class MakePicture(Protocol):
    """Makes a picture in which every pixel tells where it is."""

    def __call__(self, width: int, height: int) -> NDArray[np.uint8]: ...


@pytest.fixture
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As the program runs: malformed values raise no warnings."""
    monkeypatch.setattr(pydicom.config.settings, "reading_validation_mode", pydicom.config.WARN)
    loggers = [logging.getLogger(name) for name in ("pydicom", "wsidicom")]
    levels = [logger.level for logger in loggers]
    keep_values_out_of_logs()
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def series(tmp_path: Path) -> Series:
    """A slide without a level yet, in a folder of its own."""
    folder = tmp_path / "slide"
    folder.mkdir()
    return Series(folder)


@pytest.fixture(scope="session")
def picture() -> MakePicture:
    return _picture
