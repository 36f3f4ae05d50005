"""What readers of other people's files give: pictures whose objects still bear the source's own names."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from marrowcount.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Generator

    from marrowcount.datasets.examples import Split
    from marrowcount.slides.geometry import PixelBox, SizePx

__all__ = ["Faults", "NamedBox", "NamedExample"]


@dataclass(frozen=True, slots=True)
class NamedBox:
    """One object as the source has it.

    Attributes:
        box: in pixels of the picture.
        name: of its class, in the source's own words or code.
        author: who drew it; empty where the source does not say.
    """

    box: PixelBox
    name: str
    author: str = ""


@dataclass(frozen=True, slots=True)
class NamedExample:
    """One picture before its names are mapped; the attributes mean what those of an ``Example`` mean.

    Attributes:
        complete: None where the file does not say; the mapping's word then holds.
    """

    name: str
    size: SizePx
    objects: tuple[NamedBox, ...] | None = None
    complete: bool | None = None
    fit: bool | None = None
    um_per_px: float | None = None
    patient: str = ""
    group: str = ""
    split: Split | None = None


@dataclass(slots=True)
class Faults:
    """What to do about a faulty file: stop at the first, or note each and go on.

    Attributes:
        keep_going: whether to go on.
        found: the faults noted, in the order of finding.
    """

    keep_going: bool = False
    found: list[DatasetError] = field(default_factory=list[DatasetError])

    @contextmanager
    def noted(self) -> Generator[None]:
        """Note a fault of what happens inside, which then ends early.

        Raises:
            DatasetError: the fault itself, unless it is wished to keep going.
        """
        try:
            yield
        except DatasetError as error:
            if not self.keep_going:
                raise
            self.found.append(error)
