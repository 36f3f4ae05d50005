"""Names of the files and the lines of the examples."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Example, LabelledBox, Split
from marrowcount.slides.geometry import PixelBox, SizePx

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.ports import Picture

__all__ = ["HEADER_FILE", "VERSION", "Header", "Line", "digest_of", "examples_path", "line_of", "picture_path"]

HEADER_FILE: Final = "dataset.json"
VERSION: Final = 1
BOX_LENGTH: Final = 4

_STRICT = ConfigDict(frozen=True, extra="forbid")


class Header(BaseModel):
    """What ``dataset.json`` holds."""

    model_config = _STRICT

    version: int = VERSION
    name: str
    source: str = ""
    licence: str = ""
    history: tuple[str, ...] = ()
    examples: int
    examples_sha256: str


class BoxLine(BaseModel):
    """One object: its class by name, null for a nucleated cell of unstated class."""

    model_config = _STRICT

    box: tuple[float, float, float, float]
    cell_type: str | None = Field(alias="class")
    author: str = ""

    @model_validator(mode="after")
    def _known_class(self) -> BoxLine:
        names = [one.label for one in CellType]
        if self.cell_type is not None and self.cell_type not in names:
            raise ValueError(f"{self.cell_type!r} is none of the 19 classes: {', '.join(names)}")
        return self


class Line(BaseModel):
    """One example."""

    model_config = _STRICT

    name: str
    digest: str = Field(pattern="^[0-9a-f]{64}$")
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    objects: tuple[BoxLine, ...] | None = None
    complete: bool = True
    fit: bool | None = None
    um_per_px: float | None = Field(default=None, gt=0)
    patient: str = ""
    group: str = ""
    split: Split | None = None

    @property
    def example(self) -> Example:
        """In the core's words."""
        objects = None if self.objects is None else tuple(_labelled(one) for one in self.objects)
        kept = self.model_dump(exclude={"width", "height", "objects"})
        return Example(size=SizePx(self.width, self.height), objects=objects, **kept)


def digest_of(picture: Picture) -> str:
    """SHA-256 of the pixels, (rows, columns, 3) RGB in C order."""
    return hashlib.sha256(np.ascontiguousarray(picture).data).hexdigest()


def examples_path(folder: Path, digest: str) -> Path:
    """Where the examples lie whose lines have that SHA-256."""
    return folder / f"examples-{digest}.jsonl"


def picture_path(folder: Path, digest: str) -> Path:
    """Where a picture lies."""
    return folder / "pictures" / digest[:2] / f"{digest}.png"


def line_of(example: Example) -> str:
    """An example as a line of JSON."""
    objects = None if example.objects is None else [_box_line(one) for one in example.objects]
    fields: dict[str, Any] = {"width": example.size.width, "height": example.size.height, "objects": objects}
    for name in ("name", "digest", "complete", "fit", "um_per_px", "patient", "group", "split"):
        fields[name] = getattr(example, name)
    return Line.model_validate(fields).model_dump_json(by_alias=True, exclude_defaults=True)


def _labelled(line: BoxLine) -> LabelledBox:
    cell_type = None if line.cell_type is None else CellType[line.cell_type.upper().replace(" ", "_")]
    return LabelledBox(PixelBox(*line.box), cell_type, line.author)


def _box_line(labelled: LabelledBox) -> dict[str, object]:
    box = labelled.box
    name = None if labelled.cell_type is None else labelled.cell_type.label
    return {"box": (box.left, box.top, box.right, box.bottom), "class": name, "author": labelled.author}
