"""Where a slide's pixels lie on the glass (PS3.3 C.8.12.2.1): millimetres of the slide coordinate system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from marrowcount.slides.geometry import SpacingMm

__all__ = ["Direction", "Placement"]

Direction: TypeAlias = tuple[float, float, float]
"""Cosines against the axes x, y and z of the slide coordinate system."""


@dataclass(frozen=True, slots=True)
class Placement:
    """How the total pixel matrix of a level lies on the glass.

    Attributes:
        x_mm: of the centre of the top left pixel (Total Pixel Matrix Origin Sequence, 0048,0008).
        y_mm: as ``x_mm``.
        along_row: in which direction columns follow one another (Image Orientation (Slide), 0048,0102).
        along_column: in which direction rows follow one another.
        spacing: of the pixels.
    """

    x_mm: float
    y_mm: float
    along_row: Direction
    along_column: Direction
    spacing: SpacingMm

    def to_slide(self, x: float, y: float) -> tuple[float, float, float]:
        """A place in pixels, (0, 0) being the outer corner of the first one, as x, y, z in mm (PS3.3 C.8.12.6.1)."""
        across, down = (x - 0.5) * self.spacing.x_mm, (y - 0.5) * self.spacing.y_mm
        return (
            self.x_mm + across * self.along_row[0] + down * self.along_column[0],
            self.y_mm + across * self.along_row[1] + down * self.along_column[1],
            0.0,
        )

    def to_pixels(self, x_mm: float, y_mm: float) -> tuple[float, float]:
        """The way back; directions are at right angles."""
        x, y = x_mm - self.x_mm, y_mm - self.y_mm
        return (
            (x * self.along_row[0] + y * self.along_row[1]) / self.spacing.x_mm + 0.5,
            (x * self.along_column[0] + y * self.along_column[1]) / self.spacing.y_mm + 0.5,
        )
