"""The source slide's header, made fit to copy patient, study and specimen from."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Final

from pydicom.dataset import Dataset

from marrowcount.errors import Refusal, SlideError
from marrowcount.zones import zone_of_offset

if TYPE_CHECKING:
    from datetime import tzinfo

__all__ = ["copied_header", "zone_of"]

FIRST_FRAME_GROUP: Final = 0x5200
"""Functional groups and pixels: large, and nothing of them is copied into a result."""

OPTICAL_PATH_GROUP: Final = 0x0048
"""Holds colour profiles; nothing of it is copied into a result."""

REQUIRED: Final = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")

MAY_BE_EMPTY: Final = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
"""Type 2 of the Patient and General Study modules: scanners leave them out, results may not."""

SEXES: Final = frozenset({"", "M", "F", "O"})
"""Patient's Sex (0010,0040), PS3.3 C.2.2.2."""


def copied_header(source: Dataset, base_instance_uid: str) -> Dataset:
    """A copy of what results take over from the source, as text of any script, complete in its empty attributes.

    Args:
        source: header of an instance of the base level.
        base_instance_uid: what to refer to; of a concatenation its source, never a member (PS3.3 C.37.1.2).

    Raises:
        SlideError: ``not-dicom``: an identifier that every image has is missing.
    """
    header = Dataset()
    for tag in source.keys():  # noqa: SIM118 - iterating a Dataset yields elements
        if tag.group < FIRST_FRAME_GROUP and tag.group != OPTICAL_PATH_GROUP:
            header[tag] = deepcopy(source[tag])
    _require(header)
    # Raw bytes of nested items would otherwise be written as they came, under another character set.
    header.decode()
    header.SpecificCharacterSet = "ISO_IR 192"
    for keyword in MAY_BE_EMPTY:
        if header.get(keyword) is None:
            setattr(header, keyword, "")
    if header.PatientSex not in SEXES:
        header.PatientSex = ""
    _complete_specimen(header)
    if "FrameOfReferenceUID" not in header:  # highdicom asks for it, though 2D annotations do without
        header.FrameOfReferenceUID = ""
    header.SOPInstanceUID = base_instance_uid
    return header


def _complete_specimen(header: Dataset) -> None:
    """Add what converters leave out of the Specimen module (PS3.3 C.7.6.22), take out what they may not empty."""
    if not header.get("ContainerComponentSequence"):
        header.pop("ContainerComponentSequence", None)
    if not header.get("ContainerIdentifier"):  # Type 1: without it there is no such module
        header.pop("SpecimenDescriptionSequence", None)
        return
    _add_empty(header, "IssuerOfTheContainerIdentifierSequence", "ContainerTypeCodeSequence")
    for specimen in header.get("SpecimenDescriptionSequence", ()):
        _add_empty(specimen, "IssuerOfTheSpecimenIdentifierSequence", "SpecimenPreparationSequence")


def _add_empty(item: Dataset, *keywords: str) -> None:
    for keyword in keywords:
        if keyword not in item:
            setattr(item, keyword, [])


def _require(header: Dataset) -> None:
    missing = [keyword for keyword in REQUIRED if not header.get(keyword)]
    if missing:
        raise SlideError(Refusal.NOT_DICOM, f"The base level's header lacks {', '.join(missing)}; send the slide anew.")


def zone_of(header: Dataset) -> tzinfo | None:
    """The zone of all times in the header (Timezone Offset From UTC, 0008,0201); None where it says no sound one."""
    return zone_of_offset(header.get("TimezoneOffsetFromUTC"))
