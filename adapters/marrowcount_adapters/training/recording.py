"""What a run leaves to look at: lines of the log, and the curve of its validations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from matplotlib.figure import Figure

from marrowcount_adapters.training.loop import Judgement, Watcher
from marrowcount_adapters.training.run_folder import CURVE_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes

    from marrowcount_adapters.training.run_folder import RunFolder

__all__ = ["Recorder", "draw_curve"]

SIZE_INCHES: Final = (8.0, 6.0)
FEW: Final = 40
"""Points that are shown as such."""


class Recorder(Watcher):
    """Writes to the run's folder what it hears, and passes it on."""

    def __init__(self, run: RunFolder, to: Watcher) -> None:
        self._run = run
        self._to = to

    def began(self, step: int, steps: int) -> None:
        """Pass it on."""
        self._to.began(step, steps)

    def stepped(self, step: int, report: Mapping[str, float]) -> None:
        """Log the last batch."""
        self._run.log("step", step, report)
        self._to.stepped(step, report)

    def judged(self, step: int, judgement: Judgement, *, best: bool) -> None:
        """Log the validation and draw the curve anew."""
        self._run.log("validation", step, {**judgement.figures, "score": judgement.score, "best": best})
        draw_curve(self._run)
        self._to.judged(step, judgement, best=best)


def draw_curve(run: RunFolder) -> Path:
    """The losses above, the validation figures below, over the steps; the file is replaced when it is whole."""
    lines = list(run.logged())
    figure = Figure(figsize=SIZE_INCHES, dpi=80)
    above, below = figure.subplots(2, 1, sharex=True)
    _lines(above, [line for line in lines if line["kind"] == "step"], {"loss"})
    judged = [line for line in lines if line["kind"] == "validation"]
    _lines(below, judged, {name for line in judged for name in line} - {"kind", "step", "score", "best", "threshold"})
    above.set_ylabel("loss of a batch")
    below.set(xlabel="step", ylabel="on validation tiles", ylim=(0, 1))
    for best in [int(line["step"]) for line in judged if line["best"]][-1:]:
        below.axvline(best, color="grey", linestyle=":", label="kept")
    if judged:
        below.legend(loc="lower right")
    path = run.path / CURVE_FILE
    partial = path.with_name(f".{path.name}.partial.png")
    figure.savefig(partial)
    partial.replace(path)
    return path


def _lines(axes: Axes, lines: list[dict[str, float | str]], names: set[str]) -> None:
    for name in sorted(names):
        steps, values = ([float(line[key]) for line in lines if name in line] for key in ("step", name))
        axes.plot(steps, values, marker="." if len(steps) < FEW else "", label=name.replace("_", " "))
