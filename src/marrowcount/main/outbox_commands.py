"""``marrowcount outbox``: what is owed to whom, and what a person decides about it; ``marrowcount commitments``."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from marrowcount.ports import CommitmentState  # noqa: TC001 - typer reads the annotations
from marrowcount.settings import read_settings
from marrowcount.slides.states import DeliveryState
from marrowcount.workflow.circuit import tried_anew

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from marrowcount.ports import Circuit, Delivery, Outbox
    from marrowcount_adapters.sql import SqlLedger

__all__ = ["commitments", "outbox"]

NOT_DONE = 1
"""Exit status where a delivery is not there, or in a state in which it cannot be done."""

outbox = typer.Typer(help="What is owed to destinations: look, retry, hold, drop.", no_args_is_help=True)
commitments = typer.Typer(help="What the node was asked to answer for (storage commitment).", no_args_is_help=True)

Numbers = Annotated[list[int], typer.Argument(help="Numbers of deliveries, as `outbox list` shows them.")]
Number = Annotated[int, typer.Argument(help="Number of a delivery, as `outbox list` shows it.")]
Reason = Annotated[str, typer.Option(help="Why; stays in the slide's history. No patient data.")]
By = Annotated[str, typer.Option(help="Who decides; stays in the slide's history.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
States = Annotated[list[DeliveryState] | None, typer.Option("--state", help="Only these states; may be repeated.")]
Destination = Annotated[str, typer.Option(help="Only this destination, by its name in the settings.")]
SettingsFile = Annotated[Path | None, typer.Option("--settings", help="TOML settings file.")]


@outbox.command("list")
def list_deliveries(
    *, state: States = None, destination: Destination = "", as_json: AsJson = False, settings: SettingsFile = None
) -> None:
    """Show deliveries, the oldest first."""
    from marrowcount.main.outbox_tables import circuits_table, deliveries_table  # noqa: PLC0415 - the listener must stay small

    with _opened(settings) as ledger:
        found, failing = _chosen(ledger, state, destination), _failing(ledger)
    if as_json:
        _print_json([_plain(each) for each in found])
        return
    Console().print(deliveries_table(found))
    if failing:
        Console().print(circuits_table(failing))


@outbox.command()
def paused(*, as_json: AsJson = False, settings: SettingsFile = None) -> None:
    """Show destinations that fail, and until when nothing is sent to them; `retry` tries one at once."""
    from marrowcount.main.outbox_tables import circuits_table  # noqa: PLC0415 - the listener must stay small

    with _opened(settings) as ledger:
        failing = _failing(ledger)
    if as_json:
        _print_json([asdict(each) for each in failing])
    else:
        Console().print(circuits_table(failing))


@outbox.command()
def show(number: Number, *, as_json: AsJson = False, settings: SettingsFile = None) -> None:
    """Show one delivery: file by file what the destination said, and what happened when."""
    from marrowcount.main.outbox_tables import delivery_view  # noqa: PLC0415 - the listener must stay small

    with _opened(settings) as ledger:
        delivery = ledger.delivery(number)
        events = ledger.events(delivery.series_uid) if delivery else ()
    if delivery is None:
        _complain(f"there is no delivery {number}")
        raise typer.Exit(NOT_DONE)
    if as_json:
        _print_json(_plain(delivery) | {"outcome": delivery.outcome} | {"events": [asdict(event) for event in events]})
    else:
        Console().print(delivery_view(delivery, events))


@outbox.command()
def retry(
    reason: Reason,
    by: By,
    numbers: Annotated[list[int] | None, typer.Argument(help="Numbers of deliveries; none: see --state.")] = None,
    *,
    state: States = None,
    destination: Destination = "",
    settings: SettingsFile = None,
) -> None:
    """Send again: what is dead, held, dropped or uncommitted; what waits is tried at once.

    Without numbers, all that are in the states given (and go to the destination given) are sent again.
    """
    if not numbers and not state:
        raise typer.BadParameter("name deliveries by their numbers, or states by --state")
    with _opened(settings) as ledger:
        chosen = numbers or [each.delivery_id for each in _chosen(ledger, state, destination)]
        _do(chosen, lambda number: _sent_again(ledger, number, f"{by}: {reason}"), "sent again")


@outbox.command()
def hold(numbers: Numbers, reason: Reason, by: By, settings: SettingsFile = None) -> None:
    """Keep waiting deliveries from being sent until `retry`."""
    with _opened(settings) as ledger:
        _do(numbers, lambda number: ledger.hold_delivery(number, _now(), f"{by}: {reason}"), "held")


@outbox.command()
def drop(numbers: Numbers, reason: Reason, by: By, settings: SettingsFile = None) -> None:
    """Let go of deliveries that wait, are held, dead or uncommitted; they stay on record, `retry` takes it back."""
    with _opened(settings) as ledger:
        _do(numbers, lambda number: ledger.drop_delivery(number, _now(), f"{by}: {reason}"), "dropped")


@commitments.command("list")
def list_requests(
    *,
    state: Annotated[list[CommitmentState] | None, typer.Option("--state", help="Only these states.")] = None,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Show requests for storage commitment, the oldest first."""
    from marrowcount.main.outbox_tables import requests_table  # noqa: PLC0415 - the listener must stay small
    from marrowcount_adapters.sql import SqlCommitments  # noqa: PLC0415 - the listener must stay small

    with _opened(settings) as ledger:
        found = SqlCommitments(ledger).requests(*(state or ()))
    if as_json:
        _print_json([asdict(each) for each in found])
    else:
        Console().print(requests_table(found))


@commitments.command("retry")
def retry_requests(
    numbers: Annotated[list[int], typer.Argument(help="Numbers of dead requests, as `commitments list` shows them.")],
    settings: SettingsFile = None,
) -> None:
    """Judge dead requests anew, and tell their requesters."""
    from marrowcount_adapters.sql import SqlCommitments  # noqa: PLC0415 - the listener must stay small

    with _opened(settings) as ledger:
        requests = SqlCommitments(ledger)
        _do(numbers, lambda number: requests.revive_request(number, _now()), "answered again")


@contextmanager
def _opened(settings: Path | None) -> Generator[SqlLedger]:
    from marrowcount_adapters.sql import open_ledger  # noqa: PLC0415 - the listener must stay small

    ledger = open_ledger(read_settings(settings).database_url)
    try:
        yield ledger
    finally:
        ledger.close()


def _now() -> datetime:
    from marrowcount_adapters.schedule import SystemClock  # noqa: PLC0415 - the listener must stay small

    return SystemClock().now()


def _chosen(ledger: Outbox, states: Sequence[DeliveryState] | None, destination: str) -> list[Delivery]:
    return [
        each
        for each in ledger.deliveries()
        if (not states or each.state in states) and destination in {"", each.order.destination}
    ]


def _failing(ledger: Outbox) -> list[Circuit]:
    return [each for each in ledger.circuits() if each.failures]


def _sent_again(ledger: Outbox, number: int, by: str) -> bool:
    """Also where its destination is paused: whoever decides so knows more than the node."""
    delivery, now = ledger.delivery(number), _now()
    if delivery is None or not ledger.revive_delivery(number, now, by):
        return False
    circuit = ledger.circuit(delivery.order.destination)
    ledger.switch(circuit, tried_anew(circuit, now))
    return True


def _do(numbers: Sequence[int], deed: Callable[[int], bool], done: str) -> None:
    """Do it to each; exit status 1 where it could not be done to one of them.

    Raises:
        Exit: it could not.
    """
    failed = [number for number in numbers if not deed(number)]
    for number in numbers:
        if number not in failed:
            sys.stdout.write(f"{number}: {done}\n")
    for number in failed:
        _complain(f"{number} is not there, cannot be {done} in its state, or a newer result took its place")
    if failed:
        raise typer.Exit(NOT_DONE)


def _complain(message: str) -> None:
    sys.stderr.write(f"marrowcount: {message}\n")


def _plain(delivery: Delivery) -> dict[str, object]:
    """Without what the destination said in full, which may quote the patient: that shows one delivery alone."""
    return {**asdict(replace(delivery, outcome="")), "unsent": list(delivery.unsent)}


def _print_json(document: object) -> None:
    sys.stdout.write(json.dumps(document, indent=2, default=_text) + "\n")


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
