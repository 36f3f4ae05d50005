"""What a DICOM instance says of itself: its facts, its slide's context, its header for the encoders.

Reading stops before the per-frame functional groups: those of a sparse level may weigh hundreds of megabytes, and all
that is asked for here stands before them.
"""

from __future__ import annotations

import errno
import re
import struct
import zlib
from contextlib import contextmanager
from datetime import date, datetime
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.valuerep import DT

from marrowcount.errors import InstanceError
from marrowcount.result import NameScript, Patient, PersonName, SlideContext, Specimen
from marrowcount.slides.geometry import SizePx, SpacingMm
from marrowcount.slides.instances import InstanceFacts
from marrowcount.zones import zone_of_offset
from marrowcount_adapters.wsi.bounded import opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import timezone
    from pathlib import Path

    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

    StopWhen: TypeAlias = Callable[[BaseTag, str | None, int], bool]

__all__ = ["read_context", "read_facts", "read_header", "read_identity", "read_patient_key", "sound_values"]

PARSER_ERRORS: Final = (
    InvalidDicomError,
    BytesLengthException,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    RuntimeError,  # too deep a nesting, and a StopIteration inside a generator
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pydicom raises on bytes that are no sound DICOM; it has no base class of its own."""

DATA_ERRNOS: Final = frozenset({None, errno.EINVAL, errno.EOVERFLOW})
"""OSErrors that the data cause and not the machine: decoders' own, and seeks to places that no file has."""

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

UID_FORM: Final = re.compile(r"[0-9]+(\.[0-9]+)+")
DATE_FORM: Final = re.compile(r"[0-9]{8}")
UID_MAX_LENGTH: Final = 64
"""PS3.5 section 9.1."""

SEXES: Final = frozenset({"M", "F", "O"})
"""Patient's Sex (0010,0040)."""

URI_PREFIXES: Final[Mapping[str, str]] = MappingProxyType({"ISO": "urn:oid:", "UUID": "urn:uuid:", "URI": ""})
"""Universal Entity ID Type (0040,0033) to the URI that such an id makes."""


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
            _required_uid(dataset, keyword)
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
        return _context(dataset)


def read_patient_key(path: Path) -> tuple[str, str]:
    """Patient ID and its issuer, to tell patients apart; never for logs.

    Raises:
        InstanceError: as :func:`read_facts`.
        OSError: the file cannot be read.
    """
    dataset = _parsed(path, PATIENT_TAGS)
    with sound_values():
        return _text(dataset, "PatientID"), _text(dataset, "IssuerOfPatientID")


def _at_frames(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) == PER_FRAME_GROUPS or int(tag) >= FLOAT_PIXEL_DATA


def _at_content(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return int(tag) >= CONTENT_SEQUENCE


def _parsed(path: Path, tags: tuple[int, ...] | None = None, at_end: StopWhen = _at_frames) -> Dataset:
    with _told("not-dicom", "The file is not DICOM, or its header is damaged."), opened(path) as file:
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


@contextmanager
def sound_values() -> Iterator[None]:
    """Tell what pydicom raises when a value is first looked at, which is when it is decoded.

    Raises:
        InstanceError: ``invalid-attribute``.
    """
    with _told("invalid-attribute", "The header holds a value that its attribute does not allow; send the image anew."):
        yield


@contextmanager
def _told(code: str, message: str) -> Iterator[None]:
    """What the data cause is the instance's fault; what the machine causes passes."""
    try:
        yield
    except PARSER_ERRORS:
        raise InstanceError(code, message) from None
    except OSError as error:
        if error.errno in DATA_ERRNOS:
            raise InstanceError(code, message) from None
        raise


def _facts(dataset: Dataset) -> InstanceFacts:
    return InstanceFacts(
        sop_instance_uid=_required_uid(dataset, "SOPInstanceUID"),
        sop_class_uid=_required_uid(dataset, "SOPClassUID"),
        series_uid=_required_uid(dataset, "SeriesInstanceUID"),
        study_uid=_required_uid(dataset, "StudyInstanceUID"),
        modality=_text(dataset, "Modality"),
        transfer_syntax_uid=_required_uid(dataset.file_meta, "TransferSyntaxUID"),
        image_type=tuple(_values(dataset, "ImageType")),
        matrix=_size(dataset, "TotalPixelMatrixColumns", "TotalPixelMatrixRows"),
        frame=_size(dataset, "Columns", "Rows"),
        number_of_frames=_number(dataset, "NumberOfFrames") or 1,
        focal_planes=_number(dataset, "TotalPixelMatrixFocalPlanes") or 1,
        optical_paths=_number(dataset, "NumberOfOpticalPaths") or 1,
        tiled_full=_text(dataset, "DimensionOrganizationType") == "TILED_FULL",
        spacing=_spacing(dataset),
        concatenation_uid=_uid(dataset, "ConcatenationUID"),
        concatenation_number=_number(dataset, "InConcatenationNumber"),
        concatenation_total=_number(dataset, "InConcatenationTotalNumber"),
        concatenation_offset=_number(dataset, "ConcatenationFrameOffsetNumber"),
        concatenation_source_uid=_uid(dataset, "SOPInstanceUIDOfConcatenationSource"),
        frame_of_reference_uid=_uid(dataset, "FrameOfReferenceUID"),
        pyramid_uid=_uid(dataset, "PyramidUID"),
        container_identifier=_text(dataset, "ContainerIdentifier"),
    )


def _required_uid(dataset: Dataset, keyword: str) -> str:
    """A UID fit to name a file; a sender may write anything, so anything else is refused."""
    uid = _uid(dataset, keyword)
    if uid is None:
        raise InstanceError("missing-attribute", f"The header lacks {keyword}, which every instance must have.")
    if len(uid) > UID_MAX_LENGTH:
        raise InstanceError("invalid-attribute", f"{keyword} is longer than 64 characters (PS3.5 section 9.1).")
    return uid


def _uid(dataset: Dataset, keyword: str) -> str | None:
    """A UID, however long: some archives derive overlong ones, which do no harm where they name nothing."""
    value = _text(dataset, keyword)
    if not value:
        return None
    if not UID_FORM.fullmatch(value):
        raise InstanceError("invalid-attribute", f"{keyword} is not a UID (PS3.5 section 9.1).")
    return value


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def _values(dataset: Dataset, keyword: str) -> list[str]:
    value = dataset.get(keyword)
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(item) for item in value]


def _number(dataset: Dataset, keyword: str) -> int | None:
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    number = int(value)
    if number < 0:
        raise InstanceError("invalid-attribute", f"{keyword} is negative.")
    return number


def _size(dataset: Dataset, columns: str, rows: str) -> SizePx | None:
    width, height = _number(dataset, columns), _number(dataset, rows)
    if width is None or height is None:
        return None
    if not width or not height:
        raise InstanceError("invalid-attribute", f"{columns} x {rows} is empty.")
    return SizePx(width, height)


def _spacing(dataset: Dataset) -> SpacingMm | None:
    """Pixel spacing of the shared functional groups: row spacing (y) first (PS3.3 10.7.1.3)."""
    measures = _first(_first(dataset, "SharedFunctionalGroupsSequence"), "PixelMeasuresSequence")
    spacing = measures.get("PixelSpacing") if measures is not None else None
    if not spacing:
        return None
    y_mm, x_mm = (float(value) for value in spacing)
    return SpacingMm(x_mm, y_mm) if x_mm > 0 and y_mm > 0 else None


def _first(dataset: Dataset | None, keyword: str) -> Dataset | None:
    items = dataset.get(keyword) if dataset is not None else None
    return items[0] if items else None


def _context(dataset: Dataset) -> SlideContext:
    facts = _facts(dataset)
    return SlideContext(
        study_uid=facts.study_uid,
        series_uid=facts.series_uid,
        base_instance_uid=facts.image_uid,
        base_sop_class_uid=facts.sop_class_uid,
        frame_of_reference_uid=facts.frame_of_reference_uid or "",
        patient_id=_text(dataset, "PatientID"),
        patient_id_issuer=_text(dataset, "IssuerOfPatientID"),
        patient_id_system=_system(_first(dataset, "IssuerOfPatientIDQualifiersSequence")),
        accession_number=_text(dataset, "AccessionNumber"),
        accession_issuer=_issuer(dataset, "IssuerOfAccessionNumberSequence"),
        acquired=_acquired(dataset),
        specimen=_specimen(dataset),
        patient=_patient(dataset),
    )


def _patient(dataset: Dataset) -> Patient:
    """Who the header names; what is unreadable stays open, which is no reason not to count a slide."""
    sex = _lenient(dataset, "PatientSex")
    return Patient(_names(dataset), _birth_date(dataset), sex if sex in SEXES else "")


def _names(dataset: Dataset) -> tuple[PersonName, ...]:
    """Up to three component groups of up to five components each (PS3.5 6.2.1.2)."""
    groups = zip(NameScript, _lenient(dataset, "PatientName").split("="), strict=False)
    return tuple(_name(group, script) for script, group in groups if group.strip(" ^"))


def _name(group: str, script: NameScript) -> PersonName:
    family, given, middle, prefix, suffix = ([part.strip() for part in group.split("^")] + [""] * 5)[:5]
    return PersonName(family, given, middle, prefix, suffix, script)


def _birth_date(dataset: Dataset) -> date | None:
    """Whole dates only (PS3.5, VR DA): a day is not to be made up for a year."""
    text = _lenient(dataset, "PatientBirthDate")
    try:
        return date.fromisoformat(text) if DATE_FORM.fullmatch(text) else None
    except ValueError:
        return None


def _lenient(dataset: Dataset, keyword: str) -> str:
    try:
        return _text(dataset, keyword)
    except PARSER_ERRORS:
        return ""


def _specimen(dataset: Dataset) -> Specimen:
    described = _first(dataset, "SpecimenDescriptionSequence")
    return Specimen(
        container_identifier=_text(dataset, "ContainerIdentifier"),
        container_issuer=_issuer(dataset, "IssuerOfTheContainerIdentifierSequence"),
        specimen_identifier=_text(described, "SpecimenIdentifier") if described is not None else "",
        specimen_uid=(_uid(described, "SpecimenUID") or "") if described is not None else "",
    )


def _issuer(dataset: Dataset, keyword: str) -> str:
    """The issuer's local name, else its universal one (HL7v2 Hierarchic Designator macro, PS3.3 10.17)."""
    designator = _first(dataset, keyword)
    if designator is None:
        return ""
    return _text(designator, "LocalNamespaceEntityID") or _text(designator, "UniversalEntityID")


def _system(designator: Dataset | None) -> str:
    """The universal entity id as a URI; empty where its type makes none."""
    if designator is None:
        return ""
    entity = _text(designator, "UniversalEntityID")
    prefix = URI_PREFIXES.get(_text(designator, "UniversalEntityIDType"))
    return f"{prefix}{entity}" if entity and prefix is not None else ""


def _acquired(dataset: Dataset) -> datetime | None:
    zone = zone_of_offset(_text(dataset, "TimezoneOffsetFromUTC"))
    study_date = _text(dataset, "StudyDate")
    study = study_date + _text(dataset, "StudyTime") if study_date else ""
    return _moment(_text(dataset, "AcquisitionDateTime"), zone) or _moment(study, zone)


def _moment(text: str, zone: timezone | None) -> datetime | None:
    """A DT value, in its own zone or else the header's; None where it is no sound date."""
    try:
        moment = DT(text)
    except PARSER_ERRORS:
        return None
    if moment is None:
        return None
    return datetime.combine(moment.date(), moment.time(), moment.tzinfo or zone)
