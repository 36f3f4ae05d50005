"""``marrowcount study active-learning``: the paper's table 4 on the phantom, round by round, arm by arm."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from marrowcount.active_learning import DEFAULT_STRATEGIES, Strategy, StudyRound, study_lines
from marrowcount.errors import SettingsError
from marrowcount.main.active_study_rounds import StudyRounds
from marrowcount.main.active_study_tiles import drawn_tiles
from marrowcount_adapters.learning_curve import draw_learning_curve, round_content

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from marrowcount.main.active_study_tiles import StudyTiles

__all__ = ["StudyRequest", "run_active_study"]

ACTIVE: Final = "active"
SETTINGS_FILE: Final = "study.json"
REPORT: Final = "active-learning-study"
POOL_SEED: Final = 300_000
HELD_OUT_SEED: Final = 400_000
"""First seeds of the slides, far from those that the shipped models have seen."""
FREE: Final = frozenset({"work", "out", "arms", "iterations", "threads"})
"""What may change when a study goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRequest:
    """What is asked; the sizes of the paper are the defaults.

    Attributes:
        work: folder of slides, models and rounds, to go on from.
        out: folder of the report.
        arms: ``active``, or the name of a strategy.
        iterations: rounds, the first set being one.
        tiles: chosen in each round after the first.
        first_tiles: of the first set.
        candidates: tiles of the pool, drawn afresh in each round, that the model looks at.
        views: from how many sides.
        pool_slides: of each profile, to choose from.
        held_out_slides: of each profile, to measure on.
        slide_px: side of a slide.
        first_steps: of training on the first set.
        steps: of training in each round after that, which goes on from the round before.
        batch: pictures a step.
        rate: of learning, at its peak, in the first training.
        later_rate: in those after it: a high one would undo what was learnt before.
        threshold: probability from which an object is pre-labelled.
        seed: of everything.
        threads: of the network.
        start: weights that the first training begins with; None for random ones.
    """

    work: Path
    out: Path
    arms: tuple[str, ...]
    iterations: int
    tiles: int
    first_tiles: int
    candidates: int
    views: int
    pool_slides: int
    held_out_slides: int
    slide_px: int
    first_steps: int
    steps: int
    batch: int
    rate: float
    later_rate: float
    threshold: float
    seed: int
    threads: int
    start: Path | None = None

    def strategies(self, arm: str) -> Mapping[Strategy, float]:
        """What an arm chooses by.

        Raises:
            SettingsError: ``wrong-setting``.
        """
        if arm == ACTIVE:
            return DEFAULT_STRATEGIES
        try:
            return {Strategy(arm): 1.0}
        except ValueError:
            raise SettingsError("wrong-setting", f"arm = {arm!r}: one of {', '.join([ACTIVE, *Strategy])}") from None


def run_active_study(request: StudyRequest, console: Console) -> Sequence[StudyRound]:
    """Do what is not done yet, round by round over all arms, and write the report after each round.

    Raises:
        DatasetError: a round on disk is malformed.
        ModelError: a checkpoint is.
        SettingsError: ``wrong-setting``; ``study-differs``: the folder holds a study with other settings.
    """
    strategies = {arm: request.strategies(arm) for arm in request.arms}
    _require_same(request)
    pool_seed, held_out_seed = POOL_SEED + 1000 * request.seed, HELD_OUT_SEED + 1000 * request.seed
    pool = drawn_tiles(
        request.work / "pool", range(pool_seed, pool_seed + request.pool_slides), request.slide_px, console
    )
    held_out = drawn_tiles(
        request.work / "held-out",
        range(held_out_seed, held_out_seed + request.held_out_slides),
        request.slide_px,
        console,
    )
    rounds = StudyRounds(request, pool, held_out, console)
    done: list[StudyRound] = []
    for number in range(1, request.iterations + 1):
        done += [rounds.done(arm, strategies[arm], number) for arm in request.arms]
        in_order = sorted(done, key=lambda one: request.arms.index(one.arm))
        _write_report(request, [*_header(request), *_sizes(request, pool, held_out)], in_order, console)
    return done


def _require_same(request: StudyRequest) -> None:
    settings = {name: value for name, value in asdict(request).items() if name not in FREE}
    settings["start"] = None if request.start is None else str(request.start)
    path = request.work / SETTINGS_FILE
    request.work.mkdir(parents=True, exist_ok=True)
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else settings
    differing = sorted(name for name in settings | before if settings.get(name) != before.get(name))
    if differing:
        raise SettingsError(
            "study-differs",
            f"{request.work} holds a study with other values of {', '.join(differing)}; go on with the same ones, or "
            "name another --work",
        )
    path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def _write_report(request: StudyRequest, head: Sequence[str], rounds: Sequence[StudyRound], console: Console) -> None:
    """Text, figures and picture; each beside and then in its place."""
    content = {"command": _command(request), "rounds": [round_content(one) for one in rounds]}
    picture = request.out / "images" / f"{REPORT}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    files = {
        picture: draw_learning_curve(rounds),
        request.out / f"{REPORT}.json": (json.dumps(content, indent=1) + "\n").encode(),
        request.out / f"{REPORT}.md": "\n".join([*head, *study_lines(rounds), ""]).encode(),
    }
    for path, data in files.items():
        partial = path.with_name(f".{path.name}.partial")
        partial.write_bytes(data)
        partial.replace(path)
    for one in rounds[-1:] if len(rounds) == 1 else rounds:
        if one.number == max(each.number for each in rounds):
            console.print(
                f"{one.arm}, iteration {one.number}: {one.objects} objects, mAP {one.mean:.3f}", highlight=False
            )
    console.print(f"written to {request.out / REPORT}.md", soft_wrap=True)


def _header(request: StudyRequest) -> Iterator[str]:
    yield "# Active learning on the phantom"
    yield ""
    yield (
        f"Written by `{_command(request)}`. All figures are phantom figures: the labels are the drawn truth, "
        "so that no expert's slip is in them."
    )
    yield ""
    yield (
        "All arms begin with one model, trained on one first set drawn by chance. In each iteration the model of the "
        "one before sees tiles of the pool, tiles are chosen and labelled, and training goes on for the same number of "
        "steps from the weights before, on all tiles labelled so far. `active` chooses a third of the tiles each by "
        "expected error reduction, rare classes and disagreement; `random` by chance, under the same rules of spread "
        "([how](active-learning.md)). Intervals are bootstrapped over held-out slides: they do not know of the chance "
        "in training and choosing, of which this is one draw."
    )
    yield ""
    yield f"![mAP against labelled objects](images/{REPORT}.png)"
    yield ""


def _sizes(request: StudyRequest, pool: StudyTiles, held_out: StudyTiles) -> Iterator[str]:
    """What a reader must know to judge the curve."""
    slides = len({where.group for where in pool.where}), len({where.group for where in held_out.where})
    begin = f"the weights of {request.start.name}" if request.start else "random weights"
    yield (
        f"Chosen from {len(pool)} fit tiles of {slides[0]} slides; measured on {len(held_out)} tiles of {slides[1]} "
        f"others, {request.slide_px} px each. The first training took {request.first_steps} steps of "
        f"{request.batch} parts of tiles from {begin}, each later one {request.steps}. Labels add up over the "
        "iterations, and so do the steps: within an arm nobody can tell which helped; arms differ in labels alone."
    )
    yield ""


def _command(request: StudyRequest) -> str:
    """What was asked, as it is typed."""
    flags = {name: value for name, value in asdict(request).items() if name not in {"work", "out", "arms"}}
    typed = [f"--{name.replace('_', '-')} {value}" for name, value in flags.items() if value is not None]
    return " ".join(["marrowcount study active-learning", *(f"--arm {arm}" for arm in request.arms), *typed])
