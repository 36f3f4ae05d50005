"""Values of a header, and what may go wrong when they are looked at, which is when pydicom decodes them."""

from __future__ import annotations

import errno
import re
import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pydicom.errors import BytesLengthException, InvalidDicomError

from marrowcount.errors import InstanceError
from marrowcount.slides.geometry import SizePx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

__all__ = [
    "DATA_ERRNOS",
    "PARSER_ERRORS",
    "first",
    "number",
    "required_uid",
    "size",
    "sound_values",
    "text",
    "told",
    "uid",
    "values",
]

PARSER_ERRORS: Final = (
    InvalidDicomError,
    BytesLengthException,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    RuntimeError,  # too deep a nesting, and a StopIteration inside a generator
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pydicom raises on bytes that are no sound DICOM; it has no base class of its own."""

DATA_ERRNOS: Final = frozenset({None, errno.EINVAL, errno.EOVERFLOW})
"""OSErrors that the data cause and not the machine: decoders' own, and seeks to places that no file has."""

UID_FORM: Final = re.compile(r"[0-9]+(\.[0-9]+)+")
UID_MAX_LENGTH: Final = 64
"""PS3.5 section 9.1."""


@contextmanager
def sound_values() -> Iterator[None]:
    """Tell what pydicom raises when a value is first looked at, which is when it is decoded.

    Raises:
        InstanceError: ``invalid-attribute``.
    """
    with told("invalid-attribute", "The header holds a value that its attribute does not allow; send the image anew."):
        yield


@contextmanager
def told(code: str, message: str) -> Iterator[None]:
    """What the data cause is the instance's fault; what the machine causes passes."""
    try:
        yield
    except PARSER_ERRORS:
        raise InstanceError(code, message) from None
    except OSError as error:
        if error.errno in DATA_ERRNOS:
            raise InstanceError(code, message) from None
        raise


def required_uid(dataset: Dataset, keyword: str) -> str:
    """A UID fit to name a file; a sender may write anything, so anything else is refused."""
    found = uid(dataset, keyword)
    if found is None:
        raise InstanceError("missing-attribute", f"The header lacks {keyword}, which every instance must have.")
    if len(found) > UID_MAX_LENGTH:
        raise InstanceError("invalid-attribute", f"{keyword} is longer than 64 characters (PS3.5 section 9.1).")
    return found


def uid(dataset: Dataset, keyword: str) -> str | None:
    """A UID, however long: some archives derive overlong ones, which do no harm where they name nothing."""
    value = text(dataset, keyword)
    if not value:
        return None
    if not UID_FORM.fullmatch(value):
        raise InstanceError("invalid-attribute", f"{keyword} is not a UID (PS3.5 section 9.1).")
    return value


def text(dataset: Dataset, keyword: str) -> str:
    """A value as text, without padding; empty where there is none."""
    value = dataset.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def values(dataset: Dataset, keyword: str) -> list[str]:
    """All values of an element as text."""
    value = dataset.get(keyword)
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(item) for item in value]


def number(dataset: Dataset, keyword: str) -> int | None:
    """A whole number; None where there is none.

    Raises:
        InstanceError: ``invalid-attribute``: it is negative.
    """
    value = dataset.get(keyword)
    if value is None or value == "":
        return None
    whole = int(value)
    if whole < 0:
        raise InstanceError("invalid-attribute", f"{keyword} is negative.")
    return whole


def size(dataset: Dataset, columns: str, rows: str) -> SizePx | None:
    """Width and height in pixels; None where either is missing.

    Raises:
        InstanceError: ``invalid-attribute``: either is 0 or negative.
    """
    width, height = number(dataset, columns), number(dataset, rows)
    if width is None or height is None:
        return None
    if not width or not height:
        raise InstanceError("invalid-attribute", f"{columns} x {rows} is empty.")
    return SizePx(width, height)


def first(dataset: Dataset | None, keyword: str) -> Dataset | None:
    """The first item of a sequence; None where there is none."""
    items = dataset.get(keyword) if dataset is not None else None
    return items[0] if items else None
