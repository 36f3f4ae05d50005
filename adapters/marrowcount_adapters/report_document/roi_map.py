"""The slide made small with the tiles that were counted and those that were rejected, and a scale bar."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.palette import COUNTED_TILE_COLOUR, REJECTED_TILE_COLOUR
from marrowcount_adapters.report_document.lettering import Style, width_mm
from marrowcount_adapters.report_document.page import Area, Page

if TYPE_CHECKING:
    from marrowcount.result import CountResult
    from marrowcount.workflow.illustrate import Thumbnail

__all__ = ["draw_map", "draw_roi_map"]

LEGEND_MM: Final = 7.4
"""Height of the two lines below the map."""

SMALL: Final = Style(5.5)
EMPTY: Final = "#F2F2F2"
INK: Final = "#222222"
COUNTED_FILL: Final = 0.25
"""The smear stays visible below."""
PICTURE_MM: Final = 160.0
"""Longer side of the map as a picture of its own, at :data:`DOTS_PER_MM`."""
DOTS_PER_MM: Final = 6.0
MAGNIFIED: Final = 2.0
"""Lettering of that picture against that of the page."""


def draw_roi_map(result: CountResult, thumbnail: Thumbnail | None) -> bytes:
    """The map as a PNG picture, its longer side some 960 px."""
    fit = PICTURE_MM / max(result.size.width, result.size.height)
    area = Area(0, 0, max(result.size.width * fit, PICTURE_MM / 2), result.size.height * fit)
    page = Page(area.width, area.height + LEGEND_MM * MAGNIFIED)
    draw_map(page, area, result, thumbnail, magnified=MAGNIFIED)
    return page.png(DOTS_PER_MM)


def draw_map(
    page: Page, room: Area, result: CountResult, thumbnail: Thumbnail | None, *, magnified: float = 1.0
) -> float:
    """Draw the map as large as the room allows, with its legend below.

    Args:
        page: on which.
        room: for the map without its legend.
        result: says which tiles were looked at.
        thumbnail: None where there is none; the tiles are then shown on an empty ground.
        magnified: the lettering.

    Returns:
        Where the legend ends, in millimetres from the page's top.
    """
    mm_per_px = min(room.width / result.size.width, room.height / result.size.height)
    area = Area(room.left, room.top, result.size.width * mm_per_px, result.size.height * mm_per_px)
    page.fill(area, EMPTY)
    if thumbnail is not None:
        rows, columns = (side * thumbnail.scale * mm_per_px for side in thumbnail.picture.shape[:2])
        page.picture(thumbnail.picture, Area(area.left, area.top, columns, rows))
    for accepted, colour in ((False, REJECTED_TILE_COLOUR), (True, COUNTED_TILE_COLOUR)):
        _draw_tiles(page, area, mm_per_px, result, colour, accepted=accepted)
    page.fill(area, "none", edge="#888888")
    first, second = (area.bottom + base * magnified for base in (3.0, 6.2))
    _draw_scale(page, (room.left, first), area.width, mm_per_px / result.spacing.x_mm, magnified)
    _draw_legend(page, (room.left, second), result, magnified)
    return area.bottom + LEGEND_MM * magnified


def _draw_tiles(page: Page, area: Area, mm_per_px: float, result: CountResult, colour: str, *, accepted: bool) -> None:
    boxes = [looked_at.tile.box for looked_at in result.tiles if looked_at.accepted is accepted]
    places = [
        Area(
            area.left + box.left * mm_per_px,
            area.top + box.top * mm_per_px,
            box.width * mm_per_px,
            box.height * mm_per_px,
        )
        for box in boxes
    ]
    if places:
        page.squares(places, colour, min(0.5, places[0].width * 0.3), filled=COUNTED_FILL if accepted else 0.0)


def _draw_scale(page: Page, place: tuple[float, float], map_mm: float, enlargement: float, magnified: float) -> None:
    """A bar of a round length, at most a third of the map, with its base line at a place (x, y)."""
    length_mm = _round_below(map_mm / 3 / enlargement)
    (left, base), bar, tick = place, length_mm * enlargement, 0.7 * magnified
    page.line((left, base - tick), (left + bar, base - tick), INK, 1.0 * magnified)
    for end in (left, left + bar):
        page.line((end, base - 2 * tick), (end, base), INK, 0.7 * magnified)
    page.write((left + bar + 1.2 * magnified, base), f"{length_mm:g} mm", Style(SMALL.points * magnified, INK))


def _round_below(length: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is no larger."""
    power = 10.0 ** math.floor(math.log10(length))
    return max(step * power for step in (1, 2, 5) if step * power <= length * (1 + 1e-9))


def _draw_legend(page: Page, place: tuple[float, float], result: CountResult, magnified: float) -> None:
    rejected = sum(not looked_at.accepted for looked_at in result.tiles)
    style, side = Style(SMALL.points * magnified), 1.8 * magnified
    left, base = place
    for words, colour, filled in (
        (f"tiles counted: {len(result.tiles) - rejected:,}", COUNTED_TILE_COLOUR, COUNTED_FILL),
        (f"looked at and rejected: {rejected:,}", REJECTED_TILE_COLOUR, 0.0),
    ):
        page.squares([Area(left, base - side, side, side)], colour, 0.8, filled=filled)
        page.write((left + side * 1.5, base), words, style)
        left += side * 1.5 + width_mm(words, style) + 3 * magnified
