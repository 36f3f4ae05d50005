"""Progress on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from marrowcount.ports import Progress as ProgressPort

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

__all__ = ["ConsoleProgress", "progress_bar"]


class ConsoleProgress(ProgressPort):
    """A line that tells how far a count has come; use it as a context."""

    def __init__(self, console: Console) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._task = self._progress.add_task("reading the slide", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def tile_counted(self, tiles_looked_at: int, tiles_counted: int, cells: int, distance: float) -> None:
        """Hear of one more tile."""
        said = f"{tiles_looked_at} tiles looked at, {tiles_counted} counted, {cells} objects, distance {distance:.1e}"
        self._progress.update(self._task, description=said)


def progress_bar(console: Console) -> Progress:
    """A bar for work whose end is known."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=console, transient=True)
