"""Places on a slide: pixels of the total pixel matrix and millimetres of the slide.

Pixel coordinates are continuous and corner-based: (0, 0) is the outer corner of the first pixel, its centre is
(0.5, 0.5). This is what detectors put out and what DICOM 2D annotations hold.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PixelBox", "SizePx", "SpacingMm"]


@dataclass(frozen=True, slots=True)
class SizePx:
    """Width (columns) and height (rows) in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class SpacingMm:
    """Distance between pixel centres along a row (x) and down a column (y), in millimetres."""

    x_mm: float
    y_mm: float

    @property
    def um_per_px(self) -> float:
        """Mean resolution in micrometres per pixel; 0.25 is the usual 40x."""
        return (self.x_mm + self.y_mm) / 2 * 1000


@dataclass(frozen=True, slots=True)
class PixelBox:
    """An upright box in pixels; right and bottom are exclusive edges."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.bottom - self.top

    @property
    def area(self) -> float:
        """Area in square pixels, zero for an empty box."""
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        """The middle, (x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def moved(self, x: float, y: float) -> PixelBox:
        """The same box, x to the right and y down."""
        return PixelBox(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def clipped(self, size: SizePx) -> PixelBox:
        """The part of the box inside a picture of that size."""
        return PixelBox(
            min(max(self.left, 0.0), size.width),
            min(max(self.top, 0.0), size.height),
            min(max(self.right, 0.0), size.width),
            min(max(self.bottom, 0.0), size.height),
        )

    def intersection_over_union(self, other: PixelBox) -> float:
        """Shared area over covered area, 0 to 1."""
        shared = PixelBox(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        ).area
        covered = self.area + other.area - shared
        return shared / covered if covered else 0.0
