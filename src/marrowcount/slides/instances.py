"""What one DICOM instance says of itself, in the core's own words and without a word about the patient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from marrowcount.slides.geometry import SizePx, SpacingMm

__all__ = ["WSM_SOP_CLASS_UID", "Flavour", "InstanceFacts"]

WSM_SOP_CLASS_UID: Final = "1.2.840.10008.5.1.4.1.1.77.1.6"
"""VL Whole Slide Microscopy Image Storage, the one class that carries a slide."""


class Flavour(StrEnum):
    """What a slide instance shows: Image Type, value 3 (PS3.3 C.8.12.4.1.1)."""

    VOLUME = "VOLUME"
    """A level of the pyramid."""
    THUMBNAIL = "THUMBNAIL"
    """The same ground in one small frame."""
    LABEL = "LABEL"
    """The glass's label: names a person."""
    OVERVIEW = "OVERVIEW"
    """The whole glass with its label: names a person."""
    OTHER = "OTHER"
    """Anything else, or nothing said."""


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    """One instance as its header describes it.

    Attributes:
        image_type: Image Type (0008,0008); value 3 is the :attr:`flavour`.
        matrix: total pixel matrix, None where the class has none.
        frame: Columns x Rows of one frame, None where it is no image.
        number_of_frames: in this instance alone; 1 where the attribute is absent.
        focal_planes: Total Pixel Matrix Focal Planes (0048,0303), 1 where absent.
        optical_paths: Number of Optical Paths (0048,0302), 1 where absent.
        tiled_full: whether frames stand in the implicit order, all of them (Dimension Organization Type TILED_FULL).
        spacing: pixel spacing shared by all frames, None where none is given.
        concatenation_uid: Concatenation UID (0020,9161), None where the image is whole.
        concatenation_number: place in the concatenation, from 1.
        concatenation_total: how many members it has; senders may leave it out.
        concatenation_offset: frames of the image that stand in earlier members.
        concatenation_source_uid: SOP Instance UID of the image before it was split, the one to refer to.
        pyramid_uid: Pyramid UID (0008,0019), None from scanners older than the attribute.
        container_identifier: what the laboratory calls the glass; empty where nothing is said.
    """

    sop_instance_uid: str
    sop_class_uid: str
    series_uid: str
    study_uid: str
    modality: str
    transfer_syntax_uid: str
    image_type: tuple[str, ...]
    matrix: SizePx | None
    frame: SizePx | None
    number_of_frames: int
    focal_planes: int
    optical_paths: int
    tiled_full: bool
    spacing: SpacingMm | None
    concatenation_uid: str | None
    concatenation_number: int | None
    concatenation_total: int | None
    concatenation_offset: int | None
    concatenation_source_uid: str | None
    frame_of_reference_uid: str | None
    pyramid_uid: str | None
    container_identifier: str

    @property
    def flavour(self) -> Flavour:
        """What the instance shows."""
        value = self.image_type[2] if len(self.image_type) > 2 else ""  # noqa: PLR2004 - value 3 of the standard
        return next((flavour for flavour in Flavour if flavour == value), Flavour.OTHER)

    @property
    def is_slide_image(self) -> bool:
        """Whether it is a VL Whole Slide Microscopy image, of whatever flavour."""
        return self.sop_class_uid == WSM_SOP_CLASS_UID

    @property
    def is_level(self) -> bool:
        """Whether it is, or is a part of, a level of a pyramid."""
        return self.is_slide_image and self.flavour is Flavour.VOLUME

    @property
    def tiles(self) -> int:
        """Frames that the whole image has when complete (PS3.3 C.7.6.17.3), those of a concatenation together.

        Columns x rows of tiles x focal planes x optical paths; the frames present where it is not TILED_FULL, because
        a sparse image says nowhere how many it should have.
        """
        if not self.tiled_full or self.matrix is None or self.frame is None:
            return self.number_of_frames
        across = math.ceil(self.matrix.width / self.frame.width)
        down = math.ceil(self.matrix.height / self.frame.height)
        return across * down * self.focal_planes * self.optical_paths

    @property
    def image_uid(self) -> str:
        """The SOP Instance UID to refer to: for a member of a concatenation that of the image before the split."""
        return self.concatenation_source_uid or self.sop_instance_uid

    @property
    def image_key(self) -> str:
        """The same for all members of a concatenation, and for no other instance."""
        return self.concatenation_uid or self.sop_instance_uid
