"""What must hold of a node after any number of kills, each fault in words; the node is down or idle meanwhile."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.filereader import read_file_meta_info

from marrowcount.main.result_files import (
    CELLS_ANN,
    DICOM_FILES,
    DIFFERENTIAL_SR,
    DOCUMENT,
    GALLERY_FOLDER,
    NOTE_ENDING,
    OTHER_FILES,
    RESULT_FILE,
    ROI_ANN,
)
from marrowcount.slides.states import DeliveryState, SlideState
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.sql import open_ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from crash_node import MortalNode
    from crash_senders import SmallSlide
    from marrowcount.ports import Ledger, SlideRecord

__all__ = ["Proof", "lost_instances"]

NEEDED = {CELLS_ANN, ROI_ANN, DIFFERENTIAL_SR, DOCUMENT, *OTHER_FILES, GALLERY_FOLDER, RESULT_FILE}
ALLOWED = NEEDED | {*DICOM_FILES}


def lost_instances(node: MortalNode, acknowledged: Mapping[str, Path]) -> list[str]:
    """Acknowledged instances that are not there, not whole, or not bit by bit what was sent."""
    store = FolderStore(node.folder / "node")
    with closing(open_ledger(f"sqlite:///{node.database}")) as ledger:
        return [fault for uid, sent in acknowledged.items() if (fault := _lost(uid, sent, ledger, store))]


def _lost(uid: str, sent: Path, ledger: Ledger, store: FolderStore) -> str:
    recorded = ledger.instance(uid)
    if recorded is None:
        return f"{uid}: acknowledged, but not in the ledger"
    path = store.path(recorded.file.path)
    if not path.is_file():
        return f"{uid}: acknowledged, but its file is gone"
    if hashlib.sha256(path.read_bytes()).hexdigest() != recorded.file.sha256:
        return f"{uid}: its file does not have the digest in the ledger"
    return "" if store.same_data_set(sent, recorded.file.path) else f"{uid}: not bit by bit what was sent"


@dataclass(frozen=True)
class Proof:
    """Looks at everything that a node and its destinations hold.

    Attributes:
        pacs: the PACS's folder, instances by UID.
        ehr: the EHR's folder, accepted bundles by number.
    """

    node: MortalNode
    pacs: Path
    ehr: Path

    def faults(self, slides: Iterable[SmallSlide]) -> list[str]:
        """All faults, empty where there are none."""
        with closing(open_ledger(f"sqlite:///{self.node.database}")) as ledger:
            of_slides = [fault for slide in slides for fault in self._slide_faults(slide, ledger)]
        return [*of_slides, *self._ledger_faults(), *self._leftovers()]

    def _slide_faults(self, slide: SmallSlide, ledger: Ledger) -> Iterator[str]:
        series = str(dcmread(next(iter(slide.files.values())), specific_tags=["SeriesInstanceUID"]).SeriesInstanceUID)
        record = ledger.slide(series)
        if record is None or record.state is not SlideState.COUNTED:
            yield f"slide {slide.number}: {record.state if record else 'unknown'}, not counted"
            return
        if record.instances != len(slide.files):
            yield f"slide {slide.number}: {record.instances} instances of {len(slide.files)}"
        results = "SELECT revision, result_folder FROM results WHERE series_uid = ? ORDER BY revision"
        newest = self.node.asked(results, series)
        if not newest or newest[-1] != (record.revision, record.result_folder):
            yield f"slide {slide.number}: its current result is not the one of its revision"
        yield from self._result_faults(slide, record)
        yield from self._delivery_faults(slide, record, ledger)

    def _result_faults(self, slide: SmallSlide, record: SlideRecord) -> Iterator[str]:
        folder = self.node.folder / "node" / "results" / record.result_folder
        there = {path.name for path in folder.iterdir()}
        notes = {name for name in there if name.endswith(NOTE_ENDING)}
        if not NEEDED <= there <= ALLOWED | notes:
            yield f"slide {slide.number}: its result consists of {sorted(there)}"
            return
        for path in folder.glob("*.dcm"):
            at_pacs = self.pacs / f"{read_file_meta_info(path).MediaStorageSOPInstanceUID}.dcm"
            if not at_pacs.is_file():
                yield f"slide {slide.number}: the PACS lacks {path.name}"
            elif dcmread(at_pacs) != dcmread(path):
                yield f"slide {slide.number}: the PACS holds another {path.name}"
        last = self._last_bundle(slide.number)
        if _said(last) != _said(json.loads((folder / "fhir.json").read_text())):
            yield f"slide {slide.number}: the last bundle at the EHR is not the current one"

    def _last_bundle(self, number: int) -> object:
        """The youngest bundle about a slide; bundles are numbered as they were accepted."""
        about = f'"SMALL-{number:05d}"'
        bundles = sorted(self.ehr.glob("bundle-*.json"), key=lambda path: -int(path.stem.partition("-")[2]))
        return next((json.loads(text) for path in bundles if about in (text := path.read_text())), None)

    def _delivery_faults(self, slide: SmallSlide, record: SlideRecord, ledger: Ledger) -> Iterator[str]:
        deliveries = ledger.deliveries(record.series_uid)
        current = sorted((d.order.destination, d.state) for d in deliveries if d.revision == record.revision)
        if current != [("archive", DeliveryState.COMMITTED), ("ehr", DeliveryState.DELIVERED)]:
            yield f"slide {slide.number}: its result is owed so: {current}"
        unsettled = {DeliveryState.WAITING, DeliveryState.SENDING, DeliveryState.DEAD}
        older = [d.state for d in deliveries if d.revision != record.revision and d.state in unsettled]
        if older:
            yield f"slide {slide.number}: deliveries of older revisions are {older}"

    def _ledger_faults(self) -> Iterator[str]:
        """What no transaction may leave behind."""
        asked = self.node.asked
        if (said := asked("PRAGMA integrity_check")) != [("ok",)]:
            yield f"the database is damaged: {said}"
        if broken := asked("PRAGMA foreign_key_check"):
            yield f"references lead nowhere: {broken}"
        if open_jobs := asked("SELECT job_id, state FROM jobs WHERE state IN ('waiting', 'leased')"):
            yield f"jobs are open: {open_jobs}"
        totals = (
            "SELECT s.series_uid FROM slides s JOIN instances i USING (series_uid) GROUP BY s.series_uid "
            "HAVING count(*) <> s.instances OR sum(i.size_bytes) <> s.size_bytes"
        )
        if wrong := asked(totals):
            yield f"slides do not add up: {wrong}"
        twice = "SELECT series_uid, revision, destination FROM deliveries GROUP BY 1, 2, 3 HAVING count(*) > 1"
        if owed_twice := asked(twice):
            yield f"owed twice: {owed_twice}"

    def _leftovers(self) -> Iterator[str]:
        """Partial files, and files that the ledger does not know."""
        data = self.node.folder / "node"
        if partial := [path.name for path in (data / "incoming").rglob("*") if path.is_file()]:
            yield f"partial files are left in the inbox: {partial}"
        if partial := [path.name for path in (data / "results").rglob("*.part")]:
            yield f"partial files are left among the results: {partial}"
        if found := [path.name for path in (data / "quarantine").iterdir()]:
            yield f"something was quarantined: {found}"
        known = {str(path) for (path,) in self.node.asked("SELECT path FROM instances")}
        held = {path.relative_to(data).as_posix() for path in (data / "instances").rglob("*") if path.is_file()}
        if stray := held - known:
            yield f"files that the ledger does not know: {sorted(stray)}"


def _said(bundle: object) -> list[object]:
    """What a bundle says, whatever its entries are called there: names and ids are given anew with each sending."""
    entries = bundle.get("entry", []) if isinstance(bundle, dict) else []
    resources = [entry["resource"] for entry in entries]
    return [_unnamed(each) for each in resources if each["resourceType"] != "Provenance"]


def _unnamed(value: object) -> object:
    if isinstance(value, list):
        return [_unnamed(each) for each in value]
    if isinstance(value, dict):
        return {key: _unnamed(each) for key, each in value.items() if key not in {"reference", "id"}}
    return value
