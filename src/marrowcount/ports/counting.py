"""What counting asks of the outside: a slide, two models, someone who hears of progress, the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from marrowcount.result import ModelIdentity, SlideContext
    from marrowcount.slides.detections import Detection
    from marrowcount.slides.geometry import SizePx, SpacingMm
    from marrowcount.slides.placement import Placement
    from marrowcount.slides.tiles import Tile

__all__ = ["CellModel", "Clock", "Picture", "Progress", "RoiModel", "Slide"]

Picture: TypeAlias = "NDArray[np.uint8]"
"""(rows, columns, 3), RGB."""


class Slide(Protocol):
    """An opened slide whose resolution was found right."""

    @property
    def context(self) -> SlideContext:
        """Who and what it belongs to."""
        ...

    @property
    def size(self) -> SizePx:
        """Total pixel matrix of the base level."""
        ...

    @property
    def spacing(self) -> SpacingMm:
        """Pixel spacing of the base level."""
        ...

    @property
    def placement(self) -> Placement | None:
        """How the base level lies on the glass; None where its header does not tell."""
        return None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of the result should know of the slide, in words, each beginning with a code and a colon."""
        return ()

    def read(self, tile: Tile) -> Picture:
        """The tile's pixels, (512, 512, 3).

        Raises:
            SlideError: the frames are missing or damaged (``Refusal.DAMAGED``).
        """
        ...

    def read_area(self, left: int, top: int, size: SizePx) -> Picture:
        """The pixels of any rectangle inside the total pixel matrix of the base level, (height, width, 3).

        Raises:
            ValueError: the rectangle does not lie wholly inside the matrix.
            SlideError: the frames are missing or damaged (``Refusal.DAMAGED``).
        """
        ...

    def overview(self) -> tuple[Picture, float]:
        """A small picture of the whole base level and how many base pixels one of its pixels spans.

        Taken from the lower pyramid level whose 512 px tiles still span some 16 to 64 px, or made from the base
        level where the pyramid has none.
        """
        ...

    def close(self) -> None:
        """Let go of the files."""
        ...


class RoiModel(Protocol):
    """Judges whether tiles are fit for cytology."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is; ``threshold`` is the probability from which a tile is accepted."""
        ...

    def probabilities(self, pictures: Sequence[Picture]) -> Sequence[float]:
        """Probability of being fit for each 512 px tile, 0 to 1."""
        ...


class CellModel(Protocol):
    """Finds and classifies objects on a tile."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model it is; ``threshold`` is the probability from which an object counts."""
        ...

    def detect(self, picture: Picture) -> Sequence[Detection]:
        """Objects at or above the threshold, boxes in pixels of the picture, after non-maximum suppression."""
        ...


class Progress(Protocol):
    """Hears how far a count has come."""

    def tile_counted(self, tiles_looked_at: int, tiles_counted: int, cells: int, distance: float) -> None:
        """One more tile was counted."""
        ...


@runtime_checkable
class Clock(Protocol):
    """The time, so that tests can hold it."""

    def now(self) -> datetime:
        """The present instant, with zone UTC."""
        ...
