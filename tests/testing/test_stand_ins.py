"""The shipped stand-ins do what their users count on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from giving import given
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import PeerError, StorageError
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox, SizePx
from marrowcount.slides.tiles import Tile
from marrowcount.testing import (
    HeldClock,
    PictureSlide,
    RecordingDestination,
    RecordingProgress,
    ScriptedCellModel,
    ScriptedRoiModel,
    TemporaryStore,
)


def picture(rows: int, columns: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    ramp = np.arange(rows * columns * 3, dtype=np.uint32) % 251
    return ramp.astype(np.uint8).reshape(rows, columns, 3)


def test_a_picture_slide_reads_its_tiles() -> None:
    """A tile is the part of the picture at its place."""
    base = picture(1100, 1600)
    slide = PictureSlide(base)
    assert slide.size == SizePx(width=1600, height=1100)
    assert np.array_equal(slide.read(Tile(row=1, column=2)), base[512:1024, 1024:1536])


def test_its_overview_spans_the_whole_picture() -> None:
    """One of its pixels spans as many base pixels as it says; a tile spans 16 to 64 of them."""
    overview, span = PictureSlide(picture(1024, 2048)).overview()
    assert overview.shape[:2] == (1024 / span, 2048 / span)
    assert 16 <= 512 / span <= 64


def test_it_knows_that_it_was_closed() -> None:
    """A leak of slides can be tested for."""
    slide = PictureSlide(picture(8, 8))
    assert not slide.closed
    slide.close()
    assert slide.closed


def test_scripted_models_say_what_they_are_told() -> None:
    """Below the threshold nothing is found."""
    sure, unsure = (Detection(CellType.BLAST, PixelBox(0, 0, 9, 9), p) for p in (0.5, 0.4))
    model = ScriptedCellModel(lambda _: [sure, unsure], threshold=0.5)
    assert model.detect(picture(8, 8)) == [sure]
    roi = ScriptedRoiModel(lambda seen: float(seen[0, 0, 0]) / 250)
    assert roi.probabilities([picture(8, 8), picture(8, 8) + 25]) == [0.0, 0.1]


def test_a_destination_fails_as_often_as_it_is_told() -> None:
    """Then it takes what it is sent, and remembers it."""
    pacs = RecordingDestination("pacs", PeerError("down", "no answer"), PeerError("down", "no answer"))
    for call in (lambda: given(pacs, [Path("a")]), pacs.check):
        with pytest.raises(PeerError):
            call()
    assert pacs.check()
    assert given(pacs, [Path("a"), Path("b")]).commitment_uid == ""
    assert pacs.sent == [(Path("a"), Path("b"))]


def test_a_clock_stands_until_it_is_moved() -> None:
    """Tests hold the time."""
    clock = HeldClock()
    before = clock.now()
    assert clock.now() == before
    assert clock.advance(90) == clock.now()
    assert (clock.now() - before).total_seconds() == 90


def test_progress_is_remembered() -> None:
    """Each message, in order."""
    progress = RecordingProgress()
    progress.tile_counted(3, 1, 12, 1.0)
    progress.tile_counted(5, 2, 30, 0.5)
    assert progress.heard == [(3, 1, 12, 1.0), (5, 2, 30, 0.5)]


def test_a_full_store_keeps_nothing(tmp_path: Path) -> None:
    """A full disk can be tested for."""
    store = TemporaryStore(tmp_path)
    store.full = True
    file = store.incoming / "partial"
    file.write_bytes(b"slide")
    with pytest.raises(StorageError, match="disk-full"):
        store.keep(file, "1.2.3", "1.2.3.4")
    assert store.free_bytes() == 0
    assert file.exists()
