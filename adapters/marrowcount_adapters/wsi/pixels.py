"""The pixels of one level, read with wsidicom; its failures and its decoders' are told in our words, once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from wsidicom import Settings, WsiDicom
from wsidicom import errors as wsidicom_errors
from wsidicom.options import DecoderOption

from marrowcount.errors import Refusal, SlideError, StorageError
from marrowcount_adapters.wsi.planes import Planes, middle
from marrowcount_adapters.wsi.values import DATA_ERRNOS, PARSER_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marrowcount.ports import Picture
    from marrowcount_adapters.wsi.series import Level

__all__ = ["LevelPixels"]

CACHE_BYTES: Final = 32 * 1024 * 1024
"""A row or two of frames; tiles come in random order, so a larger cache would hardly be hit."""

NATIVE_SYNTAXES: Final = frozenset({ExplicitVRLittleEndian, ImplicitVRLittleEndian})

FOREIGN_ERRORS: Final = (
    *PARSER_ERRORS,
    wsidicom_errors.WsiDicomError,
    wsidicom_errors.WsiDicomFileError,
    wsidicom_errors.WsiDicomMatchError,
    wsidicom_errors.WsiDicomNoResolutionError,
    wsidicom_errors.WsiDicomNotFoundError,
    wsidicom_errors.WsiDicomNotSupportedError,
    wsidicom_errors.WsiDicomOutOfBoundsError,
    wsidicom_errors.WsiDicomStrictRequirementError,
    wsidicom_errors.WsiDicomUidDuplicateError,
    Image.DecompressionBombError,
    SyntaxError,  # what Pillow raises on a broken header
)
"""What wsidicom and the decoders below it raise on bytes that are no sound picture."""

ITEM_TAG: Final = b"\xfe\xff\x00\xe0"
ITEM_HEADER: Final = 8
RGB: Final = 3


class LevelPixels:
    """An opened level; close it.

    Raises:
        SlideError: ``DAMAGED``, ``UNSUPPORTED_SYNTAX``.
        StorageError: ``unreadable``.
    """

    __slots__ = ("_level", "_path", "_planes", "_slide")

    def __init__(self, level: Level) -> None:
        self._level = level
        with _told("cannot be opened"):
            self._slide = WsiDicom.open(level.paths, settings=_settings(level.facts.transfer_syntax_uid))
        try:
            with _told("cannot be opened"):
                self._planes, self._path = _default_planes(self._slide)
            self._require_whole_frames()
        except BaseException:
            self.close()
            raise

    @property
    def planes(self) -> Planes:
        """Its focal planes and optical paths, and which of them is read."""
        return self._planes

    def read(self, left: int, top: int, width: int, height: int) -> Picture:
        """The pixels of a rectangle inside the matrix, (height, width, 3); absent frames are white.

        Raises:
            SlideError: ``DAMAGED``.
            StorageError: ``unreadable``.
        """
        with _told(f"cannot be read at x {left}, y {top}"):
            pixels = np.array(
                self._slide.read_region(
                    (left, top), 0, (width, height), self._planes.counted_um, self._path, as_array=True
                )
            )
        if pixels.shape != (height, width, RGB) or pixels.dtype != np.uint8:
            raise SlideError(
                Refusal.DAMAGED, f"The frame at x {left}, y {top} has another size than the header gives it."
            )
        return pixels

    def close(self) -> None:
        """Let go of the files."""
        self._slide.close()

    def _require_whole_frames(self) -> None:
        """Look at the first and the last frame: a cut file lacks the last, and both show how frames are encoded."""
        frame = self._level.facts.frame
        if frame is None:
            return
        last = ((self._level.size.width - 1) // frame.width, (self._level.size.height - 1) // frame.height)
        for column, row in {(0, 0), last}:
            with _told(f"cannot be read at frame column {column}, row {row}"):
                place = (column, row), self._planes.counted_um, self._path
                _require_one_fragment(self._slide.read_encoded_tile(0, *place, crop_to_image_boundary=False))
                self._slide.read_tile(0, *place)


def _default_planes(slide: WsiDicom) -> tuple[Planes, str]:
    """The middle focal plane and the first optical path, whose identifier stands beside."""
    instance = slide.pyramids[0].base_level.default_instance
    heights = tuple(sorted(float(height) for height in instance.focal_planes))
    return Planes(heights, middle(heights), len(instance.optical_paths)), str(instance.default_path)


def _settings(syntax: str) -> Settings:
    """One decoder for each syntax: others differ by a grey level or two, and what is installed must not matter.

    pydicom's hands out wrong colours from JPEG in YBR_FULL_422; for native RGB there is no other.
    """
    decoder = DecoderOption.PYDICOM if syntax in NATIVE_SYNTAXES else DecoderOption.PILLOW
    return Settings(
        preferred_decoder=decoder, decoded_frame_cache_size=CACHE_BYTES, encoded_frame_cache_size=CACHE_BYTES // 32
    )


def _require_one_fragment(encoded: bytes) -> None:
    """Refuse a frame in several fragments (PS3.5 A.4): wsidicom would hand the item headers to the decoder."""
    at = encoded.find(ITEM_TAG)
    while at >= 0:
        if _are_items(encoded, at):
            raise SlideError(Refusal.UNSUPPORTED_SYNTAX, "Frames are split into several fragments; convert the slide.")
        at = encoded.find(ITEM_TAG, at + 1)


def _are_items(encoded: bytes, at: int) -> bool:
    """Whether items follow one another from there exactly to the end."""
    while encoded[at : at + len(ITEM_TAG)] == ITEM_TAG:
        at += ITEM_HEADER + int.from_bytes(encoded[at + len(ITEM_TAG) : at + ITEM_HEADER], "little")
    return at == len(encoded)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Foreign failures in our words: what the data cause is the slide's fault, all else the machine's."""
    try:
        yield
    except FOREIGN_ERRORS:
        raise SlideError(Refusal.DAMAGED, f"The level {what}: the file is cut or a frame is damaged.") from None
    except OSError as error:
        if error.errno in DATA_ERRNOS:
            raise SlideError(Refusal.DAMAGED, f"The level {what}: a frame cannot be decoded.") from None
        raise StorageError("unreadable", f"The level {what}: {error.strerror}.") from None
