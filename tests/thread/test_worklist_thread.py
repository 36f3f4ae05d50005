"""The whole thread on a workitem: scheduled, claimed, killed, counted, delivered, committed, completed."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from marrowcount.phantom import PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.states import SlideState
from marrowcount_adapters.ups_worklist.json_model import Attributes, first, items
from marrowcount_adapters.wsi.header import read_facts
from marrowcount_adapters.wsm_writer import write_phantom
from running_node import PATIENCE_S, RunningNode, running_node
from workitems import COUNT, STATION, RunningWorklist, input_item, running_worklist

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

UID = "2.25.1"
GLOBAL = "1.2.840.10008.5.1.4.34.5"
PROGRESS = "ProcedureStepProgressInformationSequence"
SECTION = """
[[worklist]]
name = "ris"
url = "{url}"
station = "{station.value}^{station.scheme}^{station.meaning}"
workitem_codes = ["{code.value}^{code.scheme}^{code.meaning}"]
poll_s = 2.0
look_s = 0.2
"""


def wait_for(reached: Callable[[], bool], node: RunningNode) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, (node.folder / "node.log").read_text(encoding="utf-8")[-3000:]
        time.sleep(0.05)


def schedule(worklist: RunningWorklist, slide: list[Path]) -> None:
    facts = [read_facts(path) for path in slide]
    uids = [fact.sop_instance_uid for fact in facts]
    worklist.schedule(UID, input_item(facts[0].series_uid, *uids, study_uid=facts[0].study_uid))


def told(events: list[Attributes]) -> str:
    """Everything said of the progress so far."""
    progress = [item for event in events for item in items(event, PROGRESS)]
    return " | ".join(first(item, "ProcedureStepProgressDescription") for item in progress)


@contextmanager
def watching(worklist: RunningWorklist) -> Iterator[list[Attributes]]:
    """What the requestor is told, event by event."""
    events: list[Attributes] = []
    with connect(f"ws://127.0.0.1:{worklist.server.port}/subscribers/RIS") as channel:
        assert worklist.client.post(f"/workitems/{GLOBAL}/subscribers/RIS").status_code == 201
        reading = threading.Thread(target=_read, args=(channel, events))
        reading.start()
        yield events
    reading.join()


def _read(channel: ClientConnection, events: list[Attributes]) -> None:
    with suppress(ConnectionClosed):
        events.extend(json.loads(message) for message in channel)


def test_a_workitem_leads_to_its_result(tmp_path: Path) -> None:
    """The node is killed while it waits for the input and again while it counts.

    The requestor sees one workitem go from SCHEDULED to COMPLETED, its figure never falling, with references to exactly
    what the archive has.
    """
    slide = list(write_phantom(PhantomSlide("normal", 4711, SizePx(8192, 8192)), tmp_path / "phantom"))
    with running_worklist(tmp_path / "worklist") as worklist:
        section = SECTION.format(url=worklist.url, station=STATION, code=COUNT)
        (tmp_path / "node").mkdir()
        with watching(worklist) as events, running_node(tmp_path / "node", section) as node:
            schedule(worklist, slide)
            wait_for(lambda: "waiting for input" in told(events), node)
            node.kill()
            node.start()
            node.send(tmp_path / "phantom")
            wait_for(lambda: any(s.state is SlideState.COUNTING for s in node.ledger.slides()), node)
            node.kill()
            node.start()
            assert node.await_slide().state is SlideState.COUNTED
            wait_for(lambda: worklist.state(UID) == "COMPLETED", node)
            archived = node.at_the_pacs()
        ended = worklist.workitem(UID)
    step = items(ended, "UnifiedProcedureStepPerformedProcedureSequence")[0]
    outputs = items(step, "OutputInformationSequence")
    references = [r for output in outputs for r in items(output, "ReferencedSOPSequence")]
    assert {first(r, "ReferencedSOPInstanceUID") for r in references} == {d.SOPInstanceUID for d in archived.values()}
    assert {first(output, "SeriesInstanceUID") for output in outputs} == {
        d.SeriesInstanceUID for d in archived.values()
    }
    places = [first(p, "RetrieveAETitle") for output in outputs for p in items(output, "DICOMRetrievalSequence")]
    assert set(places) == {"PACS"}
    states = [first(event, "ProcedureStepState") for event in events if first(event, "ProcedureStepState")]
    assert states == ["SCHEDULED", "IN PROGRESS", "COMPLETED"]
    figures = [float(first(i, "ProcedureStepProgress")) for event in events for i in items(event, PROGRESS)]
    assert figures == sorted(figures)
    assert figures[-1] == 100
