"""What a DICOM instance says of itself: its facts, its slide's context, its header for the encoders.

Reading stops before the per-frame functional groups: those of a sparse level may weigh hundreds of megabytes, and all
that is asked for here stands before them.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final, TypeAlias

from pydicom.filereader import read_partial

from marrowcount.errors import InstanceError
from marrowcount.slides.geometry import SpacingMm
from marrowcount.slides.instances import InstanceFacts
from marrowcount_adapters.wsi.bounded import opened
from marrowcount_adapters.wsi.context import context_of
from marrowcount_adapters.wsi.values import first, number, required_uid, size, sound_values, text, told, uid, values

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    from marrowcount.result import SlideContext

    StopWhen: TypeAlias = Callable[[BaseTag, str | None, int], bool]

__all__ = ["read_context", "read_facts", "read_header", "read_identity", "read_patient_key"]

MOST_ELEMENTS: Final = 100_000
"""At the top level of a header; the fullest have some hundred. A few deflated kilobytes may unfold to millions."""

PER_FRAME_GROUPS: Final = 0x52009230
CONTENT_SEQUENCE: Final = 0x0040A730
FLOAT_PIXEL_DATA: Final = 0x7FE00008
SHARED_GROUPS: Final = 0x52009229

FACT_TAGS: Final = (
    0x00080008,  # Image Type
    0x00080016,  # SOP Class UID
    0x00080018,  # SOP Instance UID
    0x00080019,  # Pyramid UID
    0x00080060,  # Modality
    0x0020000D,  # Study Instance UID
    0x0020000E,  # Series Instance UID
    0x00200052,  # Frame of Reference UID
    0x00200242,  # SOP Instance UID of Concatenation Source
    0x00209161,  # Concatenation UID
    0x00209162,  # In-concatenation Number
    0x00209163,  # In-concatenation Total Number
    0x00209228,  # Concatenation Frame Offset Number
    0x00209311,  # Dimension Organization Type
    0x00280008,  # Number of Frames
    0x00280010,  # Rows
    0x00280011,  # Columns
    0x00400512,  # Container Identifier
    0x00480006,  # Total Pixel Matrix Columns
    0x00480007,  # Total Pixel Matrix Rows
    0x00480302,  # Number of Optical Paths
    0x00480303,  # Total Pixel Matrix Focal Planes
    SHARED_GROUPS,
)

IDENTIFIERS: Final = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")

PATIENT_TAGS: Final = (
    0x00100020,  # Patient ID
    0x00100021,  # Issuer of Patient ID
)


def read_facts(path: Path) -> InstanceFacts:
    """What the instance in a file says of itself; neither patient nor pixels are read.

    Raises:
        InstanceError: ``not-dicom``, ``missing-attribute`` (an identifier that every instance has) or
            ``invalid-attribute`` (a value that cannot be what the attribute stands for).
        OSError: the file cannot be read.
    """
    dataset = _parsed(path, FACT_TAGS)
    with sound_values():
        return _facts(dataset)


def read_header(path: Path) -> Dataset:
    """All that stands before the per-frame functional groups and the pixels, with the file meta information.

    Raises:
        InstanceError: ``not-dicom``.
        OSError: the file cannot be read.
    """
    return _parsed(path)


def read_identity(path: Path) -> Dataset:
    """Who and what an instance of the node's own is, and what it refers to: all that stands before its content.

    What makes an instance large, such as a document's content and the groups of annotations, stands behind. Every value
    is sound.

    Raises:
        InstanceError: as :func:`read_facts`.
        OSError: the file cannot be read.
    """
    dataset = _parsed(path, at_end=_at_content)
    with sound_values():
        for keyword in IDENTIFIERS:
            required_uid(dataset, keyword)
        for _ in dataset.iterall():  # a value is decoded, and found unsound, when it is looked at
            pass
    if "StudyID" not in dataset:  # every instance of the node's has it, and it is the last that names anything
        raise InstanceError("missing-attribute", "The header breaks off before Study ID.")
    return dataset


def read_context(path: Path) -> SlideContext:
    """Who and what the slide belongs to, from one instance of its base level.

    Raises:
        InstanceError: as :func:`read_facts`.
        OSError: the file cannot be read.
    """
    dataset = _parsed(path)
    with sound_values():
        return context_of(dataset, _facts(dataset))


def read_patient_key(path: Path) -> tuple[str, str]:
    """Patient ID and its issuer, to tell patients apart; never for logs.

    Raises:
        InstanceError: as :func:`read_facts`.
        OSError: the file cannot be read.
    """
    dataset = _parsed(path, PATIENT_TAGS)
    with sound_values():
        return text(dataset, "PatientID"), text(dataset, "IssuerOfPatientID")


def _at_frames(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) == PER_FRAME_GROUPS or int(tag) >= FLOAT_PIXEL_DATA


def _at_content(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) >= CONTENT_SEQUENCE


def _parsed(path: Path, tags: tuple[int, ...] | None = None, at_end: StopWhen = _at_frames) -> Dataset:
    with told("not-dicom", "The file is not DICOM, or its header is damaged."), opened(path) as file:
        dataset = read_partial(file, _until(at_end), specific_tags=list(tags) if tags else None)
    if not dataset.file_meta.get("TransferSyntaxUID"):
        raise InstanceError("not-dicom", "The file has no Transfer Syntax UID (PS3.10), so it cannot be decoded.")
    return dataset


def _until(at_end: StopWhen) -> StopWhen:
    """Whether reading may stop; it ends for good where a header has more elements than any has."""
    seen = count()

    def stop(tag: BaseTag, vr: str | None, length: int) -> bool:
        if next(seen) > MOST_ELEMENTS:
            raise EOFError("the header has more elements than any header may have")
        return at_end(tag, vr, length)

    return stop


def _facts(dataset: Dataset) -> InstanceFacts:
    return InstanceFacts(
        sop_instance_uid=required_uid(dataset, "SOPInstanceUID"),
        sop_class_uid=required_uid(dataset, "SOPClassUID"),
        series_uid=required_uid(dataset, "SeriesInstanceUID"),
        study_uid=required_uid(dataset, "StudyInstanceUID"),
        modality=text(dataset, "Modality"),
        transfer_syntax_uid=required_uid(dataset.file_meta, "TransferSyntaxUID"),
        image_type=tuple(values(dataset, "ImageType")),
        matrix=size(dataset, "TotalPixelMatrixColumns", "TotalPixelMatrixRows"),
        frame=size(dataset, "Columns", "Rows"),
        number_of_frames=number(dataset, "NumberOfFrames") or 1,
        focal_planes=number(dataset, "TotalPixelMatrixFocalPlanes") or 1,
        optical_paths=number(dataset, "NumberOfOpticalPaths") or 1,
        tiled_full=text(dataset, "DimensionOrganizationType") == "TILED_FULL",
        spacing=_spacing(dataset),
        concatenation_uid=uid(dataset, "ConcatenationUID"),
        concatenation_number=number(dataset, "InConcatenationNumber"),
        concatenation_total=number(dataset, "InConcatenationTotalNumber"),
        concatenation_offset=number(dataset, "ConcatenationFrameOffsetNumber"),
        concatenation_source_uid=uid(dataset, "SOPInstanceUIDOfConcatenationSource"),
        frame_of_reference_uid=uid(dataset, "FrameOfReferenceUID"),
        pyramid_uid=uid(dataset, "PyramidUID"),
        container_identifier=text(dataset, "ContainerIdentifier"),
    )


def _spacing(dataset: Dataset) -> SpacingMm | None:
    """Pixel spacing of the shared functional groups: row spacing (y) first (PS3.3 10.7.1.3)."""
    measures = first(first(dataset, "SharedFunctionalGroupsSequence"), "PixelMeasuresSequence")
    spacing = measures.get("PixelSpacing") if measures is not None else None
    if not spacing:
        return None
    y_mm, x_mm = (float(value) for value in spacing)
    return SpacingMm(x_mm, y_mm) if x_mm > 0 and y_mm > 0 else None
