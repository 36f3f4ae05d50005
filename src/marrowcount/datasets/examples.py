"""The data set model: pictures, what is known of each, whose they are, and which split they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.slides.geometry import PixelBox, SizePx

__all__ = ["Dataset", "Example", "LabelledBox", "Split"]


class Split(StrEnum):
    """What an example may be used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class LabelledBox:
    """One object as somebody, or the phantom, drew it.

    Attributes:
        box: in pixels of the example's picture.
        cell_type: None for a nucleated cell whose class nobody stated ("WBC").
        author: who drew or last changed it; empty where the source does not say.
    """

    box: PixelBox
    cell_type: CellType | None
    author: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """One picture and what is known of it.

    Attributes:
        name: unique in its data set: the path of the picture in its source, or slide and place.
        digest: SHA-256 of the pixels, (rows, columns, 3) RGB uint8 in C order, in hexadecimal; the same picture in
            another file format has the same.
        size: of the picture in pixels.
        objects: None where nobody boxed anything; empty where somebody looked and found nothing.
        complete: whether every object of the 19 kinds is among ``objects``; False where some kinds were not drawn, so
            that what a model finds beyond them is not wrong.
        fit: whether it is fit for cytology; None where nobody said.
        um_per_px: resolution; None where nobody knows.
        patient: pseudonym, the same for all pictures of one person; empty where the source does not say. Pictures of
            one patient never lie in two splits.
        group: what else must stay together, such as the original of which this is a rotated copy; may be empty.
        split: None where it is not yet split.
    """

    name: str
    digest: str
    size: SizePx
    objects: tuple[LabelledBox, ...] | None = None
    complete: bool = True
    fit: bool | None = None
    um_per_px: float | None = None
    patient: str = ""
    group: str = ""
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples from one source, or merged from several.

    Attributes:
        name: short, for model cards and reports.
        examples: in a fixed order.
        source: where it comes from, for people.
        licence: under which it may be used; travels to every model trained on it.
        history: what was done to it, oldest first, a line each.
    """

    name: str
    examples: tuple[Example, ...]
    source: str = ""
    licence: str = ""
    history: tuple[str, ...] = field(default=())

    def of(self, split: Split) -> Iterator[Example]:
        """The examples of a split."""
        return (example for example in self.examples if example.split is split)
