"""``marrowcount result``: what a person makes of the report on a slide."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from marrowcount.main.signing import Signing
    from marrowcount.ports import ReportVersion
    from marrowcount.review import Practitioner

__all__ = ["counts_of", "result"]

result = typer.Typer(
    help="Verify, amend or withdraw the report on a slide, as the person who is logged in.", no_args_is_help=True
)

Series = Annotated[str, typer.Argument(help="Series Instance UID of the slide, as `marrowcount status` shows it.")]
Counts = Annotated[
    list[str] | None,
    typer.Option(
        "--count", metavar="CLASS=CELLS", help="Your own count of a class, such as blast=40; may be repeated."
    ),
]
Comment = Annotated[str, typer.Option(help="In your words; becomes a part of the report.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="TOML settings file.")]


@result.command()
def show(series: Series, *, as_json: AsJson = False, settings: SettingsFile = None) -> None:
    """Show all versions of the report on a slide: what was said, by whom, and how it stands now."""
    from marrowcount.main.result_tables import versions_view  # noqa: PLC0415 - the listener must stay small

    with _signing(settings) as signing:
        versions = signing.reports.versions(series)
    if as_json:
        sys.stdout.write(json.dumps([_plain(version) for version in versions], indent=2, default=_text) + "\n")
    else:
        Console().print(versions_view(versions))


@result.command()
def verify(series: Series, count: Counts = None, comment: Comment = "", settings: SettingsFile = None) -> None:
    """Answer for a machine's count: as it is, or with your own figures in the place of its."""
    counts = counts_of(count or ())
    _decide(settings, lambda signing, by: signing.verify(series, by, counts, comment))


@result.command()
def amend(series: Series, count: Counts = None, comment: Comment = "", settings: SettingsFile = None) -> None:
    """Correct figures of a verified report, or add words to it."""
    counts = counts_of(count or ())
    _decide(settings, lambda signing, by: signing.amend(series, by, counts, comment))


@result.command()
def withdraw(
    series: Series,
    reason: Annotated[str, typer.Option(help="Why it should never have been; becomes a part of the report.")],
    settings: SettingsFile = None,
) -> None:
    """Take the report back as entered in error, wherever it was given: another patient's slide, another specimen."""
    _decide(settings, lambda signing, by: signing.withdraw(series, by, reason))


@result.command()
def keep(
    series: Series,
    comment: Annotated[str, typer.Option(help="Why; stays in the node.")] = "",
    settings: SettingsFile = None,
) -> None:
    """Leave a verified report as it is, and a machine's newer count of the slide unused."""
    _decide(settings, lambda signing, by: signing.keep(series, by, comment))


def counts_of(given: Sequence[str]) -> Mapping[CellType, int]:
    """Counts as typed, ``class=cells``.

    Raises:
        BadParameter: not in this form, a class twice, or none of the differential.
    """
    counts: dict[CellType, int] = {}
    for text in given:
        name, equals, cells = text.partition("=")
        if not equals or not cells.strip().isascii() or not cells.strip().isdigit():
            raise typer.BadParameter(f"{text!r}: write CLASS=CELLS with a whole number of cells")
        cell_type = _class_of(name)
        if cell_type in counts:
            raise typer.BadParameter(f"{cell_type.label} stands there twice")
        counts[cell_type] = int(cells)
    return counts


def _class_of(name: str) -> CellType:
    for cell_type in NDC_CLASSES:
        if cell_type.label == name.strip().lower().replace("_", " ").replace("-", " "):
            return cell_type
    raise typer.BadParameter(f"{name!r} is no class of the differential: {', '.join(c.label for c in NDC_CLASSES)}")


def _decide(settings: Path | None, act: Callable[[Signing, Practitioner], ReportVersion]) -> None:
    from marrowcount.main.people import logged_in_account, practitioner_at  # noqa: PLC0415 - the listener stays small

    with _signing(settings) as signing:
        by = practitioner_at(logged_in_account(), signing.settings)
        version = act(signing, by)
    typer.echo(f"{version.series_uid} is {version.status} now, version {version.version}, signed by {by.name}")


@contextmanager
def _signing(settings: Path | None) -> Generator[Signing]:
    from marrowcount.main.logs import configure_logs  # noqa: PLC0415 - the listener must stay small
    from marrowcount.main.signing import opened_signing  # noqa: PLC0415 - the listener must stay small

    configure_logs("WARNING")
    with opened_signing(read_settings(settings)) as signing:
        yield signing


def _plain(version: ReportVersion) -> dict[str, object]:
    counts = None if version.counts is None else {each.label: count for each, count in version.counts.items()}
    return {**asdict(version), "counts": counts}


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
