"""Parts that several files hold: a model, a box with its class, what is known of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Example, LabelledBox, class_name
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount_adapters.labelling_rounds.files import Stored

if TYPE_CHECKING:
    from marrowcount.result import ModelIdentity

__all__ = ["Box", "BoxedLine", "Digest", "ModelLine", "PictureLine", "box_of", "sides_of"]

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the picture."""
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ModelLine(Stored):
    """Which model it was."""

    name: str
    version: str
    sha256: Digest
    threshold: float

    @classmethod
    def of(cls, model: ModelIdentity) -> ModelLine:
        """A model's."""
        return cls(name=model.name, version=model.version, sha256=model.sha256, threshold=model.threshold)

    @property
    def said(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}"


class BoxedLine(Stored):
    """An object: its class by name, ``nucleated cell`` for one of unstated class.

    Attributes:
        probability: of the model; None for what a person labelled.
    """

    box: Box
    cell_type: str = Field(alias="class")
    probability: float | None = Field(default=None, ge=0, le=1)

    @field_validator("cell_type")
    @classmethod
    def _known(cls, name: str) -> str:
        names = [class_name(kind) for kind in (*CellType, None)]
        if name not in names:
            raise ValueError(f"{name!r} is none of the classes: {', '.join(names)}")
        return name

    @classmethod
    def of(cls, one: Detection | LabelledBox) -> BoxedLine:
        """What a model found, or a person labelled."""
        probability = one.probability if isinstance(one, Detection) else None
        return cls(box=sides_of(one.box), probability=probability, **{"class": class_name(one.cell_type)})

    @property
    def detection(self) -> Detection:
        """In the core's words; of a model's only."""
        return Detection(CellType.from_label(self.cell_type), box_of(self.box), self.probability or 0.0)


class PictureLine(Stored):
    """What is known of a picture, its objects aside; the fields mean what those of an ``Example`` mean."""

    name: str
    digest: Digest
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    um_per_px: float | None = Field(default=None, gt=0)
    patient: str = ""
    group: str = ""

    @classmethod
    def of(cls, example: Example) -> PictureLine:
        """An example's."""
        return cls(
            name=example.name,
            digest=example.digest,
            width=example.size.width,
            height=example.size.height,
            um_per_px=example.um_per_px,
            patient=example.patient,
            group=example.group,
        )

    @property
    def example(self) -> Example:
        """In the core's words: fit for cytology, or it would not have been chosen."""
        return Example(
            self.name,
            self.digest,
            SizePx(self.width, self.height),
            fit=True,
            um_per_px=self.um_per_px,
            patient=self.patient,
            group=self.group,
        )


def sides_of(box: PixelBox) -> Box:
    """A box as it is written."""
    return box.left, box.top, box.right, box.bottom


def box_of(sides: Box) -> PixelBox:
    """A box as it is read."""
    return PixelBox(*sides)
