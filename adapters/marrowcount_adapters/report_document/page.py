"""A page measured in millimetres from its top left corner; it can be had as PDF and as PNG, each time the same."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from PIL import Image

from marrowcount_adapters.report_document.lettering import MM_PER_POINT, Style, fitted, printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Literal

    from marrowcount.ports import Picture

__all__ = ["Area", "Page"]

MM_PER_INCH: Final = 25.4
COLOURS: Final = 128
"""In a picture on the page: no stained smear shows more to the eye, and a page stays small enough for an e-mail."""

MOST_COLOURS: Final = 256
"""In a page as PNG."""

DOTS_PER_MM: Final = 8.0
"""Of a picture on the page at most: 200 dots per inch."""

TRUETYPE: Final = 42
"""Type of embedded fonts whose text can be searched, copied and read aloud."""

COMPRESSION: Final = 6

FAST: Final = {"compress_level": 1}

_DRAWING: Final = threading.Lock()
"""matplotlib asks for the type of fonts in settings that all threads share."""


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the page, in millimetres."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Bottom edge."""
        return self.top + self.height


class Page:
    """Draws on a white page."""

    def __init__(self, width_mm: float, height_mm: float) -> None:
        self._figure = Figure(figsize=(width_mm / MM_PER_INCH, height_mm / MM_PER_INCH), facecolor="white")
        self._axes = self._figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set_xlim(0, width_mm)
        self._axes.set_ylim(height_mm, 0)
        self._drawn = 0

    def _above_all(self) -> int:
        """Of matplotlib, which draws lines above areas: what is drawn later lies above."""
        self._drawn += 1
        return self._drawn

    def write(
        self,
        place: tuple[float, float],
        text: str,
        style: Style,
        *,
        align: Literal["left", "center", "right"] = "left",
        room_mm: float | None = None,
    ) -> None:
        """One line of text on the base line at a place (x, y), cut where the room ends."""
        text = printable(text) if room_mm is None else fitted(text, style, room_mm)
        self._axes.text(
            *place,
            text,
            ha=align,
            va="baseline",
            color=style.colour,
            fontproperties=style.font,
            parse_math=False,
            zorder=self._above_all(),
        )

    def fill(self, area: Area, colour: str, *, edge: str = "none", edge_points: float = 0.3) -> None:
        """A rectangle."""
        rectangle = Rectangle((area.left, area.top), area.width, area.height, zorder=self._above_all())
        rectangle.set(facecolor=colour, edgecolor=edge, linewidth=edge_points)
        self._axes.add_patch(rectangle)

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: str, points: float) -> None:
        """A straight line."""
        xs, ys = zip(start, end, strict=True)
        line = Line2D(xs, ys, color=colour, linewidth=points, solid_capstyle="butt", zorder=self._above_all())
        self._axes.add_line(line)

    def squares(self, areas: Sequence[Area], colour: str, points: float, *, filled: float = 0.0) -> None:
        """Many rectangles outlined in one colour, and filled with it so strongly (0 to 1)."""
        corners = np.array(
            [[(a.left, a.top), (a.right, a.top), (a.right, a.bottom), (a.left, a.bottom)] for a in areas]
        ).reshape(-1, 4, 2)
        outlines = PolyCollection(list(corners), edgecolors=colour, linewidths=points, zorder=self._above_all())
        outlines.set_facecolor([(*to_rgb(colour), filled)] if filled else "none")
        self._axes.add_collection(outlines, autolim=False)

    def picture(self, picture: Picture, area: Area) -> None:
        """A picture, (rows, columns, 3), in few colours and at most so many dots, filling an area."""
        image = Image.fromarray(np.ascontiguousarray(picture))
        dots = (max(1, round(area.width * DOTS_PER_MM)), max(1, round(area.height * DOTS_PER_MM)))
        if dots[0] < image.width:
            image = image.resize(dots, Image.Resampling.LANCZOS)
        few = image.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).convert("RGB")
        extent = (area.left, area.right, area.bottom, area.top)
        self._axes.imshow(np.asarray(few), extent=extent, aspect="auto", interpolation="none", zorder=self._above_all())

    def pdf(self, *, title: str, creator: str, created: datetime) -> bytes:
        """As PDF with embedded TrueType fonts; no other time than the one given is in the file."""
        FigureCanvasPdf(self._figure)
        file = BytesIO()
        about = {"Title": title, "Creator": creator, "CreationDate": created, "ModDate": created}
        with _DRAWING, mpl.rc_context({"pdf.fonttype": TRUETYPE, "pdf.compression": COMPRESSION}):
            self._figure.savefig(file, format="pdf", metadata=about)
        return file.getvalue()

    def png(self, dots_per_mm: float) -> bytes:
        """As PNG of few colours; no software name or time in the file."""
        FigureCanvasAgg(self._figure)
        drawn, file = BytesIO(), BytesIO()
        self._figure.savefig(
            drawn, format="png", dpi=dots_per_mm * MM_PER_INCH, metadata={"Software": None}, pil_kwargs=FAST
        )
        with Image.open(drawn) as image:
            few = image.convert("RGB").quantize(MOST_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(file, "PNG")
        return file.getvalue()


def line_height_mm(style: Style) -> float:
    """From one line of a text to the next."""
    return style.points * MM_PER_POINT * 1.32
