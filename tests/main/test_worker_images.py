"""Which files of a slide a worker counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from marrowcount.main.slide_images import SlideImages
from marrowcount.slides.geometry import SizePx
from marrowcount.testing import InMemoryLedger, TemporaryStore, made_up_instance

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
SLIDE = "1.2.3"


def test_a_level_with_a_gap_is_not_counted_from(tmp_path: Path) -> None:
    """A person accepted the slide as it is: its whole levels and its label are counted from, a broken level is not."""
    ledger, store = InMemoryLedger(), TemporaryStore(tmp_path)
    label = made_up_instance(SLIDE, 3, NOW)
    broken = made_up_instance(SLIDE, 2, NOW)
    for instance in (
        made_up_instance(SLIDE, 1, NOW),
        replace(broken, facts=replace(broken.facts, matrix=SizePx(1024, 1024), number_of_frames=3)),
        replace(label, facts=replace(label.facts, image_type=("ORIGINAL", "PRIMARY", "LABEL", "NONE"))),
    ):
        ledger.record_instance(instance)
    names = [path.name for path in SlideImages(ledger, store, SLIDE).files]
    assert names == [f"{SLIDE}.1.dcm", f"{SLIDE}.3.dcm"]
