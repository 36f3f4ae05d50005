"""Models are loaded as their manifests say, on the runtime that is asked for."""

from pathlib import Path

import numpy as np
import pytest

from marrowcount.errors import ModelError
from marrowcount.main.models import bundled_models, load_models, verify_models
from marrowcount.phantom import PhantomSlide
from marrowcount.ports import Picture
from marrowcount.settings import CountSection
from marrowcount.slides.geometry import SizePx
from marrowcount_adapters.onnx_models import load_cell_model, load_roi_model


@pytest.fixture(scope="module")
def picture() -> Picture:
    slide = PhantomSlide("normal", 77, SizePx(2048, 2048))
    return slide.read(next(tile.tile for tile in slide.tiles if tile.roi))


def test_both_runtimes_see_the_same(picture: Picture) -> None:
    """onnxruntime and torch give the same probability and the same boxes: within 1e-3 and half a pixel."""
    roi, cells = (bundled_models() / name for name in (CountSection().roi_model, CountSection().cell_model))
    onnx = load_roi_model(roi, file="model.onnx"), load_cell_model(cells, file="model.onnx")
    torch = load_models(CountSection(runtime="torch"))
    assert abs(onnx[0].probabilities([picture])[0] - torch[0].probabilities([picture])[0]) < 1e-3
    ours, theirs = (
        [(d.cell_type, d.box, d.probability) for d in models[1].detect(picture)] for models in (onnx, torch)
    )
    assert len(ours) >= 3
    for (kind, box, probability), (other_kind, other_box, other_probability) in zip(ours, theirs, strict=True):
        assert kind is other_kind
        assert np.allclose(
            [box.left, box.top, box.right, box.bottom],
            [other_box.left, other_box.top, other_box.right, other_box.bottom],
            atol=0.5,
        )
        assert abs(probability - other_probability) < 1e-3


def test_eight_bits_see_nearly_the_same(picture: Picture) -> None:
    """What runs on processors gives the same verdict, and the same objects where it is sure of them."""
    roi, cells = (bundled_models() / name for name in (CountSection().roi_model, CountSection().cell_model))
    eight = load_models(CountSection(runtime="onnx"))
    whole = load_roi_model(roi, file="model.onnx"), load_cell_model(cells, file="model.onnx")
    assert abs(eight[0].probabilities([picture])[0] - whole[0].probabilities([picture])[0]) < 0.1
    ours, theirs = ([d for d in models[1].detect(picture) if d.probability > 0.7] for models in (eight, whole))
    assert len(ours) >= 3
    found = {one.cell_type for one in theirs for other in ours if one.box.intersection_over_union(other.box) > 0.8}
    assert found == {one.cell_type for one in theirs}


def test_the_bundled_models_are_whole() -> None:
    """Their hashes are those of their manifests, and each has a card."""
    for identity in verify_models(CountSection()):
        assert len(identity.sha256) == 64
        assert "phantom" in identity.training_data
        assert (bundled_models() / f"{identity.name}-{identity.version}" / "MODEL_CARD.md").is_file()


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    """Who asks for models that are not there hears which file is missing."""
    with pytest.raises(ModelError, match=r"marrow-roi-0\.3\.0"):
        load_models(CountSection(models_folder=tmp_path))
