"""Photographs of smears with boxes in YOLO's layout, whose scale their red cells tell."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from math import log
from statistics import median, pstdev
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import LabelledBox, load_mapping
from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount_adapters.composites.boxed import Boxed, enlarged
from marrowcount_adapters.composites.descriptions import read_description
from marrowcount_adapters.composites.pictures import read_picture, scaled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from marrowcount.datasets import ClassMapping

__all__ = ["RED_CELL_UM", "Photograph", "PhotographCollection", "at_scale", "read_photographs"]

RED_CELL_UM: Final = 7.5
"""Box of a red cell in a smear: what it measures in AML-Cytomorphology_LMU, whose pixel size is published."""
RED_CELL_NAMES: Final = frozenset({"rbc", "red blood cell", "erythrocyte"})
KIND: Final = "photographs"
NAMES_FILE: Final = "classes.txt"
FIELDS: Final = 5
EDGE_PX: Final = 2.0
LEAST_RED_CELLS: Final = 10
"""Whole red cells on all pictures of one size, from which their scale is taken."""
LEAST_FOR_STRETCH: Final = 4
MOST_SPREAD: Final = 0.12
"""Standard deviation of the logarithms of the stretches: 0.05 to 0.08 where cells lie as they happen to, 0.19 among
pictures of 4:3 that were squeezed into a square, some of them turned."""


class Description(BaseModel):
    """Where photographs come from, and the mapping of their classes: a shipped one, or the path of a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mapping: str
    source: str = Field(min_length=1)
    licence: str = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Photograph:
    """One photograph and what is boxed on it, in its own pixels.

    Attributes:
        name: split and stem of its file.
        split: folder it lies in: train, val or test.
        path: of its file.
        size: in pixels.
        objects: nucleated cells of unstated class, and platelets.
        red_cells: boxes of whole red cells.
        um_per_px: by the red cells of all photographs of the same size; the geometric mean of both directions.
        stretch: how much wider than high a round cell is shown; 1 but in sets that squeezed pictures into a square.
    """

    name: str
    split: str
    path: Path
    size: SizePx
    objects: tuple[LabelledBox, ...]
    red_cells: tuple[PixelBox, ...]
    um_per_px: float = 0.0
    stretch: float = 1.0

    @property
    def nucleated(self) -> tuple[PixelBox, ...]:
        """Boxes of nucleated cells."""
        return tuple(one.box for one in self.objects if one.cell_type is not CellType.PLATELET)

    def factors(self, um_per_px: float) -> tuple[float, float]:
        """By how much it is enlarged along rows and down columns to be at that resolution, round cells round."""
        factor = self.um_per_px / um_per_px
        return factor / self.stretch**0.5, factor * self.stretch**0.5


@dataclass(frozen=True, slots=True)
class PhotographCollection:
    """A folder of photographs, and where they come from."""

    photographs: tuple[Photograph, ...]
    source: str
    licence: str


def read_photographs(folder: Path, splits: Sequence[str], description: str = "") -> PhotographCollection:
    """All photographs of these splits: ``images/<split>``, ``labels/<split>`` with ``classes.txt``.

    Args:
        folder: of the photographs.
        splits: names of the folders.
        description: a shipped one's name or a file's path; without it the folder's own ``photographs.toml``.

    Raises:
        DatasetError: ``labels-missing``, ``labels-malformed``, ``class-unmapped``, ``no-pictures``, ``scale-unknown``
            (too few red cells on the pictures of one size), and those of reading pictures and descriptions.
    """
    told = read_description(Description, KIND, description, folder)
    mapping = load_mapping(told.mapping)
    found = [photograph for split in splits for photograph in _of_split(folder, split, mapping)]
    if not found:
        raise DatasetError("no-pictures", f"{folder} holds no photographs in images/{' or images/'.join(splits)}")
    by_size: dict[SizePx, list[Photograph]] = defaultdict(list)
    for photograph in found:
        by_size[photograph.size].append(photograph)
    measured = {one.name: one for size, some in by_size.items() for one in _measured(folder, size, some)}
    return PhotographCollection(tuple(measured[one.name] for one in found), told.source, told.licence)


def at_scale(photograph: Photograph, um_per_px: float) -> Boxed:
    """A photograph and its objects at that resolution, round cells round."""
    x, y = photograph.factors(um_per_px)
    picture = scaled(read_picture(photograph.path), x, y)
    return picture, tuple(replace(one, box=enlarged(one.box, x, y)) for one in photograph.objects)


def _of_split(folder: Path, split: str, mapping: ClassMapping) -> Iterator[Photograph]:
    labels = folder / "labels" / split
    names = _lines(labels / NAMES_FILE)
    pictures = folder / "images" / split
    for path in sorted(pictures.iterdir()) if pictures.is_dir() else ():
        yield _photograph(path, labels / f"{path.stem}.txt", names, mapping)


def _photograph(path: Path, labels: Path, names: Sequence[str], mapping: ClassMapping) -> Photograph:
    rows, columns = read_picture(path).shape[:2]
    size = SizePx(columns, rows)
    boxes = [_box(line, labels, names, size) for line in _lines(labels)]
    meanings = [(mapping.meaning_of(name), box) for name, box in boxes]
    objects = tuple(LabelledBox(box, meaning.cell_type) for meaning, box in meanings if not meaning.ignored)
    red = tuple(box for name, box in boxes if name.casefold() in RED_CELL_NAMES and _whole(box, size))
    return Photograph(f"{path.parent.name}/{path.stem}", path.parent.name, path, size, objects, red)


def _box(line: str, path: Path, names: Sequence[str], size: SizePx) -> tuple[str, PixelBox]:
    """Class and box of one line: number, then centre, width and height as shares of the picture."""
    try:
        number, *shares = line.split()
        x, y, width, height = (float(share) for share in shares[: FIELDS - 1])
        name = names[int(number)]
    except (ValueError, IndexError) as error:
        raise DatasetError("labels-malformed", f"{path}: {line!r} is no line of YOLO labels: {error}") from error
    left, top = (x - width / 2) * size.width, (y - height / 2) * size.height
    return name, PixelBox(left, top, left + width * size.width, top + height * size.height).clipped(size)


def _lines(path: Path) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise DatasetError("labels-missing", f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DatasetError("labels-malformed", f"{path} is not UTF-8 text: {error.reason}") from error


def _whole(box: PixelBox, size: SizePx) -> bool:
    away = min(box.left, box.top, size.width - box.right, size.height - box.bottom)
    return away > EDGE_PX


def _measured(folder: Path, size: SizePx, photographs: Sequence[Photograph]) -> list[Photograph]:
    """Photographs of one size with their scale; each with its own stretch where these differ too much for chance."""
    sides = [box.area**0.5 for photograph in photographs for box in photograph.red_cells]
    if len(sides) < LEAST_RED_CELLS:
        raise DatasetError(
            "scale-unknown",
            f"{folder}: {len(sides)} whole red cells are boxed on the pictures of {size.width} x {size.height} px; "
            f"{LEAST_RED_CELLS} are needed to tell their scale",
        )
    um_per_px = RED_CELL_UM / median(sides)
    stretches = [_stretch(photograph) for photograph in photographs]
    told = [log(stretch) for stretch in stretches if stretch is not None]
    squeezed = len(told) > 1 and pstdev(told) > MOST_SPREAD
    return [
        replace(one, um_per_px=um_per_px, stretch=stretch if squeezed and stretch else 1.0)
        for one, stretch in zip(photographs, stretches, strict=True)
    ]


def _stretch(photograph: Photograph) -> float | None:
    """Median width of the red cells over their height; None where there are too few to tell."""
    ratios = [box.width / box.height for box in photograph.red_cells]
    return median(ratios) if len(ratios) >= LEAST_FOR_STRETCH else None
