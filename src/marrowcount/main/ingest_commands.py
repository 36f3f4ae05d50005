"""``marrowcount ingest`` on the command line."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from typing import Annotated

import typer
from rich.console import Console

from marrowcount.settings import read_settings

__all__ = ["ingest"]


def ingest(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files, or folders of them.", exists=True)] = None,
    *,
    link: Annotated[
        bool, typer.Option("--link", help="Link files on the store's disk instead of copying; never edit them then.")
    ] = False,
    convert: Annotated[
        bool, typer.Option("--convert", help="Convert slides of other formats (SVS, NDPI, MRXS, TIFF and others), too.")
    ] = False,
    metadata: Annotated[
        Path | None,
        typer.Option(help="TOML file with what the one converted slide does not say; else FILE.toml beside."),
    ] = None,
    unidentified: Annotated[
        bool, typer.Option("--unidentified", help="Mark converted slides without metadata as of nobody.")
    ] = False,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Make the converter's environment; needs pip's index.")
    ] = False,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="TOML settings file; MARROWCOUNT_* variables win over it.")
    ] = None,
) -> None:
    """Take files in as if a scanner had sent them; the node may run meanwhile, and counts them when it does.

    Exit status 0: the node answers for every instance. 1: one was rejected, or none was found. 2: wrong settings.
    """
    from marrowcount.main.converting import SlideOptions, converter_environment  # noqa: PLC0415 - see marrowcount.main.cli
    from marrowcount.main.ingesting import ingest_files  # noqa: PLC0415 - see marrowcount.main.cli
    from marrowcount.main.logs import configure_logs  # noqa: PLC0415 - see marrowcount.main.cli

    if not paths and not prepare:
        raise typer.BadParameter("name files or folders")
    if metadata is not None and (not paths or len(paths) != 1 or paths[0].is_dir()):
        raise typer.BadParameter("--metadata describes one slide: name one file, or put FILE.toml beside each")
    configure_logs("WARNING")
    read, console = read_settings(settings), Console()
    if prepare:
        versions = converter_environment(read).prepare()
        console.print(f"converter made: {', '.join(' '.join(each) for each in versions.items())}")
    slides = SlideOptions(metadata, unidentified) if convert or metadata or unidentified else None
    if paths and not ingest_files(read, paths, console, link=link, slides=slides):
        raise typer.Exit(1)
