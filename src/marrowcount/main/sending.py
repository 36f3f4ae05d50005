"""``marrowcount send``: C-STORE files from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from marrowcount.main.progress import progress_bar
from marrowcount_adapters.dimse import Peer, send_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rich.console import Console

__all__ = ["send_paths"]


def send_paths(paths: Iterable[Path], to: str, calling_ae: str, console: Console) -> bool:
    """Send all files; whether every one was taken.

    Raises:
        SettingsError: ``to`` is not AE@host:port.
        PeerError: nobody answers there, or the association was rejected.
    """
    files = [file for path in paths for file in _files_of(path)]
    with progress_bar(console) as bar:
        task = bar.add_task(f"sending to {to}", total=len(files))
        report = send_files(files, Peer.parse(to), calling_ae, progress=lambda _: bar.advance(task))
    for failure in report.failures:
        console.print(Text(f"{failure.file.name}: {failure.reason}", "red"))
    console.print(f"{len(files) - len(report.failures)} of {len(files)} instances taken by {to}")
    return not report.failures


def _files_of(path: Path) -> list[Path]:
    return sorted(path.rglob("*.dcm")) if path.is_dir() else [path]
