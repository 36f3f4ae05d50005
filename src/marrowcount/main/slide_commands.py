"""``marrowcount slide``: what a person decides about a slide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowcount.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from marrowcount.ports import SlideRecord
    from marrowcount.workflow.deciding import Deciding

__all__ = ["slide"]

slide = typer.Typer(
    help="Decide about a slide that does not become complete, or count one again.", no_args_is_help=True
)

Series = Annotated[str, typer.Argument(help="Series Instance UID of the slide, as `marrowcount status` shows it.")]
Reason = Annotated[str, typer.Option(help="Why; stays in the slide's history. No patient data.")]
By = Annotated[str, typer.Option(help="Who decides; stays in the slide's history.")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="TOML settings file.")]


@slide.command()
def resume(
    series: Series,
    reason: Reason,
    by: By,
    *,
    as_it_is: Annotated[
        bool, typer.Option("--as-it-is", help="Count it without what is missing, if a level at 40x is whole.")
    ] = False,
    settings: SettingsFile = None,
) -> None:
    """Wait again for the rest of an incomplete slide, take a discarding back, or count a slide as it is."""
    _decide(settings, lambda deciding: (deciding.accept if as_it_is else deciding.resume)(series, by, reason))


@slide.command()
def discard(series: Series, reason: Reason, by: By, settings: SettingsFile = None) -> None:
    """Keep a slide from being counted; its files stay, and `resume` takes it back."""
    _decide(settings, lambda deciding: deciding.discard(series, by, reason))


@slide.command()
def recount(series: Series, reason: Reason, by: By, settings: SettingsFile = None) -> None:
    """Count a slide again that was counted, refused or failed, as a new revision."""
    _decide(settings, lambda deciding: deciding.recount(series, by, reason))


def _decide(settings: Path | None, decide: Callable[[Deciding], SlideRecord]) -> None:
    from marrowcount.main.completeness import opened_readiness  # noqa: PLC0415 - the listener must stay small
    from marrowcount.workflow.deciding import Deciding  # noqa: PLC0415 - the listener must stay small

    with opened_readiness(read_settings(settings)) as readiness:
        decided = decide(Deciding(readiness))
    typer.echo(f"{decided.series_uid} is {decided.state} now, revision {decided.revision}")
