"""Which key signs when: a new one takes over only after those who check signatures could have learnt of it.

A key that was made waits (``next``) until it has been published. From then on it is handed out with the others; once
the overlap has gone by it signs, and the one before it stays published for another overlap (``retiring``), so that
what it signed last is still understood. The first key of an algorithm has nobody to overlap with and signs as soon as
it is published. Each algorithm has a succession of its own: one EHR may know ES384, the other only RS384.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from marrowcount_adapters.smart_backend.keys import Algorithm

__all__ = ["KeyRecord", "KeyState", "in_use", "published", "shown", "states"]


class KeyState(StrEnum):
    """What a key is good for at an instant."""

    NEXT = "next"
    """Handed out, does not sign yet."""
    SIGNING = "signing"
    RETIRING = "retiring"
    """Another one signs in its place; still handed out."""
    RETIRED = "retired"
    """No longer handed out."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of a key beside its private half.

    Attributes:
        public: its JSON Web Key.
        published_at: since when those who check signatures could have learnt of it; None: they could not.
        signs_from: since when, or from when on, it signs; None until it is published.
    """

    key_id: str
    algorithm: Algorithm
    public: Mapping[str, str]
    made_at: datetime
    published_at: datetime | None = None
    signs_from: datetime | None = None

    def signs_at(self, now: datetime) -> bool:
        """Whether it was ever its turn."""
        return self.signs_from is not None and self.signs_from <= now


def states(records: Sequence[KeyRecord], now: datetime, overlap: timedelta) -> Mapping[str, KeyState]:
    """The state of each key, by its id."""
    return {record.key_id: _state(record, records, now, overlap) for record in records}


def _state(record: KeyRecord, records: Iterable[KeyRecord], now: datetime, overlap: timedelta) -> KeyState:
    if not record.signs_at(now):
        return KeyState.NEXT
    relieved_at = min((start for start in _starts_after(record, records) if start <= now), default=None)
    if relieved_at is None:
        return KeyState.SIGNING
    return KeyState.RETIRING if now < relieved_at + overlap else KeyState.RETIRED


def _starts_after(record: KeyRecord, records: Iterable[KeyRecord]) -> Iterable[datetime]:
    """When others of its algorithm begin to sign in its place."""
    own = _turn(record)
    return (
        other.signs_from
        for other in records
        if other.algorithm is record.algorithm and other.signs_from is not None and _turn(other) > own
    )


def _turn(record: KeyRecord) -> tuple[float, float, str]:
    start = record.signs_from.timestamp() if record.signs_from else 0.0
    return start, record.made_at.timestamp(), record.key_id


def in_use(records: Sequence[KeyRecord], algorithm: Algorithm, now: datetime, overlap: timedelta) -> KeyRecord | None:
    """The key that signs; None where none does yet."""
    found = states(records, now, overlap)
    signing = (r for r in records if r.algorithm is algorithm and found[r.key_id] is KeyState.SIGNING)
    return next(signing, None)


def shown(records: Sequence[KeyRecord], now: datetime, overlap: timedelta) -> list[KeyRecord]:
    """Those that are handed out."""
    found = states(records, now, overlap)
    return [record for record in records if found[record.key_id] is not KeyState.RETIRED]


def published(
    records: Sequence[KeyRecord], key_ids: Collection[str], now: datetime, overlap: timedelta
) -> list[KeyRecord]:
    """The same keys after these were published; those that had been before stay as they are."""
    found: list[KeyRecord] = []
    for place, record in enumerate(records):
        if record.key_id in key_ids and record.published_at is None:
            alone = in_use([*found, *records[place:]], record.algorithm, now, overlap) is None
            found.append(replace(record, published_at=now, signs_from=now if alone else now + overlap))
        else:
            found.append(record)
    return found
