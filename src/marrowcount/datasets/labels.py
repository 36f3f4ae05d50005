"""Objects as rows of numbers, for training: what stands in place of a class where there is none."""

from __future__ import annotations

from typing import Final

__all__ = ["UNSEARCHED", "UNSTATED"]

UNSTATED: Final = -1
"""A nucleated cell whose class nobody stated."""
UNSEARCHED: Final = -2
"""Not an object, but ground on which some kinds were not boxed; beyond its boxes, nobody knows."""
