"""Where a small picture lies on a large one."""

from __future__ import annotations

__all__ = ["Window", "overlap"]

Window = tuple[slice, slice]
"""Rows and columns."""


def overlap(canvas: tuple[int, int], shape: tuple[int, int], left: int, top: int) -> tuple[Window, Window]:
    """The part that both share, as a window of the canvas and as a window of the small picture; perhaps empty.

    Args:
        canvas: rows and columns of the large picture.
        shape: rows and columns of the small one.
        left: where its first column lies.
        top: where its first row lies.
    """
    rows = slice(max(0, top), max(0, min(canvas[0], top + shape[0])))
    columns = slice(max(0, left), max(0, min(canvas[1], left + shape[1])))
    own = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    return (rows, columns), own
