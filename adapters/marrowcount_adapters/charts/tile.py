"""A tile with the detections on it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from matplotlib import patheffects
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.palette import PALETTE
from marrowcount_adapters.charts.png import png_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marrowcount.ports import Picture
    from marrowcount.slides.detections import Detection

__all__ = ["draw_tile"]

DPI: Final = 100
MAGNIFICATION: Final = 1.5
LEGEND_INCHES: Final = 2.3
MARGIN_INCHES: Final = 0.12
INK: Final = "#222222"


def draw_tile(picture: Picture, detections_in_tile: Sequence[Detection]) -> bytes:
    """The tile with a box around each object, in its class's colour, and a legend, as a PNG picture.

    Args:
        picture: (rows, columns, 3), RGB.
        detections_in_tile: boxes in pixels of the picture.
    """
    rows, columns = picture.shape[:2]
    width, height = columns * MAGNIFICATION / DPI, rows * MAGNIFICATION / DPI
    whole_width, whole_height = width + LEGEND_INCHES + 2 * MARGIN_INCHES, height + 2 * MARGIN_INCHES
    figure = Figure(figsize=(whole_width, whole_height), dpi=DPI, facecolor="white")
    axes = figure.add_axes(
        (MARGIN_INCHES / whole_width, MARGIN_INCHES / whole_height, width / whole_width, height / whole_height)
    )
    axes.imshow(picture, extent=(0, columns, rows, 0), interpolation="bilinear")
    for found in detections_in_tile:
        axes.add_patch(_box(found))
    axes.set_axis_off()
    figure.legend(
        handles=_legend(detections_in_tile),
        title=f"{len(detections_in_tile)} objects, preliminary\nresearch use only",
        loc="upper left",
        bbox_to_anchor=((width + 1.5 * MARGIN_INCHES) / whole_width, 1 - MARGIN_INCHES / whole_height),
        borderaxespad=0,
        frameon=False,
        fontsize=9,
        title_fontsize=9,
        alignment="left",
        labelcolor=INK,
    )
    return png_of(figure)


def _box(found: Detection) -> Rectangle:
    """In the class's colour with a dark seam, so that it stands out on light and dark ground."""
    box = found.box
    rectangle = Rectangle((box.left, box.top), box.width, box.height, fill=False, linewidth=2.0)
    rectangle.set_edgecolor(PALETTE[found.cell_type])
    rectangle.set_path_effects([patheffects.Stroke(linewidth=3.4, foreground="black"), patheffects.Normal()])
    return rectangle


def _legend(detections: Sequence[Detection]) -> list[Patch]:
    counts = Counter(found.cell_type for found in detections)
    return [
        Patch(
            facecolor=PALETTE[cell_type], edgecolor=INK, linewidth=0.5, label=f"{cell_type.label}: {counts[cell_type]}"
        )
        for cell_type in CellType
        if counts[cell_type]
    ]
