"""Levels of more than 4 GiB, whose later frames no basic offset table can reach (PS3.5 A.4)."""

# ruff: noqa: ANN401 - fixtures of conftest, whose types cannot be imported in importlib mode

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from marrowcount_adapters.wsi.header import read_facts
from marrowcount_adapters.wsi.slide import open_slide
from slide_files import with_huge_frames

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1 << 30


@pytest.fixture(params=[True, False], ids=["extended-offset-table", "no-offset-table"])
def huge(request: pytest.FixtureRequest, series: Any, picture: Any, tmp_path: Path) -> Path:
    """A level of four frames, 4.4 GiB long, that takes no space on the disk."""
    (small,) = series.level(picture(2048, 512), frame=512, offset_table=False)
    return with_huge_frames(small, tmp_path / "huge.dcm", 11 * GIB // 5, extended=request.param)


def test_facts_of_a_huge_level_are_read_without_its_frames(huge: Path) -> None:
    """Whatever follows the header, reading it takes the same time and memory."""
    assert huge.stat().st_size > 4 * GIB
    assert read_facts(huge).number_of_frames == 4


def test_frames_beyond_4_gib_are_read_at_their_place(huge: Path, picture: Any) -> None:
    """The last frame lies where 32 bits do not reach."""
    with open_slide(huge) as slide:
        last = slide._pixels.read(1536, 0, 512, 512)
    truth = picture(2048, 512)[:, 1536:]
    assert np.abs(last.astype(int) - truth).mean() < 4  # JPEG
