"""``marrowcount worklist``: a small worklist of one's own, and what the node took on from others."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from marrowcount.errors import SettingsError
from marrowcount.settings import read_settings

if TYPE_CHECKING:
    import threading

__all__ = ["worklist"]

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
FORGET_EVERY_S: Final = 600.0

worklist = typer.Typer(help="Worklists: one of your own by UPS-RS, and the node's tasks.", no_args_is_help=True)


@worklist.command("serve")
def serve_worklist(
    folder: Annotated[Path, typer.Option(help="Where its database lies.")],
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; beyond loopback a token is needed.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one.")] = 8080,
    token_file: Annotated[Path | None, typer.Option(help="File with the bearer token that requests must show.")] = None,
    keep_days: Annotated[float, typer.Option(min=1, help="Days for which workitems stay after they ended.")] = 7.0,
) -> None:
    """Run a small UPS-RS worklist, for tests and for sites that have none."""
    from marrowcount.main.node import until_terminated  # noqa: PLC0415 - heavy, and only for this command

    token = token_file.read_text(encoding="ascii").strip() if token_file else ""
    if host not in LOOPBACK and not token:
        raise SettingsError("open-worklist", f"{host} can be reached from the network: name a --token-file")
    place = _Place(folder, host, port, token)
    until_terminated(lambda stop: _serve(place, keep_days, stop))


@dataclass(frozen=True, slots=True)
class _Place:
    folder: Path
    host: str
    port: int
    token: str


def _serve(place: _Place, keep_days: float, stop: threading.Event) -> None:
    from marrowcount.main.node import rest_until  # noqa: PLC0415 - heavy, and only for this command
    from marrowcount_adapters.schedule import SystemClock, Tick, ticking  # noqa: PLC0415 - as above
    from marrowcount_adapters.ups_worklist import (  # noqa: PLC0415 - as above
        EventHub,
        WorklistOperations,
        WorklistRules,
        WorklistServer,
        open_store,
        worklist_app,
    )

    store = open_store(place.folder / "worklist.sqlite")
    operations = WorklistOperations(store, SystemClock(), EventHub(), WorklistRules(keep_days * 24 * 3600))
    server = WorklistServer(worklist_app(operations, place.token), place.host, place.port)
    try:
        server.start()
        operations.announce("RESTARTED")
        sys.stdout.write(json.dumps({"ready": True, "url": server.url, "port": server.port}) + "\n")
        sys.stdout.flush()
        with ticking(Tick("forget", FORGET_EVERY_S, lambda: bool(operations.forget()))):
            rest_until(stop)
        operations.announce("GOING DOWN")
    finally:
        server.stop()
        store.close()


@worklist.command("tasks")
def show_tasks(
    settings: Annotated[Path | None, typer.Option("--settings", help="TOML settings file.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show the workitems that the node took on, and what became of them."""
    from marrowcount.main.task_tables import task_document, tasks_table  # noqa: PLC0415 - as above
    from marrowcount_adapters.sql import SqlTasks, open_ledger  # noqa: PLC0415 - as above

    ledger = open_ledger(read_settings(settings).database_url)
    try:
        tasks = SqlTasks(ledger).tasks()
    finally:
        ledger.close()
    if as_json:
        sys.stdout.write(json.dumps([task_document(task) for task in tasks], indent=2) + "\n")
    else:
        Console().print(tasks_table(tasks))
