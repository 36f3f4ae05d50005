"""Tables for people: the differential, the slides, the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from marrowcount.result import RESEARCH_USE_ONLY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import RenderableType

    from marrowcount.main.checking import Check
    from marrowcount.ports import Delivery, SlideRecord

__all__ = ["checks_table", "deliveries_table", "result_view", "slides_table"]


def result_view(result: Mapping[str, Any], truth: Mapping[str, float] | None = None) -> RenderableType:
    """A counted result as people read it.

    Args:
        result: what ``result.json`` holds.
        truth: percent of each class as drawn, for a phantom.
    """
    parts: list[RenderableType] = [_differential_table(result, truth), Text(_sum_line(result))]
    parts.extend(Text(f"warning  {warning}", style="yellow") for warning in result["warnings"])
    parts.append(Text(f"Preliminary. {RESEARCH_USE_ONLY}", style="bold"))
    return Group(*parts)


def _differential_table(result: Mapping[str, Any], truth: Mapping[str, float] | None) -> Table:
    table = Table(title="Nucleated differential count", title_justify="left")
    table.add_column("class")
    for heading in (["truth %"] if truth else []) + ["counted %", "95 % interval", "cells"]:
        table.add_column(heading, justify="right")
    for label, share in result["ndc"].items():
        true = [f"{truth.get(label, 0):.1f}"] if truth else []
        interval = f"{share['low']:.1f} - {share['high']:.1f}"
        table.add_row(label, *true, f"{share['percent']:.1f}", interval, str(share["count"]))
    return table


def _sum_line(result: Mapping[str, Any]) -> str:
    stopping, total = result["stopping"], sum(share["count"] for share in result["ndc"].values())
    distance = "undefined" if stopping["distance"] is None else f"{stopping['distance']:.2e}"
    models = "\n".join(_model_line(model) for model in result["models"])
    return (
        f"cells in the differential  {total}\n"
        f"M:E (ICSH 2008)            {_ratio(result['me_ratio'])}\n"
        f"BMME (Tayebi 2022)         {_ratio(result['bmme'])}\n"
        f"tiles                      {result['tiles_counted']} counted of {result['tiles_looked_at']} looked at\n"
        f"stopped                    {result['reason']} ({stopping['rule']}; chi-square distance {distance})\n"
        f"models\n{models}\n"
        "Intervals are of sampling only: they know nothing of misclassified or clustered cells."
    )


def _model_line(model: Mapping[str, Any]) -> str:
    name = f"{model['name']} {model['version']}"
    return f"  {model['task']:<6} {name}  sha256 {model['sha256'][:12]}  {model['training_data']}"


def _ratio(value: float | None) -> str:
    return "undefined, no erythroblast counted" if value is None else f"{value:.2f} : 1"


def slides_table(slides: Iterable[SlideRecord]) -> Table:
    """The slides that the node knows."""
    table = Table(title="Slides", title_justify="left")
    for heading in ("series", "state", "rev", "instances", "MB", "evidence or reason"):
        table.add_column(heading, overflow="fold")
    for slide in slides:
        said = f"{slide.code}: {slide.message}" if slide.code else slide.evidence
        megabytes = f"{slide.size_bytes / 1e6:.1f}"
        _add(table, slide.series_uid, slide.state, str(slide.revision), str(slide.instances), megabytes, said)
    return table


def deliveries_table(deliveries: Sequence[Delivery]) -> Table:
    """What is and was owed."""
    table = Table(title="Deliveries", title_justify="left")
    for heading in ("no.", "series", "to", "state", "attempts", "last failure"):
        table.add_column(heading, overflow="fold")
    for delivery in deliveries:
        number, to = str(delivery.delivery_id), f"{delivery.order.kind} {delivery.order.destination}"
        _add(table, number, delivery.series_uid, to, delivery.state, str(delivery.attempts), delivery.last_error)
    return table


def checks_table(checks: Iterable[Check]) -> Table:
    """What answers and what does not."""
    table = Table(title="Check", title_justify="left")
    for heading in ("what", "where", "state", "said"):
        table.add_column(heading, overflow="fold")
    for check in checks:
        state = Text("ok", "green") if check.ok else Text("FAILED", "red")
        table.add_row(Text(check.what), Text(check.where), state, Text(check.said))
    return table


def _add(table: Table, *cells: str) -> None:
    """A row as it is: brackets in it are no markup."""
    table.add_row(*(Text(cell) for cell in cells))
