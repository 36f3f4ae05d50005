"""Boxes as the graphic data of annotation groups: in pixels or in millimetres, as rectangles or as polygons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from marrowcount.result import CountResult
    from marrowcount.slides.geometry import PixelBox, SizePx
    from marrowcount.slides.placement import Placement

__all__ = ["SLIDE_EDGE", "AnnotationForm", "Drawing", "drawing_of"]

SLIDE_EDGE: Final = np.finfo(np.float32).tiny
"""Stands for a coordinate of 0, since dicom-microscopy-viewer (0.48) takes 0 for a missing number and does not draw the
box. The smallest normal number, 1.2e-38 px: no place that can be told from 0, and the width is exactly the same. A
denormal number might become 0 again on the way to the screen."""

SIDES: Final = attrgetter("left", "top", "right", "bottom")


@dataclass(frozen=True, slots=True)
class AnnotationForm:
    """How a site wants places written.

    Attributes:
        coordinates: ``2D``: pixels of the base level; ``3D``: mm in its frame of reference, which viewers need that
            know no concatenations.
        shape: Graphic Type (0070,0023).
    """

    coordinates: Literal["2D", "3D"] = "2D"
    shape: Literal["RECTANGLE", "POLYGON"] = "RECTANGLE"


@dataclass(frozen=True, slots=True)
class Drawing:
    """Writes boxes in one form.

    Attributes:
        size: of the total pixel matrix, beyond which nothing is drawn.
        placement: on the glass for 3D; None for 2D.
    """

    graphic_type: Literal["RECTANGLE", "POLYGON"]
    size: SizePx
    placement: Placement | None

    @property
    def coordinate_type(self) -> Literal["2D", "3D"]:
        """Annotation Coordinate Type (006A,0001)."""
        return "2D" if self.placement is None else "3D"

    def corners(self, boxes: Sequence[PixelBox]) -> list[NDArray[np.float32]]:
        """Clockwise from the top left as the picture shows it, each (4, 2) in px or (4, 3) in mm.

        float32 resolves 1/64 px at 200,000 px, and 4 nm at 60 mm. No x or y is exactly 0. All are views of one array.
        """
        sides = np.fromiter(chain.from_iterable(map(SIDES, boxes)), np.float64, 4 * len(boxes)).reshape(-1, 4)
        np.clip(sides, 0, np.array([self.size.width, self.size.height] * 2), out=sides)
        places = sides[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
        written = (places if self.placement is None else _on_glass(places, self.placement)).astype(np.float32)
        x_and_y = written[..., :2]
        x_and_y[x_and_y == 0] = SLIDE_EDGE
        return list(written)


def _on_glass(places: NDArray[np.float64], placement: Placement) -> NDArray[np.float64]:
    """(boxes, 4, 2) in px to (boxes, 4, 3) in mm."""
    across = (places[..., :1] - 0.5) * placement.spacing.x_mm
    down = (places[..., 1:] - 0.5) * placement.spacing.y_mm
    origin = np.array([placement.x_mm, placement.y_mm, 0.0])
    glass: NDArray[np.float64] = (
        origin + across * np.array(placement.along_row) + down * np.array(placement.along_column)
    )
    return glass


def drawing_of(result: CountResult, form: AnnotationForm) -> Drawing:
    """The form wanted; 2D where the slide does not tell how it lies on the glass, since 3D then means nothing."""
    known = result.placement is not None and result.context.frame_of_reference_uid
    placement = result.placement if form.coordinates == "3D" and known else None
    return Drawing(form.shape, result.size, placement)
