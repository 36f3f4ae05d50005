"""Versions of reports as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from marrowcount.ports import ReportVersion

__all__ = ["versions_view"]


def versions_view(versions: Sequence[ReportVersion]) -> RenderableType:
    """All versions of a report, the first one first."""
    if not versions:
        return "no report: the slide is not known, or nobody judged it yet"
    table = Table(title="versions of the report", title_justify="left")
    for heading in ("version", "revision", "status", "released", "by", "given out", "said"):
        table.add_column(heading)
    for version in versions:
        table.add_row(*_row(version))
    return table


def _row(version: ReportVersion) -> Sequence[str]:
    signature = version.signature
    by = "software" if signature is None else f"{signature.by.name} ({signature.by.number})"
    counts = "" if version.counts is None else "counts of a person; "
    said = "" if signature is None else f"{counts}{signature.act}: {signature.comment}".rstrip(": ")
    given_out = "yes" if version.given_out else "no" if signature else "no: a person is to decide"
    at = f"{version.issued_at:%Y-%m-%d %H:%M %Z}"
    return str(version.version), str(version.revision), str(version.status), at, by, given_out, said
