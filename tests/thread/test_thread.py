"""The whole thread on one phantom: C-STORE in; annotations, report and bundle out; nothing lost when it is killed."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread

from marrowcount.cytology.cell_types import NDC_CLASSES
from marrowcount.phantom import PhantomSlide
from marrowcount.slides.geometry import SizePx
from marrowcount.slides.states import DeliveryState, SlideState
from marrowcount_adapters.annotations.decode import decode_cells
from marrowcount_adapters.wsm_writer import write_phantom, write_truth

if TYPE_CHECKING:
    from collections.abc import Callable

    from running_node import RunningNode

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    slide = PhantomSlide("normal", 4711, SizePx(8192, 8192))
    write_phantom(slide, folder)
    write_truth(slide, folder / "truth.json")
    return folder


def test_a_slide_goes_in_and_its_results_come_out(node: RunningNode, phantom: Path) -> None:
    """PACS and EHR get what was counted: the same numbers in result, annotations, report and bundle."""
    node.send(phantom)
    slide = node.await_slide()
    assert slide.state is SlideState.COUNTED, slide.message
    deliveries = node.await_deliveries()
    assert [(d.order.destination, d.state) for d in deliveries] == [
        ("archive", DeliveryState.COMMITTED),
        ("ehr", DeliveryState.DELIVERED),
    ]
    result, received = node.result(slide), node.at_the_pacs()
    cells = decode_cells(received["ANN MARROW CELLS"])
    assert len(cells) == sum(result["counts"].values())
    assert received["ANN MARROW TILES"].StudyInstanceUID == slide.study_uid
    report = received["SR"]
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    (bundle,) = node.bundles_at_the_ehr()
    statuses = {e["resource"]["status"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Observation"}
    assert statuses == {"preliminary"}
    assert set(result["ndc"]) == {cell_type.label for cell_type in NDC_CLASSES}


def test_the_count_is_near_the_truth(node: RunningNode, phantom: Path) -> None:
    """On a phantom of an unseen seed most classes lie inside the stated interval, widened for the models' errors."""
    node.send(phantom)
    result = node.result(node.await_slide())
    truth = json.loads((phantom / "truth.json").read_text())["ndc"]
    near = [c for c, s in result["ndc"].items() if s["low"] - 3 <= truth.get(c, 0) <= s["high"] + 3]
    assert len(near) >= 10, result["ndc"]


def test_sending_again_changes_nothing(node: RunningNode, phantom: Path) -> None:
    """The same slide sent twice is one slide with one result."""
    node.send(phantom)
    node.await_slide()
    before = node.await_deliveries()
    node.send(phantom)
    (slide,) = node.ledger.slides()
    assert (slide.revision, slide.state) == (1, SlideState.COUNTED)
    assert node.ledger.deliveries() == before


def test_a_label_alone_is_not_counted(node: RunningNode, phantom: Path, tmp_path: Path) -> None:
    """A series without a slide image never becomes a result."""
    (tmp_path / "label").mkdir()
    (tmp_path / "label" / "label.dcm").write_bytes((phantom / "label.dcm").read_bytes())
    node.send(tmp_path / "label")
    time.sleep(4)
    (slide,) = node.ledger.slides()
    assert slide.state in {SlideState.RECEIVING, SlideState.REFUSED}
    assert node.ledger.deliveries() == []


def await_state(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def killed_while_receiving(node: RunningNode, phantom: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(node.send, phantom, check=False)
        await_state(lambda: any(node.ledger.slides()))
        node.kill()
        sending.result()


def killed_while_counting(node: RunningNode, phantom: Path) -> None:
    node.send(phantom)
    await_state(lambda: node.ledger.slides()[0].state is SlideState.COUNTING)
    time.sleep(1)
    node.kill()


def killed_while_delivering(node: RunningNode, phantom: Path) -> None:
    node.send(phantom)
    await_state(lambda: node.ledger.slides()[0].state is SlideState.COUNTED)
    node.kill()


@pytest.mark.parametrize("killed", [killed_while_receiving, killed_while_counting, killed_while_delivering])
def test_a_killed_node_goes_on(node: RunningNode, phantom: Path, killed: Callable[[RunningNode, Path], None]) -> None:
    """After a SIGKILL at any stage and a restart, each peer ends with one result, and no instance is lost."""
    killed(node, phantom)
    acknowledged = [i.facts.sop_instance_uid for s in node.ledger.slides() for i in node.ledger.instances(s.series_uid)]
    node.start()
    node.send(phantom)
    slide = node.await_slide()
    assert slide.state is SlideState.COUNTED, slide.message
    assert {d.state for d in node.await_deliveries()} == {DeliveryState.COMMITTED, DeliveryState.DELIVERED}
    held = {i.facts.sop_instance_uid for i in node.ledger.instances(slide.series_uid)}
    assert held >= set(acknowledged)
    assert len(list((node.folder / "pacs").rglob("*.dcm"))) == 3
    observations = {
        json.dumps(entry["resource"].get("identifier")) for b in node.bundles_at_the_ehr() for entry in b["entry"]
    }
    assert len(observations) == len(node.bundles_at_the_ehr()[0]["entry"])


def test_what_the_pacs_got_is_what_the_node_holds(node: RunningNode, phantom: Path) -> None:
    """The files at the PACS are the node's files, bit for bit in their data sets."""
    node.send(phantom)
    slide = node.await_slide()
    node.await_deliveries()
    results = node.folder / "node" / "results" / slide.result_folder
    own = {dcmread(path).SOPInstanceUID: dcmread(path) for path in results.glob("*.dcm")}
    received = {dataset.SOPInstanceUID: dataset for dataset in node.at_the_pacs().values()}
    assert own == received
