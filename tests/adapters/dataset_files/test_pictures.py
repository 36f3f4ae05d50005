"""Pictures from files: three formats, damage told, nothing taken for a colour photograph that is none."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
import simplejpeg
from PIL import Image
from scipy.ndimage import gaussian_filter

from made_up_data import noise
from marrowcount.errors import DatasetError
from marrowcount.slides.geometry import SizePx
from marrowcount_adapters.dataset_files.pictures import picture_size, pictures_under, read_picture, write_picture
from marrowcount_adapters.dataset_files.tears import torn_at

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.ports import Picture


@pytest.fixture(scope="module")
def smear() -> Picture:
    """Soft shapes of all sizes, as a photograph has them, without straight edges."""
    rng = np.random.default_rng(4)
    layers = (gaussian_filter(rng.normal(size=(256, 320, 3)), (s, s, 0)) * s * 35 for s in (1.5, 4, 12))
    return np.clip(170 + sum(layers), 0, 255).astype(np.uint8)


def saved(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)
    return path


def fault(path: Path) -> DatasetError:
    with pytest.raises(DatasetError) as failure:
        read_picture(path)
    assert str(path) in failure.value.message
    return failure.value


@pytest.mark.parametrize("suffix", [".png", ".tif", ".PNG", ".tiff"])
def test_lossless_pictures_are_read_exactly(tmp_path: Path, suffix: str) -> None:
    """PNG and TIFF give the pixels that went in, (rows, columns, 3)."""
    path = saved(tmp_path / f"a{suffix}", Image.fromarray(noise(1)))
    assert np.array_equal(read_picture(path), noise(1))
    assert picture_size(path) == SizePx(40, 30)
    assert pictures_under(tmp_path) == (path,)


def test_jpeg_is_read(tmp_path: Path, smear: Picture) -> None:
    """JPEG comes out within what its compression changes."""
    path = saved(tmp_path / "a.jpg", Image.fromarray(smear), quality=97, subsampling=0)
    assert np.abs(read_picture(path).astype(int) - smear).mean() < 2


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """A PNG of ours is the picture."""
    write_picture(tmp_path / "deep" / "a.png", noise(2))
    assert np.array_equal(read_picture(tmp_path / "deep" / "a.png"), noise(2))


def test_opaque_and_palette_pictures_are_colour(tmp_path: Path) -> None:
    """An alpha channel that hides nothing and a palette are ways of writing colour."""
    opaque = np.dstack([noise(1), np.full((30, 40), 255, np.uint8)])
    assert np.array_equal(read_picture(saved(tmp_path / "a.png", Image.fromarray(opaque))), noise(1))
    few = Image.fromarray(noise(1) // 128 * 200).convert("P", palette=Image.Palette.ADAPTIVE)
    assert np.array_equal(read_picture(saved(tmp_path / "p.png", few)), noise(1) // 128 * 200)


def test_other_kinds_are_refused(tmp_path: Path) -> None:
    """Grey, 16 bit, transparent, turned and several pictures in one: each would be guessed at."""
    turned = Image.Exif()
    turned[0x0112] = 6
    clear = np.dstack([noise(1), np.full((30, 40), 100, np.uint8)])
    colour = Image.fromarray(noise(1))
    kinds = [
        saved(tmp_path / "grey.png", Image.fromarray(noise(1)[..., 0])),
        saved(tmp_path / "deep.png", Image.fromarray(noise(1)[..., 0].astype(np.uint16) * 200)),
        saved(tmp_path / "clear.png", Image.fromarray(clear)),
        saved(tmp_path / "turned.jpg", colour, exif=turned),
        saved(tmp_path / "pages.tif", colour, save_all=True, append_images=[colour]),
        saved(tmp_path / "print.jpg", colour.convert("CMYK")),
    ]
    assert {fault(path).code for path in kinds} == {"picture-unsupported"}


def test_damage_is_told(tmp_path: Path, smear: Picture) -> None:
    """An empty file, no picture, and each format cut short."""
    for name in ("a.jpg", "a.png", "a.tif"):
        path = saved(tmp_path / name, Image.fromarray(smear))
        content = path.read_bytes()
        for damaged in (b"", b"not a picture", content[:50], content[: len(content) // 2]):
            path.write_bytes(damaged)
            assert fault(path).code == "picture-damaged"
    assert fault(tmp_path / "nothing.png").code == "picture-missing"


def test_huge_pictures_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    """A header that claims 400 megapixels is not believed into an allocation."""
    path = saved(tmp_path / "a.png", Image.fromarray(noise(1)))
    content = path.read_bytes()
    header = b"IHDR" + struct.pack(">II", 20_000, 20_000) + content[24:29]
    path.write_bytes(content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:])
    assert fault(path).code == "picture-too-large"


def broken_part_way(picture: Picture, seed: int) -> Picture:
    """What a decoder shows of a JPEG a few bytes of whose data were lost, saved again without loss."""
    data = bytearray(simplejpeg.encode_jpeg(np.ascontiguousarray(picture), 98, "RGB", "420"))
    place = len(data) // 3 + seed * 37
    del data[place : place + 40]
    with Image.open(io.BytesIO(data)) as opened:
        return np.array(opened.convert("RGB"))


@pytest.mark.parametrize("row", [8, 96, 104, 248])
def test_a_tear_is_found_where_it_is(smear: Picture, tmp_path: Path, row: int) -> None:
    """What lies below a block's edge shifted aside is told with its row, unless torn pictures are wanted."""
    torn = np.vstack([smear[:row], np.roll(smear[row:], 90, axis=1)])
    assert torn_at(torn) == row
    path = saved(tmp_path / "a.png", Image.fromarray(torn))
    found = fault(path)
    assert (found.code, f"row {row}" in found.message) == ("picture-damaged", True)
    assert np.array_equal(read_picture(path, torn_too=True), torn)


def test_broken_jpeg_data_are_found_often(smear: Picture) -> None:
    """Lost bytes do not always show; where they shift or discolour the rest, they are found. Whole smears never are."""
    torn = [broken_part_way(smear, seed) for seed in range(12)]
    assert sum(torn_at(picture) is not None for picture in torn) >= 5
    assert torn_at(smear) is None


def test_a_drawn_border_is_no_tear(smear: Picture) -> None:
    """Pictures brought to a square by bars of one colour, as many exports are, are whole."""
    barred = smear.copy()
    barred[:40], barred[-48:] = 0, 114
    assert torn_at(barred) is None
