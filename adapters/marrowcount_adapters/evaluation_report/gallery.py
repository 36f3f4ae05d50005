"""Pictures shown one by one: what is on them, and what the model says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from matplotlib import patheffects
from matplotlib.patches import Rectangle

from marrowcount.cytology.palette import PALETTE
from marrowcount_adapters.evaluation_report.drawing import GREY, INK, new_figure, png_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from marrowcount.evaluation import JudgedTile
    from marrowcount.ports import Picture
    from marrowcount.slides.detections import Detection
    from marrowcount.slides.geometry import PixelBox

__all__ = ["Panels", "draw_gallery", "said_of"]

Panels: TypeAlias = "Sequence[tuple[Picture, JudgedTile]]"
"""Pictures at the models' resolution, (rows, columns, 3) RGB, with truth and finds in their pixels."""

COLUMNS: Final = 6
PANEL_INCHES: Final = 1.75
WORDS_INCHES: Final = 0.5
SEVERAL: Final = 2
"""True objects from which a panel's heading counts them instead of naming their class."""


def draw_gallery(panels: Panels, threshold: float) -> bytes:
    """A sheet of pictures, as PNG: above each its truth, on it and below it what was found.

    Args:
        panels: at least one.
        threshold: probability from which a find is shown.
    """
    rows = -(-len(panels) // COLUMNS)
    figure = new_figure(COLUMNS * PANEL_INCHES, rows * (PANEL_INCHES + WORDS_INCHES))
    grid = figure.subplots(rows, COLUMNS, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (picture, judged) in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, picture, judged, [one for one in judged.found if one.probability >= threshold])
    return png_of(figure)


def _draw_panel(axes: Axes, picture: Picture, judged: JudgedTile, found: Sequence[Detection]) -> None:
    rows, columns = picture.shape[:2]
    axes.imshow(picture, extent=(0, columns, rows, 0), interpolation="bilinear")
    for box in (*(true.box for true in judged.truth), *judged.unclassed):
        axes.add_patch(_box(box, "white", "dashed"))
    for one in found:
        axes.add_patch(_box(one.box, PALETTE[one.cell_type], "solid"))
    axes.set_title(f"true: {_truth(judged)}", fontsize=7, color=INK, pad=2)
    middle = (columns / 2, rows)
    axes.annotate(
        said_of(found, judged),
        middle,
        (0, -2),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=7,
        color=INK if found else GREY,
    )


def _truth(judged: JudgedTile) -> str:
    if len(judged.truth) + len(judged.unclassed) >= SEVERAL:
        return f"{len(judged.truth) + len(judged.unclassed)} objects"
    return judged.truth[0].cell_type.label if judged.truth else "nucleated cell" if judged.unclassed else "nothing"


def said_of(found: Sequence[Detection], judged: JudgedTile) -> str:
    """The most probable find, of those that cover the middle of the one true object where there is one."""
    likely = sorted(found, key=lambda one: -one.probability)
    covering = [one for one in likely if len(judged.truth) == 1 and _covers(one.box, judged.truth[0].box)]
    named = (covering or likely)[:1]
    more = f", {len(found) - 1} more" if len(found) > 1 else ""
    return f"{named[0].cell_type.label} {named[0].probability:.2f}{more}" if named else "not found"


def _covers(box: PixelBox, other: PixelBox) -> bool:
    x, y = other.centre
    return box.left <= x <= box.right and box.top <= y <= box.bottom


def _box(box: PixelBox, colour: str, style: str) -> Rectangle:
    rectangle = Rectangle((box.left, box.top), box.width, box.height, fill=False, linewidth=1.4, linestyle=style)
    rectangle.set_edgecolor(colour)
    rectangle.set_path_effects([patheffects.Stroke(linewidth=2.2, foreground="black", alpha=0.5), patheffects.Normal()])
    return rectangle
