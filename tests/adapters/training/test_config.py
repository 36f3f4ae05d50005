"""The configuration of a training: one file, flags that win, and complaints that name the key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from marrowcount.errors import SettingsError
from marrowcount_adapters.training.config import Augmentation, CellTraining, DataSource, RoiTraining, read_training

DOCS = Path(__file__).parents[3] / "docs" / "training.md"
MINIMUM = 'out = "run"\n[[data]]\nfolders = ["set"]\n'


def read(tmp_path: Path, text: str, **flags: object) -> CellTraining:
    file = tmp_path / "cells.toml"
    file.write_text(text, encoding="utf-8")
    return read_training(CellTraining, file, flags)


def test_the_defaults_of_the_roi_model_are_the_papers() -> None:
    """AdamW at 0.0001 with decay 0.0005, one rate, 20 epochs of batches of 32, positives over-sampled to 29 %."""
    config = read_training(RoiTraining, None, {"out": "run", "data": [{"folders": ["set"]}]})
    assert (config.learning_rate, config.weight_decay, config.schedule) == (1e-4, 5e-4, "constant")
    assert (config.epochs, config.batch, config.recall_floor) == (20, 32, 0.78)
    assert config.fit_share == pytest.approx(28_500 / 98_750, abs=0.005)


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    """And a flag that was not given (None) does not."""
    config = read(tmp_path, "batch = 4\nseed = 7\n" + MINIMUM, batch=9, seed=None)
    assert (config.batch, config.seed) == (9, 7)


def test_the_configuration_is_frozen(tmp_path: Path) -> None:
    """Read once."""
    with pytest.raises(ValidationError):
        read(tmp_path, MINIMUM).seed = 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MINIMUM + "weigth = 2\n", ["data.0.weigth", "weight"]),
        ("[augmentation]\nstains = 2\n" + MINIMUM.replace("out", "out_"), ["augmentation.stains", "stain", "out"]),
        ('size = "huge"\n' + MINIMUM, ["size"]),
        ("[augmentation]\nmosaics = 0.9\ncutmixes = 0.9\n" + MINIMUM, ["mosaics", "cutmixes"]),
        ('out = "run"\n', ["data", "missing"]),
        ("batch = 0\n" + MINIMUM, ["batch"]),
    ],
)
def test_a_wrong_key_is_refused_by_name(tmp_path: Path, text: str, words: list[str]) -> None:
    """With what is allowed in its place."""
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    assert caught.value.code == "wrong-setting"
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"out ="])
def test_an_unreadable_file_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    """Missing, not UTF-8, not TOML."""
    file = tmp_path / "cells.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"cells\.toml") as caught:
        read_training(CellTraining, file, {})
    assert caught.value.code == "unreadable-settings"


@pytest.mark.parametrize("section", [CellTraining, RoiTraining, DataSource, Augmentation])
def test_every_key_stands_in_the_documentation(section: type[BaseModel]) -> None:
    """A key that nobody can read of is not there; each says its meaning where it is declared, too."""
    text = DOCS.read_text(encoding="utf-8")
    assert [name for name in section.model_fields if f"`{name}`" not in text] == []
    assert [name for name, field in section.model_fields.items() if not field.description] == []
