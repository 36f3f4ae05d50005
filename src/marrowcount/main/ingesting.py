"""``marrowcount ingest``: take files in as if a scanner had sent them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from marrowcount.main.parts import open_parts
from marrowcount.main.progress import progress_bar
from marrowcount.workflow.ingest import Fate, Ingesting
from marrowcount_adapters.dimse.contexts import COMMITMENT, accepted_contexts, verification_context
from marrowcount_adapters.file_intake import CopyStaging, LinkStaging, found_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from marrowcount.main.parts import Parts
    from marrowcount.ports import FoundFile
    from marrowcount.settings import Settings
    from marrowcount.workflow.ingest import Ingested

__all__ = ["ingest_files", "ingest_found", "print_fates"]

MOST_LINES: Final = 50
"""Of files that are told of one by one."""


def ingest_files(settings: Settings, paths: Sequence[Path], console: Console, *, link: bool) -> bool:
    """Take in all DICOM files; whether the node answers for everything that it was asked to take.

    Raises:
        StorageError: the disk or the ledger can take no more; what was taken before is told, and stays.
    """
    with open_parts(settings) as parts:
        return ingest_found(parts, list(found_files(paths)), console, link=link)


def ingest_found(parts: Parts, files: Sequence[FoundFile], console: Console, *, link: bool) -> bool:
    """The same of files that were found already.

    Raises:
        StorageError: as above.
    """
    staging = LinkStaging(parts.receiving) if link else CopyStaging(parts.receiving)
    ingesting = Ingesting(parts.receiving, staging, storage_classes())
    fates: list[Ingested] = []
    try:
        fates.extend(_with_progress(ingesting, files, console))
    finally:
        print_fates(fates, console)
    return any(one.fate is not Fate.PASSED_OVER for one in fates) and not any(one.failed for one in fates)


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


def _with_progress(ingesting: Ingesting, files: Sequence[FoundFile], console: Console) -> Iterator[Ingested]:
    with progress_bar(console) as bar:
        task = bar.add_task("taking in", total=sum(file.size_bytes for file in files) or 1)
        for file in files:
            yield ingesting.take(file)
            bar.advance(task, file.size_bytes)
