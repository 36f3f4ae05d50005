"""The way back, for files that may be damaged: nothing of them is believed before its digest is right."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.convergence import Stopping, StoppingReason
from marrowcount.cytology.differential import differential_of
from marrowcount.cytology.histogram import Histogram
from marrowcount.errors import Refusal, StorageError
from marrowcount.result import (
    CountResult,
    ModelIdentity,
    ModelTask,
    NameScript,
    Patient,
    PersonName,
    SlideContext,
    Specimen,
)
from marrowcount.review import Uncounted
from marrowcount.slides.detections import Detection, LookedAtTile
from marrowcount.slides.geometry import PixelBox, SizePx, SpacingMm
from marrowcount.slides.placement import Placement
from marrowcount.slides.tiles import Tile
from marrowcount_adapters.count_file.encode import DETECTION_COLUMNS, FORMAT, TILE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["read_count"]

LONGEST_FILE: Final = 256 * 2**20
"""Bytes; a count of a million objects has some 40 MB."""

UNSOUND: Final = (
    KeyError,
    TypeError,
    ValueError,
    EOFError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy, its archive format, JSON and our own types raise for what was not written by us."""


def read_count(file: Path) -> CountResult | Uncounted:
    """What :func:`~marrowcount_adapters.count_file.encode.encode_count` wrote.

    Raises:
        StorageError: ``count-lost``: the file cannot be read; ``count-damaged``: it is not what was written.
    """
    try:
        if file.stat().st_size > LONGEST_FILE:
            raise StorageError("count-damaged", f"{file.name} is longer than {LONGEST_FILE} bytes; restore it")
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            if about["format"] != FORMAT:
                raise StorageError("count-damaged", f"{file.name} was written by another version of marrowcount")
            if about["counted"]:
                return _counted(about, arrays["tiles"], arrays["detections"])
            return _uncounted(about)
    except OSError as error:
        raise StorageError("count-lost", f"{file.name} cannot be read; restore it: {error.strerror}") from None
    except UNSOUND as error:
        raise StorageError("count-damaged", f"{file.name} is damaged; restore it: {type(error).__name__}") from None


def _counted(about: Mapping[str, Any], tiles: NDArray[np.float64], detections: NDArray[np.float64]) -> CountResult:
    histogram = Histogram.from_counts(dict(zip(CellType, map(int, about["counts"]), strict=True)))
    result = CountResult(
        context=_context(about["context"]),
        size=SizePx(**about["size"]),
        spacing=SpacingMm(**about["spacing"]),
        tiles=tuple(_tile(row) for row in tiles.reshape(-1, TILE_COLUMNS).tolist()),
        detections=tuple(_detection(row) for row in detections.reshape(-1, DETECTION_COLUMNS).tolist()),
        histogram=histogram,
        differential=differential_of(histogram),
        stopping=_stopping(about["stopping"]),
        models=_models(about["models"]),
        counted_at=datetime.fromisoformat(about["at"]),
        warnings=tuple(about["warnings"]),
        placement=None if about["placement"] is None else _placement(about["placement"]),
        issue=about["issue"],
    )
    if result.digest != about["digest"]:
        raise ValueError("its objects are not those that were found")
    return result


def _uncounted(about: Mapping[str, Any]) -> Uncounted:
    judged_at = datetime.fromisoformat(about["at"])
    return Uncounted(
        _context(about["context"]), Refusal(about["code"]), about["message"], _models(about["models"]), judged_at
    )


def _context(stored: Mapping[str, Any]) -> SlideContext:
    acquired = None if stored["acquired"] is None else datetime.fromisoformat(stored["acquired"])
    parts = {"acquired": acquired, "specimen": Specimen(**stored["specimen"]), "patient": _patient(stored["patient"])}
    return SlideContext(**{**stored, **parts})


def _patient(stored: Mapping[str, Any]) -> Patient:
    birth_date = None if stored["birth_date"] is None else date.fromisoformat(stored["birth_date"])
    return Patient(**{**stored, "birth_date": birth_date, "names": tuple(map(_name, stored["names"]))})


def _name(stored: Mapping[str, Any]) -> PersonName:
    return PersonName(**{**stored, "script": NameScript(stored["script"])})


def _tile(row: Sequence[float]) -> LookedAtTile:
    place_row, place_column, probability, accepted = row
    return LookedAtTile(Tile(int(place_row), int(place_column)), probability, bool(accepted))


def _detection(row: Sequence[float]) -> Detection:
    number, left, top, right, bottom, probability = row
    return Detection(CellType(int(number)), PixelBox(left, top, right, bottom), probability)


def _stopping(stored: Mapping[str, Any]) -> Stopping:
    return Stopping(**{**stored, "reason": StoppingReason(stored["reason"]), "distances": tuple(stored["distances"])})


def _models(stored: Sequence[Mapping[str, Any]]) -> tuple[ModelIdentity, ...]:
    return tuple(ModelIdentity(**{**model, "task": ModelTask(model["task"])}) for model in stored)


def _placement(stored: Mapping[str, Any]) -> Placement:
    row, column = tuple(stored["along_row"]), tuple(stored["along_column"])
    return Placement(**{**stored, "along_row": row, "along_column": column, "spacing": SpacingMm(**stored["spacing"])})
