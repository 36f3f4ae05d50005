"""Pictures in files: PNG, JPEG and TIFF in, PNG out; what cannot be taken for a colour photograph is refused."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import SizePx
from marrowcount_adapters.dataset_files.tears import torn_at

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from marrowcount.ports import Picture

__all__ = ["PICTURE_SUFFIXES", "picture_size", "pictures_under", "read_picture", "write_picture"]

PICTURE_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff"})
FORMATS: Final = ("PNG", "JPEG", "TIFF")

MOST_PIXELS: Final = 100_000_000
"""A photograph of 10,000 x 10,000 px; larger ones are whole slides and belong into DICOM."""

COLOUR_MODES: Final = frozenset({"RGB", "RGBA", "P"})
ORIENTATION: Final = 0x0112
"""EXIF Orientation; 1 is upright."""

OPAQUE: Final = 255
RGB: Final = 3

DECODER_ERRORS: Final = (OSError, SyntaxError, ValueError, EOFError, ArithmeticError, LookupError, TypeError)
"""What Pillow raises on bytes that are no sound picture; it has no base class of its own."""


def pictures_under(folder: Path) -> tuple[Path, ...]:
    """All files of the three formats, by suffix, in the order of their names."""
    return tuple(
        sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file())
    )


def picture_size(path: Path) -> SizePx:
    """Width and height from the header.

    Raises:
        DatasetError: ``picture-missing``, ``picture-damaged``, ``picture-unsupported``, ``picture-too-large``.
    """
    with _opened(path) as picture:
        return SizePx(picture.width, picture.height)


def read_picture(path: Path, *, torn_too: bool = False) -> Picture:
    """The pixels, (rows, columns, 3) RGB uint8.

    Args:
        path: of the file.
        torn_too: read also what looks torn, as a file does whose data broke part way; for pictures put together from
            several.

    Raises:
        DatasetError: ``picture-missing``, ``picture-damaged``, ``picture-unsupported``, ``picture-too-large``.
    """
    with _opened(path) as opened:
        pixels = _pixels(opened, path)
    row = None if torn_too else torn_at(pixels)
    if row is not None:
        raise DatasetError(
            "picture-damaged",
            f"{path} is torn at row {row}, as after a broken transfer; get it again, or allow torn pictures if it was "
            "put together from several on purpose",
        )
    return pixels


def write_picture(path: Path, pixels: Picture) -> None:
    """Write a PNG.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, "PNG", compress_level=1)


@contextmanager
def _opened(path: Path) -> Generator[Image.Image]:
    # Pillow warns about odd metadata and cut files, which then fail; its limit of pixels is replaced by ours.
    with _told(path), warnings.catch_warnings(action="ignore"), Image.open(path, formats=FORMATS) as picture:
        _require_kind(picture, path)
        yield picture


def _require_kind(picture: Image.Image, path: Path) -> None:
    if picture.width * picture.height > MOST_PIXELS:
        raise DatasetError("picture-too-large", f"{path} has {picture.width} x {picture.height} px; cut it into parts")
    if picture.mode not in COLOUR_MODES:
        raise DatasetError("picture-unsupported", f"{path} is of kind {picture.mode}; only 8 bit colour is read")
    if getattr(picture, "n_frames", 1) > 1:
        raise DatasetError("picture-unsupported", f"{path} holds several pictures; keep one a file")
    if picture.getexif().get(ORIENTATION, 1) != 1:
        raise DatasetError(
            "picture-unsupported",
            f"{path} says that it is to be turned before it is shown, so that boxes may mean either; save it upright",
        )


def _pixels(picture: Image.Image, path: Path) -> Picture:
    if "A" in picture.getbands() or "transparency" in picture.info:
        shown = np.asarray(picture.convert("RGBA"))
        if shown[..., RGB].min() < OPAQUE:
            raise DatasetError("picture-unsupported", f"{path} is partly transparent; save it without transparency")
        return np.ascontiguousarray(shown[..., :RGB])
    return np.array(picture.convert("RGB"))


@contextmanager
def _told(path: Path) -> Generator[None]:
    """Foreign failures in our words.

    Raises:
        DatasetError: ``picture-missing``, ``picture-damaged``.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise DatasetError("picture-missing", f"{path} is not there") from error
    except Image.DecompressionBombError as error:
        raise DatasetError("picture-too-large", f"{path}: {error}; cut it into parts") from error
    except DECODER_ERRORS as error:
        raise DatasetError("picture-damaged", f"{path} cannot be read as a picture: {error}; get it again") from error
