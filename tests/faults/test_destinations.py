"""Destinations that are gone for an hour: everything is delivered after, each result once, without anybody's doing."""

from __future__ import annotations

import json
from contextlib import ExitStack
from random import Random
from typing import TYPE_CHECKING

from marrowcount.main.processes import free_port, module_process
from marrowcount.ports import CountedOutcome, DeliveryKind, DeliveryOrder
from marrowcount.slides.states import DeliveryState
from marrowcount.testing import HeldClock, made_up_instance
from marrowcount.workflow.deliver import deliver_once
from marrowcount_adapters.dimse import Calling, DicomDestination, Peer
from marrowcount_adapters.fhir_client import FhirDestination
from marrowcount_adapters.sql import open_ledger
from result_files import result_files

if TYPE_CHECKING:
    from pathlib import Path

    from marrowcount.ports import Destination, Ledger

HOUR_S = 3600
STEP_S = 60
SLIDES = ("1.2.8", "1.2.9")


def owe(ledger: Ledger, clock: HeldClock, slide: str, orders: tuple[DeliveryOrder, ...]) -> None:
    ledger.record_instance(made_up_instance(slide, 1, clock.now()))
    ledger.mark_ready(slide, 1, "complete", clock.now())
    job = ledger.lease_job("worker", clock.now(), 60)
    assert job is not None
    assert ledger.finish(job, CountedOutcome(f"{slide}/1.1", "{}", orders), clock.now())


def test_an_hour_without_destinations_is_made_up_for(tmp_path: Path) -> None:
    """Attempts become seldom, none is the last one, and within one pause of their return all is there."""
    clock, ledger = HeldClock(), open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    pacs_port, ehr_port = free_port(), free_port()
    calling = Calling("MARROWCOUNT", 2, 5, 20)
    destinations: dict[str, Destination] = {
        "pacs": DicomDestination("pacs", Peer("PACS", "127.0.0.1", pacs_port), calling, commit=False),
        "ehr": FhirDestination("ehr", f"http://127.0.0.1:{ehr_port}/fhir"),
    }
    files = result_files(tmp_path)
    (tmp_path / "fhir.json").write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": []}))
    orders = (
        DeliveryOrder(DeliveryKind.DICOM, "pacs", tuple(file.name for file in files)),
        DeliveryOrder(DeliveryKind.FHIR, "ehr", ("fhir.json",)),
    )
    random = Random(5)  # noqa: S311 - jitter guards no secret

    def deliver_for(seconds: int) -> None:
        for _ in range(0, seconds, STEP_S):
            while deliver_once(ledger, clock, "sender", destinations, tmp_path.joinpath, random=random):
                pass
            clock.advance(STEP_S)

    for slide in SLIDES:
        owe(ledger, clock, slide, orders)
    deliver_for(HOUR_S)
    assert {delivery.state for delivery in ledger.deliveries()} == {DeliveryState.WAITING}
    assert all(5 <= delivery.attempts <= 40 for delivery in ledger.deliveries())
    with ExitStack() as stack:
        stack.callback(ledger.close)
        pacs = ["marrowcount_adapters.dimse.pacs", "--ae", "PACS", "--port", str(pacs_port)]
        stack.enter_context(module_process([*pacs, "--folder", str(tmp_path / "pacs")], tmp_path / "pacs.log"))
        ehr = ["marrowcount_adapters.fhir_client.stand_in", "--port", str(ehr_port), "--folder", str(tmp_path / "ehr")]
        stack.enter_context(module_process(ehr, tmp_path / "ehr.log"))
        deliver_for(20 * STEP_S)
        assert {delivery.state for delivery in ledger.deliveries()} == {DeliveryState.DELIVERED}
    assert len(list((tmp_path / "pacs").glob("*.dcm"))) == len(files)
    assert len(list((tmp_path / "ehr").iterdir())) == len(SLIDES)
