"""Pictures for browsers (PS3.18 section 10.4.1.1.3): frames decoded, levels put together from their tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from marrowcount.errors import InstanceError
from marrowcount_adapters.dicomweb.data_set import Kind
from marrowcount_adapters.dicomweb.part10 import opened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount_adapters.dicomweb.frames import Frames
    from marrowcount_adapters.dicomweb.held import Held

__all__ = ["ImageFacts", "Viewport", "encoded", "read_image_facts", "rendered_frame", "rendered_matrix"]

MAX_TILES: Final = 1024
"""Frames that are put together to one picture; a level of 16,384 px has as many of 512 px."""
MAX_FRAME_PIXELS: Final = 64 << 20

NUMBERS: Final = {
    0x00280002: "samples_per_pixel",
    0x00280006: "planar_configuration",
    0x00280010: "rows",
    0x00280011: "columns",
    0x00280100: "bits_allocated",
    0x00280101: "bits_stored",
    0x00280103: "pixel_representation",
    0x00480006: "matrix_columns",
    0x00480007: "matrix_rows",
    0x00480302: "optical_paths",
    0x00480303: "focal_planes",
}
TEXTS: Final = {
    0x00080008: "image_type",
    0x00209161: "concatenation_uid",
    0x00209311: "organization",
    0x00280004: "photometric_interpretation",
}


@dataclass(slots=True)
class ImageFacts:
    """What a header says of its pixels; zeros and empty texts where it says nothing."""

    samples_per_pixel: int = 1
    planar_configuration: int = 0
    rows: int = 0
    columns: int = 0
    bits_allocated: int = 0
    bits_stored: int = 0
    pixel_representation: int = 0
    matrix_columns: int = 0
    matrix_rows: int = 0
    optical_paths: int = 1
    focal_planes: int = 1
    image_type: str = ""
    concatenation_uid: str = ""
    organization: str = ""
    photometric_interpretation: str = ""

    @property
    def flavour(self) -> str:
        """Image Type, value 3."""
        values = self.image_type.split("\\")
        return values[2] if len(values) > 2 else ""  # noqa: PLR2004 - value 3 of the standard

    @property
    def tiles(self) -> int:
        """Frames of one plane of a whole level in the implicit order; 0 where it is none."""
        whole = self.organization == "TILED_FULL" and not self.concatenation_uid
        if not whole or not self.rows or not self.columns:
            return 0
        return math.ceil(self.matrix_columns / self.columns) * math.ceil(self.matrix_rows / self.rows)


@dataclass(frozen=True, slots=True)
class Viewport:
    """The largest picture wanted, in pixels."""

    width: int
    height: int

    def scale(self, width: int, height: int) -> float:
        """By which a picture of that size fits; never more than 1."""
        return min(1.0, self.width / width, self.height / height)


def read_image_facts(held: Held) -> ImageFacts:
    """What an instance's header says of its pixels.

    Raises:
        InstanceError: ``not-dicom``.
        OSError: the file cannot be read.
    """
    facts, depth = ImageFacts(), 0
    with opened(held.path) as source:
        for step in source.steps():
            if step.kind is not Kind.ELEMENT:
                depth += 1 if step.kind in {Kind.SEQUENCE, Kind.ITEM} else -1
            elif depth:
                continue
            elif step.tag in NUMBERS:
                setattr(facts, NUMBERS[step.tag], int.from_bytes(source.value(step)[:4], "little"))
            elif step.tag in TEXTS:
                setattr(facts, TEXTS[step.tag], source.value(step).decode("latin-1").strip(" \0"))
            elif step.tag > max(NUMBERS):
                break
    return facts


def rendered_frame(held: Held, facts: ImageFacts, frames: Frames, number: int, viewport: Viewport) -> Image.Image:
    """One frame, made smaller where the viewport is smaller.

    Raises:
        InstanceError: ``not-renderable``, nothing here decodes it; ``damaged``.
    """
    picture = Image.fromarray(_decoded(held, facts, frames, number))
    scale = viewport.scale(picture.width, picture.height)
    if scale < 1:
        picture = picture.resize(_scaled(picture.width, picture.height, scale), Image.Resampling.BOX)
    return picture


def rendered_matrix(held: Held, facts: ImageFacts, frames: Frames, viewport: Viewport) -> Image.Image:
    """A whole level: the tiles of its first plane and optical path, each made smaller before it is put in its place.

    Raises:
        InstanceError: ``not-renderable``, it is no such level, or has too many tiles.
    """
    if not 0 < facts.tiles <= min(MAX_TILES, frames.count):
        raise _not_renderable("The level has too many tiles, or they stand in no implicit order; render its frames.")
    across = math.ceil(facts.matrix_columns / facts.columns)
    scale = viewport.scale(facts.matrix_columns, facts.matrix_rows)
    whole = Image.new("RGB", _scaled(facts.matrix_columns, facts.matrix_rows, scale), "white")
    for tile in range(facts.tiles):
        left, top = tile % across * facts.columns, tile // across * facts.rows
        place = (round(left * scale), round(top * scale))
        corner = (round((left + facts.columns) * scale), round((top + facts.rows) * scale))
        size = (corner[0] - place[0], corner[1] - place[1])
        if min(size) > 0:
            pixels = Image.fromarray(_decoded(held, facts, frames, tile + 1)).convert("RGB")
            whole.paste(pixels.resize(size, Image.Resampling.BOX), place)
    return whole


def encoded(picture: Image.Image, media_type: str, quality: int) -> bytes:
    """As JPEG or PNG."""
    file = BytesIO()
    if media_type == "image/png":
        picture.save(file, "PNG")
    else:
        picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _decoded(held: Held, facts: ImageFacts, frames: Frames, number: int) -> NDArray[np.uint8]:
    """A frame's pixels: (rows, columns, 3) RGB, or (rows, columns) grey, uint8."""
    if facts.rows * facts.columns > MAX_FRAME_PIXELS:
        raise _not_renderable("The frame is too large to be rendered.")
    with held.path.open("rb") as file:
        data = b"".join(_read(file, one.offset, one.length) for one in frames.segments(file, number))
    try:
        decoder = get_decoder(UID(held.transfer_syntax_uid))
        pixels, described = decoder.as_array(
            encapsulate([data], has_bot=False) if frames.encapsulated else data, index=0, **_options(facts)
        )
    except Exception:  # noqa: BLE001 - decoders raise whatever they like on what others sent
        raise _not_renderable("No decoder here can read this frame.") from None
    return _eight_bits(pixels, str(described["photometric_interpretation"]))


def _read(file: Any, offset: int, length: int) -> bytes:  # noqa: ANN401 - a binary file
    file.seek(offset)
    return bytes(file.read(length))


def _options(facts: ImageFacts) -> dict[str, Any]:
    return {
        "number_of_frames": 1,
        "pixel_keyword": "PixelData",
        "rows": facts.rows,
        "columns": facts.columns,
        "samples_per_pixel": facts.samples_per_pixel,
        "bits_allocated": facts.bits_allocated,
        "bits_stored": facts.bits_stored,
        "pixel_representation": facts.pixel_representation,
        "planar_configuration": facts.planar_configuration,
        "photometric_interpretation": facts.photometric_interpretation,
    }


def _eight_bits(pixels: NDArray[Any], photometric: str) -> NDArray[np.uint8]:
    if photometric == "RGB" and pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    if not photometric.startswith("MONOCHROME"):
        raise _not_renderable("The colours of this image are not rendered here.")
    low, high = float(pixels.min()), float(pixels.max())
    grey = np.zeros(pixels.shape) if high <= low else (pixels - low) * (255.0 / (high - low))
    if pixels.dtype == np.uint8:
        grey = pixels
    return np.ascontiguousarray(255 - grey if photometric == "MONOCHROME1" else grey).astype(np.uint8)


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return max(1, round(width * scale)), max(1, round(height * scale))


def _not_renderable(message: str) -> InstanceError:
    return InstanceError("not-renderable", message)
