"""Tables for people: deliveries, one delivery in detail, requests for storage commitment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from marrowcount.ports import Circuit, CommitmentTask, Delivery, LedgerEvent, TakenFile

__all__ = ["circuits_table", "deliveries_table", "delivery_view", "requests_table"]


def deliveries_table(deliveries: Iterable[Delivery]) -> Table:
    """Deliveries, a line for each."""
    table = _table("Outbox", "no.", "series", "rev", "to", "state", "attempts", "next attempt", "last failure")
    for each in deliveries:
        to = f"{each.order.kind} {each.order.destination}"
        waits = _time(each.next_attempt_at) if each.state == "waiting" or _is_held_by_node(each) else ""
        _add(
            table,
            str(each.delivery_id),
            each.series_uid,
            str(each.revision),
            to,
            each.state,
            str(each.attempts),
            waits,
            each.last_error,
        )
    return table


def delivery_view(delivery: Delivery, events: Sequence[LedgerEvent]) -> RenderableType:
    """One delivery with its files and the history of its slide."""
    facts = {
        "state": str(delivery.state),
        "to": f"{delivery.order.kind} {delivery.order.destination}",
        "series": f"{delivery.series_uid}, revision {delivery.revision}",
        "owed since": _time(delivery.owed_since),
        "attempts": str(delivery.attempts),
        "delivered": _time(delivery.delivered_at),
        "last failure": delivery.last_error,
        "looked at again": _time(delivery.next_attempt_at) if _is_held_by_node(delivery) else "",
        "commitment": f"{delivery.commitment_uid}, asked {delivery.asks} times" if delivery.commitment_uid else "",
    }
    lines = [Text(f"{name:<15} {said}") for name, said in facts.items() if said]
    said = [Text("The destination said (it may name the patient):", "bold"), Text(delivery.outcome)]
    parts: list[RenderableType] = [*lines, *(said if delivery.outcome else []), _files(delivery), _history(events)]
    return Group(Text(f"Delivery {delivery.delivery_id}", "bold"), *parts)


def circuits_table(circuits: Iterable[Circuit]) -> Table:
    """Destinations that fail, a line for each."""
    table = _table("Destinations that fail", "to", "state", "failures in a row", "paused until", "last failure")
    for each in circuits:
        _add(table, each.destination, each.state, str(each.failures), _time(each.until), each.code)
    return table


def _is_held_by_node(delivery: Delivery) -> bool:
    return delivery.state == "held" and bool(delivery.held_code)


def requests_table(tasks: Iterable[CommitmentTask]) -> Table:
    """Requests for storage commitment, a line for each."""
    table = _table("Commitment", "no.", "transaction", "requester", "state", "held", "failed", "open", "last failure")
    for task in tasks:
        verdicts = [one.verdict for one in task.instances]
        held, undecided = verdicts.count(0), verdicts.count(None)
        counts = str(held), str(len(verdicts) - held - undecided), str(undecided)
        _add(table, str(task.request_id), task.transaction_uid, task.requester, task.state, *counts, task.last_error)
    return table


def _files(delivery: Delivery) -> Table:
    said = {one.file: one for one in delivery.taken}
    table = _table("Files", "file", "SOP Instance UID", "state", "status")
    for file in delivery.order.files:
        _add(table, file, *_of_file(said.get(file)))
    return table


def _of_file(one: TakenFile | None) -> tuple[str, str, str]:
    if one is None:
        return "", "to be sent", ""
    places = f"{len(one.places)} resources" if one.places else ""
    return one.sop_instance_uid or places, one.state, f"{one.code:04X}H" if one.code else ""


def _history(events: Iterable[LedgerEvent]) -> Table:
    table = _table("History of the slide", "at", "what", "detail")
    for event in events:
        _add(table, _time(event.at), event.kind, event.detail)
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S%z}" if at else ""


def _add(table: Table, *cells: str) -> None:
    """A row as it is: brackets in it are no markup."""
    table.add_row(*(Text(cell) for cell in cells))
