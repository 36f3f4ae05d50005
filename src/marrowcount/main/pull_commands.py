"""``marrowcount pull`` on the command line."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from typing import Annotated

import typer
from rich.console import Console

from marrowcount.ports import WantedStudy
from marrowcount.settings import read_settings

__all__ = ["pull"]


class How(StrEnum):
    """By which services an archive is asked."""

    MOVE = "move"
    GET = "get"
    WEB = "web"


def pull(
    *,
    patient: Annotated[str, typer.Option(help="Patient ID (0010,0020).")] = "",
    issuer: Annotated[str, typer.Option(help="Issuer of Patient ID (0010,0021), where the number is not unique.")] = "",
    accession: Annotated[str, typer.Option(help="Accession Number (0008,0050).")] = "",
    study: Annotated[str, typer.Option(help="Study Instance UID.")] = "",
    series: Annotated[str, typer.Option(help="Series Instance UID: one slide of the study.")] = "",
    source: Annotated[
        str, typer.Option("--from", help="Archive, by its name in the settings; needless if alone.")
    ] = "",
    how: Annotated[How | None, typer.Option(help="Another way than the settings name.")] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="TOML settings file; MARROWCOUNT_* variables win over it.")
    ] = None,
) -> None:
    """Fetch slides that nobody routed from an archive, and prove that all it has of them came.

    Exit status 0: all that the archive lists is held. 1: something is lacking, nothing or more than one study matches,
    or the archive failed; run it again to go on. 2: wrong settings or options.
    """
    from marrowcount.main.logs import configure_logs  # noqa: PLC0415 - see marrowcount.main.cli
    from marrowcount.main.pulling import pull_slides  # noqa: PLC0415 - see marrowcount.main.cli

    if sum(map(bool, (patient, accession, study))) != 1 or (issuer and not patient) or (series and not study):
        raise typer.BadParameter("name one of --patient (with --issuer), --accession, --study (with --series)")
    configure_logs("WARNING")
    wanted = WantedStudy(patient, issuer, accession, study)
    pull_slides(read_settings(settings), wanted, Console(), series_uid=series, source=source, how=how or "")
