"""The node's DICOM service answers for what it holds, as its settings say."""

from __future__ import annotations

import logging
from queue import Queue
from typing import TYPE_CHECKING

import pytest
from pydicom.uid import VLWholeSlideMicroscopyImageStorage
from pynetdicom import AE, evt

from marrowcount.main.commitments import answering_policy, requesters
from marrowcount.main.dimse_service import dimse_service
from marrowcount.main.parts import open_parts
from marrowcount.ports import CommitmentReport, CommitmentState, Reference
from marrowcount.settings import Settings
from marrowcount.slides.expectations import ExpectationSource
from marrowcount.workflow.answering import Scrutiny
from marrowcount_adapters.dimse import Peer, send_files
from marrowcount_adapters.dimse.commitment import COMMITMENT_INSTANCE, decode_report, encode_request
from marrowcount_adapters.dimse.contexts import COMMITMENT
from slide_files import slide_file

if TYPE_CHECKING:
    from pathlib import Path

    from pynetdicom.events import Event

HELD = Reference(str(VLWholeSlideMicroscopyImageStorage), "1.2.3.1")


@pytest.fixture(autouse=True)
def _quiet_pynetdicom() -> None:
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


def node_settings(tmp_path: Path, **more: object) -> Settings:
    node = {"port": 0, "data_folder": str(tmp_path / "node")}
    receive = {"disk_watermark_gib": 0.0}
    return Settings(node=node, receive=receive, **more)  # type: ignore[arg-type]


def test_a_scanner_asks_the_node_and_hears(tmp_path: Path) -> None:
    """From N-ACTION over ledger, disk and ticks to N-EVENT-REPORT; completeness hears what was named."""
    reports: Queue[CommitmentReport] = Queue()

    def hear(event: Event) -> tuple[int, None]:
        reports.put(decode_report(event.event_information))
        return 0x0000, None

    entity = AE("SCANNER")
    entity.add_requested_context(COMMITMENT)
    with open_parts(node_settings(tmp_path)) as parts, dimse_service(parts) as announced:
        port = int(str(announced["port"]))
        peer = Peer("MARROWCOUNT", "127.0.0.1", port)
        assert send_files([slide_file(tmp_path / "a.dcm", HELD.sop_instance_uid)], peer, "SCANNER").failures == ()
        handlers = [(evt.EVT_N_EVENT_REPORT, hear)]
        association = entity.associate("127.0.0.1", port, ae_title="MARROWCOUNT", evt_handlers=handlers)
        request = encode_request("2.25.1", [HELD])
        answer, _ = association.send_n_action(request, 1, COMMITMENT, COMMITMENT_INSTANCE)
        assert answer.Status == 0x0000
        assert reports.get(timeout=30) == CommitmentReport("2.25.1", (HELD,))
        association.release()
        assert parts.expectations.find(ExpectationSource.COMMITMENT, "2.25.1") is not None
        states = [task.state for task in parts.commitments.requests()]
    assert states[0] in {CommitmentState.REPORTING, CommitmentState.REPORTED}


def test_requesters_are_named_by_the_settings(tmp_path: Path) -> None:
    """A PACS need not be named twice; one that is named as requester is called there."""
    pacs = [{"name": name, "ae_title": name.upper(), "host": name, "port": 104} for name in ("east", "west")]
    scanner = {"ae_title": "SCANNER", "host": "scanner", "port": 11112}
    elsewhere = {"ae_title": "WEST", "host": "gateway", "port": 105}
    known = requesters(node_settings(tmp_path, pacs=pacs, requester=[scanner, elsewhere]))
    assert {title: str(peer) for title, (peer, _) in known.items()} == {
        "EAST": "EAST@east:104",
        "WEST": "WEST@gateway:105",
        "SCANNER": "SCANNER@scanner:11112",
    }
    assert {calling.ae_title for _, calling in known.values()} == {"MARROWCOUNT"}


def test_how_hard_it_looks_stands_in_the_settings(tmp_path: Path) -> None:
    """By default each byte is looked at."""
    assert answering_policy(node_settings(tmp_path)).scrutiny is Scrutiny.DIGEST
    section = {"verify": "size", "wait_s": 5, "give_up_after_h": 1}
    policy = answering_policy(node_settings(tmp_path, commitment=section))
    assert (policy.scrutiny, policy.wait_s, policy.give_up_after_s) == (Scrutiny.SIZE, 5, 3600)
