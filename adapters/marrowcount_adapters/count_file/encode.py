"""A count as bytes: numbers as NumPy arrays, the rest as JSON beside them (NumPy's ``.npz``)."""

from __future__ import annotations

import json
from dataclasses import asdict
from io import BytesIO
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from marrowcount.result import CountResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from marrowcount.result import SlideContext
    from marrowcount.review import Uncounted

__all__ = ["DETECTION_COLUMNS", "FORMAT", "TILE_COLUMNS", "encode_count"]

FORMAT: Final = 1
"""Raised where older files can no longer be read as newer ones."""

TILE_COLUMNS: Final = 4
"""Row, column, probability, accepted."""

DETECTION_COLUMNS: Final = 6
"""Class, left, top, right, bottom, probability."""


def encode_count(count: CountResult | Uncounted) -> bytes:
    """All of it: :func:`~marrowcount_adapters.count_file.decode.read_count` gives back an equal one."""
    if isinstance(count, CountResult):
        tiles = _table(((t.tile.row, t.tile.column, t.probability, t.accepted) for t in count.tiles), TILE_COLUMNS)
        boxes = ((d.box.left, d.box.top, d.box.right, d.box.bottom) for d in count.detections)
        found = ((d.cell_type, *box, d.probability) for d, box in zip(count.detections, boxes, strict=True))
        return _packed(_counted(count), tiles, _table(found, DETECTION_COLUMNS))
    return _packed(_uncounted(count), _table((), TILE_COLUMNS), _table((), DETECTION_COLUMNS))


def _table(rows: Iterable[Sequence[float]], columns: int) -> NDArray[np.float64]:
    return np.fromiter(chain.from_iterable(rows), dtype=np.float64).reshape(-1, columns)


def _packed(about: dict[str, Any], tiles: NDArray[np.float64], detections: NDArray[np.float64]) -> bytes:
    text = json.dumps({"format": FORMAT, **about}, ensure_ascii=False, allow_nan=False)
    file = BytesIO()
    np.savez_compressed(
        file, about=np.frombuffer(text.encode(), dtype=np.uint8), tiles=tiles, detections=detections, allow_pickle=False
    )
    return file.getvalue()


def _counted(result: CountResult) -> dict[str, Any]:
    return {
        "counted": True,
        "context": _context(result.context),
        "size": asdict(result.size),
        "spacing": asdict(result.spacing),
        "placement": None if result.placement is None else asdict(result.placement),
        "counts": result.histogram.counts.tolist(),
        "stopping": asdict(result.stopping),
        "models": [asdict(model) for model in result.models],
        "at": result.counted_at.isoformat(),
        "warnings": list(result.warnings),
        "issue": result.issue,
        "digest": result.digest,
    }


def _uncounted(uncounted: Uncounted) -> dict[str, Any]:
    return {
        "counted": False,
        "context": _context(uncounted.context),
        "code": uncounted.code,
        "message": uncounted.message,
        "models": [asdict(model) for model in uncounted.models],
        "at": uncounted.judged_at.isoformat(),
    }


def _context(context: SlideContext) -> dict[str, Any]:
    acquired = None if context.acquired is None else context.acquired.isoformat()
    birth_date = context.patient.birth_date
    patient = {**asdict(context.patient), "birth_date": None if birth_date is None else birth_date.isoformat()}
    return {**asdict(context), "acquired": acquired, "patient": patient}
