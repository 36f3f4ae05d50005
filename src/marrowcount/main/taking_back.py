"""Take back, at each destination, what it has of a slide's earlier results and what no longer holds.

Destinations differ in what they have: results are superseded while they wait, and so are the notes that come with
them. So each gets a note of its own, made of what the outbox knows that it took, however long ago.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from marrowcount.errors import InstanceError
from marrowcount.main.result_files import NOTE_ENDING, dicom_files_in
from marrowcount.main.result_folders import keep_instances, sync_folders
from marrowcount.main.result_writing import write_dataset
from marrowcount.ports import DeliveryOrder
from marrowcount.workflow.leases import LeaseLostError
from marrowcount.workflow.withdrawing import files_taken, files_there, kinds_of_destinations
from marrowcount_adapters.structured_report.rejection import encode_rejection, taken_back
from marrowcount_adapters.wsi.header import read_identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from pydicom import Dataset

    from marrowcount.ports import Delivery, Job, Ledger
    from marrowcount.result import ModelIdentity

__all__ = ["REPLACED", "SIGNED", "WITHDRAWN", "WITHDRAWN_BY_A_PERSON", "GivenOut", "TakingBack", "write_notes"]

REPLACED: Final = "Taken back: a later count of the same slide takes the place of these results."
SIGNED: Final = "Taken back: a version of the report that a person signed takes the place of these results."
WITHDRAWN_BY_A_PERSON: Final = "Taken back: a person withdrew the report; these results were entered in error."
WITHDRAWN: Final = "Taken back: the slide, looked at again, cannot be counted, so these results no longer hold"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class GivenOut:
    """What destinations were given of a slide, and what they were told of it.

    A file that is damaged or gone is no reason not to go on: it is logged.

    Attributes:
        results: the folder of all results.
        deliveries: all of the slide, the oldest first.
    """

    results: Path
    deliveries: Sequence[Delivery]

    def taken_back(self) -> frozenset[str]:
        """SOP Instance UIDs that must not be given out again, as some note names them, delivered or not."""
        return frozenset(
            uid
            for delivery in self.deliveries
            for file in delivery.order.files
            if _is_note(file)
            for uid in self._named(file) or self._all_before(delivery)
        )

    def _named(self, note: str) -> frozenset[str]:
        """What a note names; nothing where it cannot be read."""
        header = self._header(note)
        return frozenset() if header is None else frozenset(taken_back(header))

    def _all_before(self, delivery: Delivery) -> Iterator[str]:
        """What a note that cannot be read may have named: whatever its destination was given before."""
        log.warning("result.note_not_readable", series_uid=delivery.series_uid, revision=delivery.revision)
        uids = self._recorded_uids()
        for older in self.deliveries:
            if older.delivery_id < delivery.delivery_id and older.order.destination == delivery.order.destination:
                headers = {file: self._header(file) for file in older.order.files if not _is_note(file)}
                yield from (uids.get(file, "") if h is None else str(h.SOPInstanceUID) for file, h in headers.items())

    def outdated(self, destination: str, present: frozenset[str]) -> Sequence[Dataset]:
        """Headers of the instances that a destination has, or may have, and should show no more.

        Args:
            destination: its name.
            present: SOP Instance UIDs of the result that holds now; none where the slide is refused.
        """
        notes = [file for file in files_taken(self.deliveries, destination) if _is_note(file)]
        settled = present.union(*map(self._named, notes))
        headers = {file: self._header(file) for file in files_there(self.deliveries, destination) if not _is_note(file)}
        found = {str(header.SOPInstanceUID): header for header in headers.values() if header is not None}
        self._tell([file for file, header in headers.items() if header is None], settled | found.keys(), destination)
        return [header for uid, header in found.items() if uid not in settled]

    def _tell(self, unreadable: Sequence[str], known: frozenset[str], destination: str) -> None:
        """What cannot be named stays visible: a person must take it back."""
        uids = self._recorded_uids()
        for file in unreadable:
            if (uid := uids.get(file, "")) not in known:
                log.error("result.not_taken_back", file=file, sop_instance_uid=uid, destination=destination)

    def _recorded_uids(self) -> Mapping[str, str]:
        """SOP Instance UIDs by file, as destinations named them."""
        return {one.file: one.sop_instance_uid for delivery in self.deliveries for one in delivery.taken}

    def _header(self, file: str) -> Dataset | None:
        try:
            return read_identity(self.results / file)
        except (InstanceError, OSError):
            return None


def _is_note(file: str) -> bool:
    return file.endswith(NOTE_ENDING)


def write_notes(
    folder: Path,
    outdated: Mapping[str, Sequence[Dataset]],
    models: Sequence[ModelIdentity],
    why: str,
    now: datetime,
) -> Mapping[str, str]:
    """Write a note for each destination that has something to take back; names of the files by destination.

    Args:
        folder: of the result.
        outdated: headers of what is taken back, by destination; none where nothing is.
        models: that looked at the slide last.
        why: in words, without patient data.
        now: with zone.
    """
    names = {destination: _note_name(destination) for destination, headers in outdated.items() if headers}
    for destination, name in names.items():
        write_dataset(folder / name, encode_rejection(outdated[destination], destination, models, why, now))
    return names


def _note_name(destination: str) -> str:
    """A destination may be called anything; a file may not."""
    return f"rejection.{hashlib.sha256(destination.encode()).hexdigest()[:8]}{NOTE_ENDING}"


@dataclass(frozen=True, slots=True)
class TakingBack:
    """Takes earlier results of a slide back when a later outcome is about to be recorded.

    Attributes:
        results: the folder of all results.
        models: that looked at the slide.
    """

    ledger: Ledger
    results: Path
    models: Sequence[ModelIdentity]

    def given_out(self, series_uid: str) -> GivenOut:
        """What destinations have of a slide as of now."""
        return GivenOut(self.results, self.ledger.deliveries(series_uid))

    def notes(self, job: Job, place: str, why: str, now: datetime) -> tuple[DeliveryOrder, ...]:
        """What is owed to those who have something of older results.

        What waits of these is let go first: no destination gets any more of it while the notes are made.

        Args:
            job: the work, not recorded yet.
            place: folder of the result, below that of all results, with its files.
            why: in words, without patient data.
            now: with zone.

        Raises:
            LeaseLostError: another worker has the job now.
            OSError: a note cannot be written.
        """
        if not self.ledger.let_go(job, now):
            raise LeaseLostError
        return self.notes_beside(place, self.ledger.deliveries(job.series_uid), why, now)

    def notes_beside(
        self, place: str, deliveries: Sequence[Delivery], why: str, now: datetime
    ) -> tuple[DeliveryOrder, ...]:
        """Write the notes beside the result, and make its folder durable.

        Args:
            place: folder of the result, below that of all results, with its files.
            deliveries: all of the slide, as they stand when the result is recorded.
            why: in words, without patient data.
            now: with zone.

        Raises:
            OSError: a note cannot be written.
        """
        given, folder = GivenOut(self.results, deliveries), self.results / place
        present = frozenset(_uid(folder / name) for name in dicom_files_in(folder))
        kinds = kinds_of_destinations(given.deliveries)
        outdated = {destination: given.outdated(destination, present) for destination in kinds}
        names = write_notes(folder, outdated, self.models, why, now)
        self.settle(place, names.values())
        return tuple(DeliveryOrder(kinds[each], each, (f"{place}/{name}",)) for each, name in names.items())

    def settle(self, place: str, notes: Iterable[str] = ()) -> None:
        """Take over instances that older results hold already, and make the folder durable.

        Raises:
            OSError: the folder cannot be written.
        """
        folder = self.results / place
        keep_instances(folder, (*dicom_files_in(folder), *notes), _uid)
        sync_folders(folder, folder.parent, self.results)  # they may be new


def _uid(file: Path) -> str:
    return str(read_identity(file).SOPInstanceUID)
