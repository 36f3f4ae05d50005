"""What the present model sees on the tiles of a pool."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final

from marrowcount.active_learning import Candidate, likeness_of, look, marks_of
from marrowcount.evaluation import FramedPicture
from marrowcount.main.judging import rescaled
from marrowcount.main.models import GPU_DRIVER, bundled_models
from marrowcount.main.progress import progress_bar
from marrowcount.settings import CountSection
from marrowcount.slides.detections import Detection
from marrowcount.slides.geometry import PixelBox
from marrowcount.slides.manifest import read_manifest
from marrowcount_adapters import onnx_models
from marrowcount_adapters.dataset_store.layout import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from marrowcount.active_learning import PoolTile, TilePool
    from marrowcount.ports import CellModel, Picture

__all__ = ["Excluded", "Eye", "LookedAt", "load_cell_model", "look_at"]

HELD_OUT: Final = "their patient, slide or picture serves validation or test"
LABELLED: Final = "labelled or chosen already"
REPEATED: Final = "the same pixels as another tile"


@dataclass(frozen=True, slots=True)
class Excluded:
    """What is not to be looked at.

    Attributes:
        names: of tiles that are labelled or chosen already.
        digests: of their pixels.
        held_out: marks of patients, groups and pictures that serve validation or test.
    """

    names: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()
    held_out: frozenset[tuple[str, str]] = frozenset()

    def why(self, tile: PoolTile, digest: str) -> str:
        """Why a tile is left out; empty where it is not. The digest may be empty while the pixels are unread."""
        if self.held_out & marks_of(tile.patient, tile.group, digest):
            return HELD_OUT
        return LABELLED if tile.name in self.names or digest in self.digests else ""


@dataclass(frozen=True, slots=True)
class Eye:
    """The model, and how it looks.

    Attributes:
        model: with a low threshold.
        threshold: probability from which an object counts.
        views: sides from which it looks.
    """

    model: CellModel
    threshold: float
    views: int

    def find(self, picture: Picture, *, um_per_px: float | None) -> Sequence[Detection]:
        """Objects on a picture of any size, tile by tile at the model's resolution; boxes in the picture's pixels."""
        scaled, factor = rescaled(picture, um_per_px)
        framed = FramedPicture.of(scaled)
        found = framed.merged({tile: self.model.detect(pixels) for tile, pixels in framed.tiles()}, self.threshold)
        return tuple(_unscaled(found, factor))


@dataclass(frozen=True, slots=True)
class LookedAt:
    """The candidates, and how many tiles were left out, by reason."""

    candidates: tuple[Candidate, ...]
    left_out: Mapping[str, int]


def load_cell_model(folder: Path | None, least_probability: float, threads: int) -> tuple[CellModel, float]:
    """The model with a low threshold, and the threshold from which an object counts.

    Args:
        folder: of a packaged model; None for the bundled one.
        least_probability: from which finds are taken into account.
        threads: of one inference on the processor.

    Raises:
        ModelError: it cannot be loaded.
    """
    where = folder or bundled_models() / CountSection().cell_model
    threshold = read_manifest(where).threshold
    least = min(least_probability, threshold)
    if GPU_DRIVER.exists():
        model: CellModel = import_module("marrowcount_adapters.ultralytics_models").load_cell_model(
            where, threshold=least
        )
        return model, threshold
    return onnx_models.load_cell_model(where, threads=threads, threshold=least), threshold


def look_at(pool: TilePool, eye: Eye, excluded: Excluded, console: Console) -> LookedAt:
    """Look at every tile of a pool that is not excluded.

    Raises:
        DatasetError: a picture is missing, damaged or altered.
        SlideError: a slide's frames are.
    """
    left_out = Counter(why for tile in pool.tiles if (why := excluded.why(tile, tile.digest)))
    tiles = [tile for tile in pool.tiles if not excluded.why(tile, tile.digest)]
    candidates: dict[str, Candidate] = {}
    with progress_bar(console) as bar:
        task = bar.add_task(f"looking at {len(tiles)} tiles from {eye.views} sides", total=len(tiles))
        for tile in tiles:
            picture = pool.read(tile)
            digest = digest_of(picture)
            why = excluded.why(tile, digest) or (REPEATED if digest in candidates else "")
            if why:
                left_out[why] += 1
            else:
                seen = look(picture, partial(eye.find, um_per_px=tile.um_per_px), eye.views)
                candidates[digest] = Candidate(tile, digest, likeness_of(picture), seen)
            bar.advance(task)
    return LookedAt(tuple(candidates.values()), dict(left_out))


def _unscaled(found: Sequence[Detection], factor: float) -> Iterator[Detection]:
    for one in found:
        sides = (one.box.left, one.box.top, one.box.right, one.box.bottom)
        yield Detection(one.cell_type, PixelBox(*(side / factor for side in sides)), one.probability)
