"""A slide that was counted and cannot be counted any more: what the worker leaves and owes."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydicom import dcmread
from pydicom.uid import ComprehensiveSRStorage

from given_instances import write_instance
from marrowcount.main.result_files import DIFFERENTIAL_SR, NOTE_ENDING, RESULT_FILE
from marrowcount.main.worker import SlideCounter
from marrowcount.ports import CountedOutcome, DeliveryKind, DeliveryOrder, RefusedOutcome, TakenFile
from marrowcount.settings import NodeSection, PacsSection, Settings
from marrowcount.slides.states import DeliveryState
from marrowcount.testing import InMemoryLedger, ScriptedCellModel, ScriptedRoiModel, TemporaryStore, made_up_instance
from marrowcount.workflow.leases import Lease, LeaseLostError
from marrowcount_adapters.structured_report.rejection import taken_back

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.ports import Job

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
SLIDE = "1.2.3"
LEASE_S = 60.0


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """One PACS, which wants no results of this slide any more, and of others only reports."""
    pacs = PacsSection(
        name="pacs", ae_title="PACS", host="127.0.0.1", port=104, modalities=("SR",), senders=("NOBODY",)
    )
    return Settings(node=NodeSection(data_folder=tmp_path), pacs=(pacs,))


@pytest.fixture
def ledger(settings: Settings) -> InMemoryLedger:
    """It knows a slide whose first result the PACS has."""
    ledger = InMemoryLedger()
    job, file = taken_up(ledger, 1), f"{SLIDE}/1.1/{DIFFERENTIAL_SR}"
    (settings.results_folder / file).parent.mkdir(parents=True)
    write_instance(settings.results_folder / file, ComprehensiveSRStorage, "2.25.1")
    (settings.results_folder / file).with_name(RESULT_FILE).write_text("{}")
    order = DeliveryOrder(DeliveryKind.DICOM, "pacs", (file,))
    assert ledger.finish(job, CountedOutcome(f"{SLIDE}/1.1", "{}", (order,)), NOW)
    delivery = ledger.lease_delivery("sender", NOW, LEASE_S)
    assert delivery is not None
    ledger.file_taken(delivery, TakenFile(file, ComprehensiveSRStorage, "2.25.1"))
    ledger.delivered(delivery, NOW)
    return ledger


def taken_up(ledger: InMemoryLedger, revision: int) -> Job:
    """A late instance whose file is no sound image, and the job of counting with it."""
    ledger.record_instance(made_up_instance(SLIDE, revision, NOW))
    assert ledger.mark_ready(SLIDE, revision, "complete", NOW)
    job = ledger.lease_job("worker", NOW, LEASE_S)
    assert job is not None
    return job


@pytest.fixture
def counter(settings: Settings, ledger: InMemoryLedger, tmp_path: Path) -> SlideCounter:
    """A worker's; none of the slide's files can be read."""
    models = (ScriptedRoiModel(), ScriptedCellModel())
    store = TemporaryStore(tmp_path / "store")
    for instance in ledger.instances(SLIDE):
        store.path(instance.file.path).parent.mkdir(parents=True, exist_ok=True)
        store.path(instance.file.path).write_bytes(b"no image")
    return SlideCounter(settings, ledger, ledger, store, cast("Any", models), threading.Event(), cast("Any", None))


def lease_of(job: Job) -> Lease:
    return Lease(f"job-{job.job_id}", lambda: True, LEASE_S)


def test_a_damaged_slide_takes_its_earlier_result_back(
    settings: Settings, ledger: InMemoryLedger, counter: SlideCounter
) -> None:
    """Whatever the destination wants now, and though nothing of the slide can be read any more."""
    job = taken_up(ledger, 2)
    outcome = counter.count(job, lease_of(job))
    assert isinstance(outcome, RefusedOutcome)
    (order,) = outcome.deliveries
    assert (order.kind, order.destination) == (DeliveryKind.DICOM, "pacs")
    (file,) = order.files
    note = dcmread(settings.results_folder / file)
    assert list(taken_back(note)) == ["2.25.1"]
    assert any(outcome.code in item.get("TextValue", "") for item in note.ContentSequence)
    assert json.loads(outcome.summary)["reason"] == outcome.code
    folder = settings.results_folder / SLIDE / "2.1"
    assert {path.name for path in folder.iterdir()} == {RESULT_FILE, file.rpartition("/")[2]}
    assert ledger.refuse(job, outcome, NOW)
    assert [each.state for each in ledger.deliveries(SLIDE)] == [DeliveryState.DELIVERED, DeliveryState.WAITING]


def test_a_second_refusal_says_the_same_by_the_same_note(
    settings: Settings, ledger: InMemoryLedger, counter: SlideCounter
) -> None:
    """An instance never changes: its file is taken over from the revision before."""
    for revision in (2, 3):
        job = taken_up(ledger, revision)
        outcome = counter.count(job, lease_of(job))
        assert isinstance(outcome, RefusedOutcome)
        assert ledger.refuse(job, replace(outcome, summary=""), NOW)
    first, second = (next((settings.results_folder / SLIDE / f"{n}.1").glob(f"*{NOTE_ENDING}")) for n in (2, 3))
    assert first.samefile(second)


def test_a_worker_that_lost_the_job_owes_nothing(ledger: InMemoryLedger, counter: SlideCounter) -> None:
    """Another one says what becomes of the slide."""
    job = taken_up(ledger, 2)
    ledger.record_instance(made_up_instance(SLIDE, 3, NOW))
    with pytest.raises(LeaseLostError):
        counter.count(job, lease_of(job))
