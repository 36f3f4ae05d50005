"""The node's keys as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from marrowcount_adapters.smart_backend import KeyRecord, KeyState

__all__ = ["keys_table"]

SHOWN: Final = 12
"""Letters of an id: 72 bits, which tell keys apart."""


def keys_table(records: Sequence[KeyRecord], states: Mapping[str, KeyState]) -> Table:
    """One line a key, the oldest first, by the beginning of its id; times in UTC."""
    table = Table()
    for heading in ("key", "algorithm", "state", "history"):
        table.add_column(heading)
    for record in records:
        table.add_row(record.key_id[:SHOWN], record.algorithm, states[record.key_id], _story(record))
    return table


def _story(record: KeyRecord) -> str:
    if record.published_at is None or record.signs_from is None:
        return f"made {_time(record.made_at)}, not published"
    return f"published {_time(record.published_at)}, signs from {_time(record.signs_from)}"


def _time(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}"
