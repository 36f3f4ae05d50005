"""How a training goes, on the screen: a bar with the time left, and a line for each validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from marrowcount_adapters.training.loop import Judgement, Watcher

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from rich.console import Console

__all__ = ["TrainingProgress"]


class TrainingProgress(Watcher):
    """A bar on a terminal, lines elsewhere; use it as a context."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        self._console = console
        self._progress = Progress(*columns, console=console, transient=True, speed_estimate_period=600)
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._progress.stop()

    def began(self, step: int, steps: int) -> None:
        """So many steps of so many are done already."""
        self._progress.reset(self._task, total=steps, completed=step)

    def stepped(self, step: int, report: Mapping[str, float]) -> None:
        """Hear of the last batch."""
        said = ", ".join(f"{name} {value:.4g}" for name, value in report.items())
        self._progress.update(self._task, completed=step, description=said)
        if not self._console.is_terminal:
            left = self._progress.tasks[0].time_remaining
            self._console.print(f"step {step}: {said}" + (f", {left / 60:.0f} min left" if left else ""))

    def judged(self, step: int, judgement: Judgement, *, best: bool) -> None:
        """Hear of a validation."""
        said = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in judgement.figures.items())
        self._console.print(f"step {step}, validation: {said}{' (the best so far)' if best else ''}")
