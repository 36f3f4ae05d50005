"""Data sets as people read them: counts, findings, faults."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from marrowcount.datasets import Severity, class_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType

    from marrowcount.cytology.cell_types import CellType
    from marrowcount.datasets import Dataset, DatasetStatistics, Finding
    from marrowcount.datasets.statistics import SplitCounts
    from marrowcount.errors import DatasetError

__all__ = ["faults_table", "findings_json", "findings_table", "statistics_json", "statistics_view"]

COLOURS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "default"}
NAMED: Final = 3
"""A row names no more examples than these."""


def statistics_view(dataset: Dataset, statistics: DatasetStatistics) -> RenderableType:
    """What is in a data set."""
    about = (f"name     {dataset.name}", f"source   {dataset.source}", f"licence  {dataset.licence}")
    history = (f"         {line}" for line in dataset.history)
    said = Text("\n".join([*about, "history", *history]))
    tables = (_splits_table(statistics), _classes_table(statistics))
    return Group(said, *tables, Text(_pictures_line(statistics)))


def _columns(statistics: DatasetStatistics) -> Mapping[str, SplitCounts]:
    splits = {str(split or "unsplit"): counts for split, counts in statistics.by_split.items()}
    return {**splits, "all": statistics.total}


def _splits_table(statistics: DatasetStatistics) -> Table:
    columns = _columns(statistics)
    table = _table("Pictures", ("", *columns))
    rows = {
        "pictures": "examples",
        "known patients": "patients",
        "known groups": "groups",
        "nobody boxed": "unlabelled",
        "fit": "fit",
        "unfit": "unfit",
    }
    for said, name in rows.items():
        table.add_row(said, *(str(getattr(counts, name)) for counts in columns.values()))
    return table


def _classes_table(statistics: DatasetStatistics) -> Table:
    columns = _columns(statistics)
    table = _table("Objects", ("class", *columns, "side px (5, 50, 95 %)", "side um"))
    for kind, sides in statistics.sides.items():
        counts = (str(counts.objects.get(kind, 0)) for counts in columns.values())
        micrometres = "" if sides.micrometres is None else _three(sides.micrometres)
        table.add_row(class_name(kind), *counts, _three(sides.pixels), micrometres)
    return table


def _three(values: tuple[float, float, float]) -> str:
    return "  ".join(f"{value:.1f}" for value in values)


def _pictures_line(statistics: DatasetStatistics) -> str:
    resolutions = ", ".join(
        f"{count} at {'unknown' if value is None else f'{value:g}'} um/px"
        for value, count in statistics.resolutions.items()
    )
    sizes = ", ".join(f"{count} of {width} x {height}" for (width, height), count in list(statistics.sizes.items())[:5])
    more = len(statistics.sizes) - 5
    return f"resolution  {resolutions}\npixels      {sizes}{f', {more} other sizes' if more > 0 else ''}"


def statistics_json(dataset: Dataset, statistics: DatasetStatistics) -> dict[str, Any]:
    """The same for programs."""
    return {
        "name": dataset.name,
        "source": dataset.source,
        "licence": dataset.licence,
        "history": list(dataset.history),
        "total": _counts(statistics.total),
        "splits": {str(split or "unsplit"): _counts(counts) for split, counts in statistics.by_split.items()},
        "sides": {
            class_name(kind): {"count": sides.count, "pixels": sides.pixels, "micrometres": sides.micrometres}
            for kind, sides in statistics.sides.items()
        },
        "resolutions": {str(value): count for value, count in statistics.resolutions.items()},
        "patients": dict(statistics.objects_by_patient),
    }


def _counts(counts: SplitCounts) -> dict[str, Any]:
    plain = ("examples", "patients", "groups", "unlabelled", "fit", "unfit")
    return {name: getattr(counts, name) for name in plain} | {"objects": _by_name(counts.objects)}


def _by_name(objects: Mapping[CellType | None, int]) -> dict[str, int]:
    return {class_name(kind): count for kind, count in objects.items()}


def findings_table(findings: Iterable[Finding]) -> Table:
    """What a check found."""
    table = _table("Findings", ("", "code", "what", "count", "first examples"))
    for finding in findings:
        named = ", ".join(finding.examples[:NAMED])
        severity = Text(finding.severity, COLOURS[finding.severity])
        table.add_row(severity, finding.code, Text(finding.message), str(finding.count), Text(named))
    return table


def findings_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [asdict(finding) for finding in findings]


def faults_table(faults: Sequence[DatasetError]) -> Table:
    """The faults of an import."""
    table = _table("Faults", ("code", "what"))
    for fault in faults:
        table.add_row(fault.code, Text(fault.message))
    return table


def _table(title: str, headings: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
