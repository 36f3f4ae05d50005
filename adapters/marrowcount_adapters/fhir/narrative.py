"""The report as XHTML for readers that show nothing else: what it is worth, the differential as a table, remarks."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from marrowcount.review.words import remarks, shows_figures, title
from marrowcount.workflow.identity import percent_bounds, published_ratio
from marrowcount_adapters.fhir.elements import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from marrowcount.cytology.differential import ClassShare, Differential
    from marrowcount.review import Report

__all__ = ["xhtml_of"]


def xhtml_of(report: Report) -> str:
    """A ``div`` as FHIR narratives allow (R4 2.4.0); no figures where the report may show none."""
    parts = [f"<p><b>{escape(title(report))}</b></p>"]
    if report.differential is not None and shows_figures(report):
        parts.append(_table(report, report.differential))
    parts.extend(f"<p>{escape(clean(remark))}</p>" for remark in remarks(report))
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(parts)}</div>'


def _table(report: Report, differential: Differential) -> str:
    heads = ["class", "count", "%", "95 % interval", *(["machine's count"] if report.changed else [])]
    rows = "".join(_row(_cells(report, share, differential)) for share in differential.shares)
    ratio = published_ratio(differential.me_ratio)
    return (
        f"<p>Nucleated differential count of {differential.total} cells, "
        f"M:E ratio {'undefined' if ratio is None else ratio}</p>"
        f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>{rows}</table>"
    )


def _cells(report: Report, share: ClassShare, differential: Differential) -> list[object]:
    low, high = percent_bounds(share.interval)
    of_whole = [share.percent, f"{low} to {high}"] if differential.total else ["undefined", ""]
    machine = [report.changed[share.cell_type][0] if share.cell_type in report.changed else ""]
    return [share.cell_type.label, share.count, *of_whole, *(machine if report.changed else [])]


def _row(cells: Iterable[object]) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
