"""``marrowcount ingest``: take files in as if a scanner had sent them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from marrowcount.main.converting import SlideIntake
from marrowcount.main.parts import audited_receiving, open_parts
from marrowcount.main.progress import progress_bar
from marrowcount.ports import FileKind
from marrowcount.workflow.ingest import Fate, Ingesting
from marrowcount_adapters.dimse.contexts import COMMITMENT, accepted_contexts, verification_context
from marrowcount_adapters.file_intake import CopyStaging, LinkStaging, found_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from marrowcount.main.converting import SlideOptions
    from marrowcount.main.parts import Parts
    from marrowcount.ports import FoundFile
    from marrowcount.settings import Settings
    from marrowcount.workflow.ingest import Ingested

__all__ = ["ingest_files", "print_fates", "storage_classes"]

MOST_LINES: Final = 50
"""Of files that are told of one by one."""


def ingest_files(
    settings: Settings,
    paths: Sequence[Path],
    console: Console,
    *,
    link: bool = False,
    slides: SlideOptions | None = None,
) -> bool:
    """Take in all files; whether the node answers for everything that it was asked to take.

    Args:
        settings: of the node.
        paths: files, and folders of them.
        console: for the table.
        link: whether instances are linked instead of copied.
        slides: how slides of other formats are converted; None to pass them over.

    Raises:
        SettingsError: ``converter-not-made``.
        StorageError: the disk or the ledger can take no more; what was taken before is told, and stays.
    """
    files = list(found_files(paths))
    fates: list[Ingested] = []
    source = ", ".join(map(str, paths))
    with open_parts(settings) as parts, audited_receiving(parts, parts.trail.importing(source)) as receiving:
        try:
            take = _taking(replace(parts, receiving=receiving), slides, link=link)
            fates.extend(_with_progress(take, files, console))
        finally:
            print_fates(fates, console)
    return any(one.fate is not Fate.PASSED_OVER for one in fates) and not any(one.failed for one in fates)


def _taking(parts: Parts, slides: SlideOptions | None, *, link: bool) -> Callable[[FoundFile], Sequence[Ingested]]:
    """How each file is taken, by what it is."""
    staging = LinkStaging(parts.receiving) if link else CopyStaging(parts.receiving)
    ingesting = Ingesting(parts.receiving, staging, storage_classes())
    intake = SlideIntake(parts, ingesting.sop_classes, slides) if slides else None

    def take(file: FoundFile) -> Sequence[Ingested]:
        if intake is not None and file.kind is FileKind.SLIDE:
            return intake.take(file.path)
        return (ingesting.take(file),)

    return take


def storage_classes() -> frozenset[str]:
    """What the listener takes, too."""
    others = {COMMITMENT, str(verification_context().abstract_syntax)}
    return frozenset(str(context.abstract_syntax) for context in accepted_contexts()) - others


def print_fates(fates: Sequence[Ingested], console: Console) -> None:
    """How many files fared how, and each that the node does not answer for."""
    table = Table(title="Files", title_justify="left")
    table.add_column("what became of them")
    table.add_column("files", justify="right")
    counts = Counter((one.fate, one.code) for one in fates)
    for (fate, code), number in sorted(counts.items()):
        table.add_row(Text(f"{fate} ({code})" if code else fate), str(number))
    console.print(table)
    failed = [one for one in fates if one.failed]
    for one in failed[:MOST_LINES]:
        console.print(Text(f"{one.path}: {one.code}: {one.message}", "red"))
    if len(failed) > MOST_LINES:
        console.print(f"and {len(failed) - MOST_LINES} more")


def _with_progress(
    take: Callable[[FoundFile], Sequence[Ingested]], files: Sequence[FoundFile], console: Console
) -> Iterator[Ingested]:
    with progress_bar(console) as bar:
        task = bar.add_task("taking in", total=sum(file.size_bytes for file in files) or 1)
        for file in files:
            yield from take(file)
            bar.advance(task, file.size_bytes)
