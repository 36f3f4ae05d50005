"""``marrowcount phantom``: draw a slide of known truth and write it as a scanner would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.errors import SettingsError
from marrowcount.main.progress import progress_bar
from marrowcount.phantom import PROFILES, PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount_adapters.wsm_writer import write_phantom, write_truth

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

__all__ = ["TRUTH_FILE", "draw_phantom"]

TRUTH_FILE: Final = "truth.json"


def draw_phantom(out: Path, profile: str, seed: int, size: int, console: Console) -> PhantomSlide:
    """Draw and write the slide and its truth.

    Raises:
        SettingsError: there is no such profile.
    """
    if profile not in PROFILES:
        raise SettingsError("wrong-setting", f"profile = {profile!r}: one of {', '.join(PROFILES)}")
    slide = PhantomSlide(profile, seed, SizePx(size, size))
    out.mkdir(parents=True, exist_ok=True)
    with progress_bar(console) as bar:
        task = bar.add_task(f"drawing a {profile} marrow, {size} x {size} px", total=1.0)
        files = write_phantom(slide, out, progress=lambda share: bar.update(task, completed=share))
    write_truth(slide, out / TRUTH_FILE)
    suitable = sum(tile.roi for tile in slide.tiles)
    console.print(
        f"  {out}: {len(files)} DICOM files, {len(slide.objects)} objects, {suitable} of {len(slide.tiles)} tiles fit "
        f"for cytology; the truth is in {TRUTH_FILE}"
    )
    return slide
