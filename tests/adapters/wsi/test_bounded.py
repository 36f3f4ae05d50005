"""What a file announces costs nothing; only what is there does, and that within limits."""

from __future__ import annotations

import tracemalloc
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from fuzz_seeds import files
from marrowcount.errors import InstanceError
from marrowcount_adapters.wsi import bounded
from marrowcount_adapters.wsi.header import read_context, read_facts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEEDS = files()
MIB = 1 << 20


def peak_mib(work: Callable[[], object]) -> float:
    """Most memory that Python held at a time meanwhile."""
    tracemalloc.start()
    try:
        with suppress(InstanceError):
            work()
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", sorted(name for name in SEEDS if name.startswith(("length-4-gib", "endless"))))
@pytest.mark.parametrize("read", [read_facts, read_context])
def test_an_announced_length_is_not_allocated(tmp_path: Path, name: str, read: Callable[[Path], object]) -> None:
    """A few bytes that announce four gigabytes take a few bytes."""
    path = tmp_path / "a.dcm"
    path.write_bytes(SEEDS[name])
    assert peak_mib(lambda: read(path)) < 8


def test_a_deflated_data_set_is_read(tmp_path: Path) -> None:
    """As any other."""
    path = tmp_path / "a.dcm"
    path.write_bytes(SEEDS["deflated"])
    assert read_facts(path).sop_instance_uid == "1.2.3.4"
    assert read_facts(path).transfer_syntax_uid.endswith(".99")


def test_a_deflated_bomb_does_not_go_off(tmp_path: Path) -> None:
    """A quarter of a megabyte that unfolds to 256 is looked at as far as headers go."""
    path = tmp_path / "a.dcm"
    start = 144 + int.from_bytes(SEEDS["deflated"][140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    begun = packer.compress(b"\x08\0\x05\0UT\0\0" + (256 * MIB).to_bytes(4, "little"))
    bomb = begun + b"".join(packer.compress(bytes(MIB)) for _ in range(256)) + packer.flush()
    path.write_bytes(SEEDS["deflated"][:start] + bomb)
    assert peak_mib(lambda: read_facts(path)) < 6 * bounded.MOST_INFLATED / MIB


@pytest.mark.parametrize("cut", [0, 100, 140, 143, 150, 300])
def test_a_deflated_file_that_breaks_off_is_no_dicom(tmp_path: Path, cut: int) -> None:
    """Wherever it ends."""
    path = tmp_path / "a.dcm"
    path.write_bytes(SEEDS["deflated"][:cut])
    with pytest.raises(InstanceError):
        read_facts(path)


def test_a_header_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gigabytes of undefined length before the identifiers are read up to a limit, not into memory."""
    monkeypatch.setattr(bounded, "MOST_READ", 4 * MIB)
    path = tmp_path / "a.dcm"
    explicit = SEEDS["bad-vr"][: 144 + int.from_bytes(SEEDS["bad-vr"][140:144], "little")]
    path.write_bytes(explicit + b"\x09\0\x10\x10OB\0\0\xff\xff\xff\xff" + bytes(64 * MIB))
    with pytest.raises(InstanceError):
        read_facts(path)
    assert peak_mib(lambda: read_facts(path)) < 16


def test_a_header_of_a_million_elements_is_given_up(tmp_path: Path) -> None:
    """A few deflated kilobytes would cost seconds of a processor."""
    path = tmp_path / "a.dcm"
    start = 144 + int.from_bytes(SEEDS["deflated"][140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    path.write_bytes(SEEDS["deflated"][:start] + packer.compress(b"\x08\0\x60\0CS\0\0" * 1_000_000) + packer.flush())
    with pytest.raises(InstanceError, match="not-dicom"):
        read_facts(path)
