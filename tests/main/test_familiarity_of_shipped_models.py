"""The gate at run time with the shipped models and the ranges in their manifest, on drawn slides of known flaws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from marrowcount.errors import Refusal, SlideError
from marrowcount.main.models import load_models, seen_in_training
from marrowcount.phantom import PROFILES, PhantomSlide
from marrowcount.settings import CountSection
from marrowcount.slides.familiarity import Feature, features_of, strangers
from marrowcount.slides.geometry import SizePx
from marrowcount.testing import HeldClock, PictureSlide
from marrowcount.workflow.count import CountSettings, count_slide

if TYPE_CHECKING:
    from collections.abc import Callable

    from marrowcount.ports import CellModel, Picture, RoiModel
    from marrowcount.result import CountResult
    from marrowcount.slides.tiles import Tile

SEED = 9_300
"""Of slides that no model was trained, validated or measured on."""
SECTION = CountSection()
SEEN = seen_in_training(SECTION)


class AlteredSlide(PictureSlide):
    """A phantom slide whose tiles went through something."""

    def __init__(self, altered: Callable[[Picture], Picture]) -> None:
        super().__init__(np.zeros((3072, 3072, 3), np.uint8))
        self._phantom, self._altered = PhantomSlide("aml", SEED, self.size), altered

    @property
    def fit(self) -> list[Tile]:
        return [place.tile for place in self._phantom.tiles if place.roi]

    def read(self, tile: Tile) -> Picture:
        return np.ascontiguousarray(self._altered(self._phantom.read(tile)))


@pytest.fixture(scope="module")
def models() -> tuple[RoiModel, CellModel]:
    return load_models(SECTION.model_copy(update={"runtime": "onnx"}))


def count(
    models: tuple[RoiModel, CellModel], altered: Callable[[Picture], Picture], refused_distance: float = 4.0
) -> CountResult:
    slide = AlteredSlide(altered)
    settings = CountSettings(workers=1, seen=SEEN, refused_distance=refused_distance)
    return count_slide(slide, slide.fit, models, settings, clock=HeldClock())


def codes(result: CountResult) -> set[str]:
    return {warning.partition(":")[0] for warning in result.warnings} & set(Feature)


def dyed(*factors: float) -> Callable[[Picture], Picture]:
    """Every colour's optical density times its factor: another dye."""

    def dye(picture: Picture) -> Picture:
        density = -np.log10((picture.astype(np.float64) + 1) / 256) * factors
        return np.clip(256 * 10**-density - 1, 0, 255).astype(np.uint8)

    return dye


def blurred(sigma_px: float) -> Callable[[Picture], Picture]:
    return lambda picture: np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.uint8)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_of_the_phantom_is_familiar(profile: str) -> None:
    """No drawn slide is warned of, by the number of cells that are truly on its tiles."""
    slide = PhantomSlide(profile, SEED, SizePx(2560, 2560))
    fit = [place.tile for place in slide.tiles if place.roi]
    assert fit
    assert not strangers([features_of(slide.read(tile), len(slide.objects_in(tile))) for tile in fit], SEEN)


def test_a_sharp_slide_is_counted_without_a_word(models: tuple[RoiModel, CellModel]) -> None:
    """What the models know passes both of them and the gate."""
    assert codes(count(models, lambda picture: picture)) == set()


def test_a_slide_out_of_focus_is_refused(models: tuple[RoiModel, CellModel]) -> None:
    """A blur of half a micrometre: the ROI model accepts no tile, so that nothing is counted on a guess."""
    with pytest.raises(SlideError) as caught:
        count(models, blurred(2))
    assert caught.value.refusal is Refusal.NO_SUITABLE_REGION


def test_tiles_out_of_focus_are_unfamiliar_too(models: tuple[RoiModel, CellModel]) -> None:
    """Where a ROI model lets a blur of 2 um pass, the gate warns of it; its ranges are too wide for a lesser blur."""
    slide = AlteredSlide(blurred(8))
    pictures = [slide.read(tile) for tile in slide.fit]
    found = strangers([features_of(picture, len(models[1].detect(picture))) for picture in pictures], SEEN)
    assert Feature.FOCUS in {one.feature for one in found}


def test_another_stain_is_warned_of(models: tuple[RoiModel, CellModel]) -> None:
    """Brown, as of an enzyme: the count stands, with a warning by code."""
    assert Feature.BLUE in codes(count(models, dyed(0.6, 1, 2)))


def test_another_stain_is_refused_where_the_setting_says_so(models: tuple[RoiModel, CellModel]) -> None:
    """The same with the distance set to the edge of what training saw."""
    with pytest.raises(SlideError) as caught:
        count(models, dyed(0.6, 1, 2), refused_distance=1)
    assert caught.value.refusal is Refusal.UNFAMILIAR
    assert Feature.BLUE in caught.value.message


def test_a_stain_far_off_is_refused(models: tuple[RoiModel, CellModel]) -> None:
    """Six times as yellow: refused by the default distance."""
    with pytest.raises(SlideError) as caught:
        count(models, dyed(1, 1, 6))
    assert caught.value.refusal is Refusal.UNFAMILIAR
