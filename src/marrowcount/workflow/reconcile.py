"""Bringing disk and ledger into agreement after a crash: every file has its entry, every entry its file.

A crash between a file's name and its entry leaves a file that nobody knows; nobody was told that the node has it. A
damaged disk, or somebody's clean-up, leaves an entry without its file. Both are found here, at the node's start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import InstanceError
from marrowcount.ports import KeptFile, ReceivedInstance, Recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from marrowcount.ports import Clock, HeldFile, InstanceStore, Ledger
    from marrowcount.slides.instances import InstanceFacts

__all__ = ["FOUND_SENDER", "Finding", "Reconciliation", "reconcile"]

LOG: Final = structlog.get_logger()

FOUND_SENDER: Final = "(found in the store)"
"""Stands for the sender of an instance that was adopted: who sent it was lost with the crash."""


class Finding(StrEnum):
    """What was found, and what became of it."""

    ADOPTED = "adopted"
    """A complete file without an entry: the node answers for it now."""
    RETURNED = "returned"
    """A file without an entry belongs to an entry without its file: they are together again."""
    DUPLICATE = "duplicate"
    """A file without an entry holds what another file stands for: deleted."""
    QUARANTINED = "quarantined"
    """A file without an entry is no sound instance, lies in the wrong place, or contradicts the one that stands."""
    ALTERED = "altered"
    """A file has another length than its entry says: quarantined; sending the instance again heals it."""
    MISSING = "missing"
    """An entry without its file: an alarm; sending the instance again heals it."""


@dataclass(slots=True)
class Reconciliation:
    """What one run found.

    Attributes:
        found: how often; findings that never occurred are not named.
    """

    found: dict[Finding, int] = field(default_factory=dict[Finding, int])

    def add(self, finding: Finding) -> None:
        """Once more."""
        self.found[finding] = self.found.get(finding, 0) + 1


@dataclass(frozen=True, slots=True)
class _Run:
    store: InstanceStore
    ledger: Ledger
    clock: Clock
    read_facts: Callable[[Path], InstanceFacts]


def reconcile(
    store: InstanceStore, ledger: Ledger, clock: Clock, read_facts: Callable[[Path], InstanceFacts]
) -> Reconciliation:
    """Look at every file and every entry once; other processes may go on receiving meanwhile.

    Raises:
        StorageError: the disk or the database failed; what was settled until then stays settled.
    """
    run, result = _Run(store, ledger, clock, read_facts), Reconciliation()
    lacking: dict[str, HeldFile] = {}
    entries = ledger.held_files()
    for entry in entries:
        _look_at_entry(run, entry, lacking, result)
    known = {entry.file.path for entry in entries}
    for path in [path for path in store.kept_files() if path not in known]:
        result.add(_settled(run, path, lacking))
    for uid, entry in lacking.items():
        result.add(Finding.MISSING)
        if ledger.note_missing(uid, clock.now()):
            LOG.error("instance.file_missing", sop_instance_uid=uid, series_instance_uid=entry.series_uid)
    if result.found:
        LOG.warning("store.reconciled", **{finding.value: count for finding, count in result.found.items()})
    return result


def _look_at_entry(run: _Run, entry: HeldFile, lacking: dict[str, HeldFile], result: Reconciliation) -> None:
    path = run.store.path(entry.file.path)
    if not path.exists():
        lacking[entry.sop_instance_uid] = entry
    elif path.stat().st_size != entry.file.size_bytes:
        _quarantine(run, path, "file-altered", f"it has not the length that the ledger says, {entry.file.size_bytes}")
        lacking[entry.sop_instance_uid] = entry
        result.add(Finding.ALTERED)


def _settled(run: _Run, path: str, lacking: dict[str, HeldFile]) -> Finding:
    """A file without an entry."""
    try:
        facts = _placed_facts(run, path)
    except InstanceError as error:
        return _quarantine(run, run.store.path(path), error.code, error.message)
    size_bytes = run.store.path(path).stat().st_size
    kept = KeptFile(path, run.store.digest(run.store.path(path)), size_bytes)
    instance = ReceivedInstance(facts, kept, FOUND_SENDER, run.clock.now())
    if lacking.pop(facts.sop_instance_uid, None) is not None:
        run.ledger.restore_file(instance)
        return Finding.RETURNED
    known = run.ledger.instance(facts.sop_instance_uid)
    if known is None and run.ledger.record_instance(instance) is Recording.NEW:
        return Finding.ADOPTED
    return _beside_another(run, instance)


def _placed_facts(run: _Run, path: str) -> InstanceFacts:
    file = run.store.path(path)
    try:
        facts = run.read_facts(file)
    except OSError as error:
        raise InstanceError("not-dicom", "The file cannot be read, or breaks off.") from error
    if file.parent.name != facts.series_uid or not file.name.startswith(f"{facts.sop_instance_uid}."):
        raise InstanceError("file-misplaced", "The file's name is not that of the instance in it.")
    return facts


def _beside_another(run: _Run, instance: ReceivedInstance) -> Finding:
    """Another file stands for the instance, perhaps since a moment ago, and perhaps it is this very one."""
    known = run.ledger.instance(instance.facts.sop_instance_uid)
    if known is None or known.file.path == instance.file.path:
        return Finding.ADOPTED
    path = run.store.path(instance.file.path)
    if run.store.same_data_set(path, known.file.path):
        path.unlink()
        return Finding.DUPLICATE
    return _quarantine(run, path, "instance-conflict", "another data set with its SOP Instance UID stands")


def _quarantine(run: _Run, path: Path, code: str, why: str) -> Finding:
    kept = run.store.quarantine(path, f"[{code}] Found in the store without a fitting entry in the ledger: {why}")
    LOG.error("instance.quarantined", code=code, file=kept.path, sender=FOUND_SENDER)
    return Finding.QUARANTINED
