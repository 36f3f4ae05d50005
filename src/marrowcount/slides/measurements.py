"""What was measured of a model after it was packaged, for its manifest: figures with their bounds, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Figure", "Measurement"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure.

    Attributes:
        value: the figure.
        low: lower bound of its 95 % interval; None where there is no interval.
        high: upper bound; likewise.
    """

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measuring.

    Attributes:
        title: what it was of, in a few words; a model has one measurement of a title.
        about: on what, and how the bounds came about, for people.
        figures: by name.
    """

    title: str
    about: str
    figures: Mapping[str, Figure]
