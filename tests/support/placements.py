"""The eight ways in which an upright picture can lie on a glass: four turns, and each as seen from below."""

from __future__ import annotations

from marrowcount.slides.placement import Direction

_AXES: tuple[Direction, ...] = ((1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.0))

ORIENTATIONS: tuple[tuple[Direction, Direction], ...] = tuple(
    (along_row, along_column)
    for along_row in _AXES
    for along_column in _AXES
    if not along_row[0] * along_column[0] + along_row[1] * along_column[1]
)
"""Directions along rows and along columns, at right angles."""
