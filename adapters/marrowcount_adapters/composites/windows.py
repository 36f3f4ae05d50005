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
    rows, own_rows = _shared(canvas[0], shape[0], top)
    columns, own_columns = _shared(canvas[1], shape[1], left)
    return (rows, columns), (own_rows, own_columns)


def _shared(canvas: int, length: int, start: int) -> tuple[slice, slice]:
    """Along one side."""
    first = min(max(0, start), canvas)
    last = max(first, min(canvas, start + length))
    return slice(first, last), slice(max(0, first - start), max(0, last - start))
