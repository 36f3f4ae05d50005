"""A slide made of one picture, and models that say what they are told to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.ports import CellModel, Progress, RoiModel, Slide
from marrowcount.result import ModelIdentity, ModelTask, SlideContext, Specimen
from marrowcount.slides.geometry import SizePx, SpacingMm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from marrowcount.ports import Picture
    from marrowcount.slides.detections import Detection
    from marrowcount.slides.tiles import Tile

__all__ = ["PictureSlide", "RecordingProgress", "ScriptedCellModel", "ScriptedRoiModel"]

_OVERVIEW_STEP: Final = 16
"""A 512 px tile spans 32 px of the overview."""

_NOBODY: Final = SlideContext(
    study_uid="1.2.826.0.1.3680043.8.498.1",
    series_uid="1.2.826.0.1.3680043.8.498.2",
    base_instance_uid="1.2.826.0.1.3680043.8.498.3",
    base_sop_class_uid="1.2.840.10008.5.1.4.1.1.77.1.6",
    frame_of_reference_uid="1.2.826.0.1.3680043.8.498.4",
    patient_id="NOBODY",
    patient_id_issuer="",
    patient_id_system="",
    accession_number="",
    accession_issuer="",
    acquired=None,
    specimen=Specimen("", "", "", ""),
)


class PictureSlide(Slide):
    """A slide whose base level is one picture.

    Attributes:
        closed: whether it was closed.
    """

    def __init__(
        self,
        picture: Picture,
        context: SlideContext = _NOBODY,
        spacing: SpacingMm = SpacingMm(0.00025, 0.00025),  # noqa: B008 - frozen
    ) -> None:
        self._picture, self._context, self._spacing = picture, context, spacing
        self.closed = False

    @property
    def context(self) -> SlideContext:
        """Who and what it belongs to; nobody, unless told otherwise."""
        return self._context

    @property
    def size(self) -> SizePx:
        """Of the picture."""
        rows, columns, _ = self._picture.shape
        return SizePx(width=columns, height=rows)

    @property
    def spacing(self) -> SpacingMm:
        """0.25 um a pixel, unless told otherwise."""
        return self._spacing

    def read(self, tile: Tile) -> Picture:
        """The tile's pixels, (512, 512, 3)."""
        box = tile.box
        return self._picture[int(box.top) : int(box.bottom), int(box.left) : int(box.right)]

    def read_area(self, left: int, top: int, size: SizePx) -> Picture:
        """The pixels of any rectangle inside the picture, (height, width, 3).

        Raises:
            ValueError: the rectangle does not lie wholly inside the picture.
        """
        if not (0 <= left <= self.size.width - size.width and 0 <= top <= self.size.height - size.height):
            msg = f"{size.width} x {size.height} px at x {left}, y {top} are not wholly inside the slide"
            raise ValueError(msg)
        return self._picture[top : top + size.height, left : left + size.width]

    def overview(self) -> tuple[Picture, float]:
        """Every 16th pixel."""
        return self._picture[::_OVERVIEW_STEP, ::_OVERVIEW_STEP], float(_OVERVIEW_STEP)

    def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True


class ScriptedRoiModel(RoiModel):
    """Judges each picture by a function; without one, all are fit."""

    def __init__(self, judge: Callable[[Picture], float] = lambda _: 1.0, threshold: float = 0.5) -> None:
        self._judge = judge
        self._identity = _identity(ModelTask.ROI, threshold)

    @property
    def identity(self) -> ModelIdentity:
        """A stand-in's."""
        return self._identity

    def probabilities(self, pictures: Sequence[Picture]) -> Sequence[float]:
        """What the function says of each."""
        return [self._judge(picture) for picture in pictures]


class ScriptedCellModel(CellModel):
    """Finds what a function says; those below the threshold are left out."""

    def __init__(self, find: Callable[[Picture], Sequence[Detection]] = lambda _: (), threshold: float = 0.5) -> None:
        self._find = find
        self._identity = _identity(ModelTask.CELLS, threshold)

    @property
    def identity(self) -> ModelIdentity:
        """A stand-in's."""
        return self._identity

    def detect(self, picture: Picture) -> Sequence[Detection]:
        """What the function finds, at or above the threshold."""
        return [found for found in self._find(picture) if found.probability >= self._identity.threshold]


def _identity(task: ModelTask, threshold: float) -> ModelIdentity:
    return ModelIdentity(task, f"scripted-{task}", "0", "0" * 64, threshold, "None: it says what the test tells it to.")


class RecordingProgress(Progress):
    """Remembers what it heard.

    Attributes:
        heard: tiles looked at, tiles counted, cells and distance of each message.
    """

    def __init__(self) -> None:
        self.heard: list[tuple[int, int, int, float]] = []

    def tile_counted(self, tiles_looked_at: int, tiles_counted: int, cells: int, distance: float) -> None:
        """Remember it."""
        self.heard.append((tiles_looked_at, tiles_counted, cells, distance))
