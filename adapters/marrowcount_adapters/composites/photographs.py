"""Photographs of smears with boxes in YOLO's layout, whose scale their red cells tell."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Final


from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import LabelledBox, load_mapping
from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount_adapters.composites.pictures import read_picture, scaled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from marrowcount.datasets import ClassMapping
    from marrowcount.ports import Picture

__all__ = ["RED_CELL_UM", "Photograph", "at_scale", "mapping_of_photographs", "read_photographs"]

RED_CELL_UM: Final = 7.5
"""Box of a red cell in a smear: what it measures in AML-Cytomorphology_LMU, whose pixel size is published."""
RED_CELL_NAMES: Final = frozenset({"rbc", "red blood cell", "erythrocyte"})
MAPPING: Final = "wbc-rbc-platelet"
NAMES_FILE: Final = "classes.txt"
FIELDS: Final = 5
EDGE_PX: Final = 2.0
LEAST_RED_CELLS: Final = 10
"""Whole red cells on all pictures of one size, from which their scale is taken."""


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
        um_per_px: by the red cells of all photographs of the same size.
    """

    name: str
    split: str
    path: Path
    size: SizePx
    objects: tuple[LabelledBox, ...]
    red_cells: tuple[PixelBox, ...]
    um_per_px: float = 0.0

    @property
    def nucleated(self) -> tuple[PixelBox, ...]:
        """Boxes of nucleated cells."""
        return tuple(one.box for one in self.objects if one.cell_type is not CellType.PLATELET)


def mapping_of_photographs() -> ClassMapping:
    """White cell, red cell, platelet."""
    return load_mapping(MAPPING)


def read_photographs(folder: Path, splits: Sequence[str]) -> tuple[Photograph, ...]:
    """All photographs of these splits: ``images/<split>``, ``labels/<split>`` with ``classes.txt``.

    Raises:
        DatasetError: ``labels-missing``, ``labels-malformed``, ``class-unmapped``, ``scale-unknown`` (too few red cells
            on the pictures of one size), and those of reading pictures.
    """
    mapping = mapping_of_photographs()
    found = [photograph for split in splits for photograph in _of_split(folder, split, mapping)]
    by_size: dict[SizePx, list[Photograph]] = defaultdict(list)
    for photograph in found:
        by_size[photograph.size].append(photograph)
    scales = {size: _um_per_px(folder, size, some) for size, some in by_size.items()}
    return tuple(replace(one, um_per_px=scales[one.size]) for one in found)


def at_scale(photograph: Photograph, um_per_px: float) -> tuple[Picture, tuple[LabelledBox, ...]]:
    """A photograph and its objects at that resolution."""
    factor = photograph.um_per_px / um_per_px
    picture = scaled(read_picture(photograph.path), factor)
    size = SizePx(picture.shape[1], picture.shape[0])
    return picture, tuple(replace(one, box=_times(one.box, factor).clipped(size)) for one in photograph.objects)


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


def _um_per_px(folder: Path, size: SizePx, photographs: Sequence[Photograph]) -> float:
    sides = [box.area**0.5 for photograph in photographs for box in photograph.red_cells]
    if len(sides) < LEAST_RED_CELLS:
        raise DatasetError(
            "scale-unknown",
            f"{folder}: {len(sides)} whole red cells are boxed on the pictures of {size.width} x {size.height} px; "
            f"{LEAST_RED_CELLS} are needed to tell their scale",
        )
    return RED_CELL_UM / median(sides)


def _times(box: PixelBox, factor: float) -> PixelBox:
    return PixelBox(box.left * factor, box.top * factor, box.right * factor, box.bottom * factor)
