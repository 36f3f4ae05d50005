"""Finding the element that a Bulk Data URI means, and all elements that have one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from marrowcount.errors import InstanceError
from marrowcount_adapters.dicomweb.data_set import Kind
from marrowcount_adapters.dicomweb.dicom_json import is_bulk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marrowcount_adapters.dicomweb.data_set import Step
    from marrowcount_adapters.dicomweb.part10 import DataSet

__all__ = ["BULK_PATH", "all_bulk", "find_element"]

BULK_PATH: Final = re.compile(r"([0-9A-Fa-f]{8}/[1-9]\d{0,9}/)*[0-9A-Fa-f]{8}")
"""Tag, or tag of a sequence, number of the item from 1, and so on."""


def find_element(source: DataSet, path: str) -> Step | None:
    """The element at such a path; None where there is none.

    Raises:
        InstanceError: ``bad-path``, the path has another form; ``not-dicom``.
        OSError: the file cannot be read.
    """
    if not BULK_PATH.fullmatch(path):
        raise InstanceError("bad-path", "A bulk data path is made of tags and numbers of items.")
    wanted = path.upper()
    return next((step for place, step in _places(source) if place == wanted), None)


def all_bulk(source: DataSet) -> Iterator[tuple[str, Step]]:
    """Each element that metadata leave out, with its path.

    Raises:
        InstanceError: ``not-dicom``.
        OSError: the file cannot be read.
    """
    return ((place, step) for place, step in _places(source) if is_bulk(step))


def _places(source: DataSet) -> Iterator[tuple[str, Step]]:
    open_ones: list[tuple[str, int]] = []
    for step in source.steps():
        prefix = f"{open_ones[-1][0]}/{open_ones[-1][1]}/" if open_ones else ""
        if step.kind is Kind.SEQUENCE:
            open_ones.append((f"{prefix}{step.tag:08X}", 0))
        elif step.kind is Kind.ITEM:
            open_ones[-1] = (open_ones[-1][0], open_ones[-1][1] + 1)
        elif step.kind is Kind.SEQUENCE_ENDS:
            open_ones.pop()
        elif step.kind is Kind.ELEMENT:
            yield f"{prefix}{step.tag:08X}", step
