"""``marrowcount ingest`` on the command line."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from typing import Annotated

import typer
from rich.console import Console

from marrowcount.settings import read_settings

__all__ = ["ingest"]


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="DICOM files, or folders of them.", exists=True)],
    *,
    link: Annotated[
        bool, typer.Option("--link", help="Link files on the store's disk instead of copying; never edit them then.")
    ] = False,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="TOML settings file; MARROWCOUNT_* variables win over it.")
    ] = None,
) -> None:
    """Take files in as if a scanner had sent them; the node may run meanwhile, and counts them when it does.

    Exit status 0: the node answers for every instance. 1: one was rejected, or none was found. 2: wrong settings.
    """
    from marrowcount.main.ingesting import ingest_files  # noqa: PLC0415 - see marrowcount.main.cli
    from marrowcount.main.logs import configure_logs  # noqa: PLC0415 - see marrowcount.main.cli

    configure_logs("WARNING")
    if not ingest_files(read_settings(settings), paths, Console(), link=link):
        raise typer.Exit(1)
