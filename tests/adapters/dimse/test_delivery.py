"""Sending to the stand-in PACS, which runs as a process of its own, and hearing from it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from itertools import islice
from queue import Queue
from typing import TYPE_CHECKING

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComprehensiveSRStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    MicroscopyBulkSimpleAnnotationsStorage,
    VLWholeSlideMicroscopyImageStorage,
)
from pynetdicom import AE, StoragePresentationContexts, evt
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.sop_class import uid_to_service_class
from structlog.testing import capture_logs

from giving import given
from marrowcount.errors import DeliveryRefusedError, InstanceError, PeerError
from marrowcount.ports import CommitmentReport, FailedReference, Reference
from marrowcount_adapters.dimse import Calling, DicomDestination, Peer, Verdict, send_files
from marrowcount_adapters.dimse.association import open_association
from marrowcount_adapters.dimse.commitment import (
    ACTION_REQUEST,
    COMMITMENT_INSTANCE,
    decode_report,
    encode_report,
    encode_request,
)
from marrowcount_adapters.dimse.contexts import COMMITMENT, VERIFICATION, commitment_context, storage_context
from marrowcount_adapters.dimse.pacs import main
from marrowcount_adapters.dimse.statuses import verdict_of
from result_files import document, result_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Node
    from pynetdicom.events import Event

CALLING = Calling("MARROWCOUNT", answer_s=20)
BOTH = (
    Reference(str(MicroscopyBulkSimpleAnnotationsStorage), "1.2.8.1"),
    Reference(str(ComprehensiveSRStorage), "1.2.8.2"),
)

StartPacs = "Callable[..., AbstractContextManager[StandIn]]"


@pytest.fixture
def results(tmp_path: Path) -> list[Path]:
    return result_files(tmp_path)


@pytest.fixture
def serve() -> Iterator[Callable[..., Peer]]:
    """Starts peers with the test's own handlers and contexts."""
    entities: list[AE] = []

    def start(*contexts: tuple[str, list[str] | None], **handlers: Callable[[Event], object]) -> Peer:
        entity = AE("FAKE")
        for sop_class, syntaxes in contexts:
            entity.add_supported_context(sop_class, syntaxes or [ExplicitVRLittleEndian])
        bound = [(getattr(evt, name), handler) for name, handler in handlers.items()]
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=bound)
        entities.append(entity)
        return Peer("FAKE", "127.0.0.1", server.server_address[1])

    yield start
    for entity in entities:
        entity.shutdown()


def answering(*statuses: int) -> Callable[[Event], int]:
    left = list(statuses)
    return lambda _: left.pop(0)


RESULT_CONTEXTS = ((MicroscopyBulkSimpleAnnotationsStorage, None), (ComprehensiveSRStorage, None))


def test_results_arrive_in_order_and_unchanged(start_pacs: StartPacs, results: list[Path]) -> None:
    """Annotations first, then the report that refers to them, each bit by bit."""
    with start_pacs() as pacs:
        destination = DicomDestination("pacs", pacs.peer, CALLING, commit=False)
        given(destination, results)
        stored = {path.stem: dcmread(path) for path in pacs.folder.glob("*.dcm")}
    assert stored == {"1.2.8.1": dcmread(results[0]), "1.2.8.2": dcmread(results[1])}


def test_progress_is_told_file_by_file(start_pacs: StartPacs, results: list[Path]) -> None:
    """Whoever sends by hand sees each file's answer as it comes."""
    told: list[tuple[str, Verdict]] = []
    with start_pacs() as pacs:
        send_files(results, pacs.peer, CALLING, progress=lambda sent: told.append((sent.file.name, sent.verdict)))
    assert told == [("ann.dcm", Verdict.TAKEN), ("sr.dcm", Verdict.TAKEN)]


def test_commitment_comes_back_by_a_reverse_association(start_pacs: StartPacs, results: list[Path], node: Node) -> None:
    """The PACS calls our listener as SCP of storage commitment (PS3.4 J.3.3) with the transaction we asked for."""
    with start_pacs("--event-to", f"MARROWCOUNT@127.0.0.1:{node.listener.port}") as pacs:
        transaction_uid = given(DicomDestination("pacs", pacs.peer, CALLING, commit=True), results).commitment_uid
        report = node.reports.get(timeout=20)
    assert report == CommitmentReport(transaction_uid, BOTH)


def test_commitment_may_come_on_the_asking_association(start_pacs: StartPacs, results: list[Path]) -> None:
    """Archives that report at once, on the same association, are heard too."""
    reports: Queue[CommitmentReport] = Queue()
    with start_pacs() as pacs:
        destination = DicomDestination("pacs", pacs.peer, CALLING, commit=True, on_commitment=reports.put)
        transaction_uid = given(destination, results).commitment_uid
        assert reports.get(timeout=20) == CommitmentReport(transaction_uid, BOTH)


def test_each_request_for_commitment_is_a_new_transaction(start_pacs: StartPacs, results: list[Path]) -> None:
    """A Transaction UID is never used twice (PS3.4 J.3.2.1.1)."""
    with start_pacs() as pacs:
        destination = DicomDestination("pacs", pacs.peer, CALLING, commit=True)
        first, second = (given(destination, results).commitment_uid for _ in range(2))
    assert first != second
    assert first.startswith("2.25.")


def test_the_stand_in_ends_though_a_report_is_unanswered(tmp_path: Path) -> None:
    """Asked to stop, it does so within seconds, whoever still owes it an answer on an association."""
    command = [sys.executable, "-m", "marrowcount_adapters.dimse.pacs", "--folder", str(tmp_path / "pacs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        peer = Peer("PACS", "127.0.0.1", json.loads(process.stdout.readline())["port"])
        association = open_association(peer, CALLING, [commitment_context()])
        asked = encode_request("2.25.1", BOTH)
        association.send_n_action(asked, ACTION_REQUEST, COMMITMENT, COMMITMENT_INSTANCE)
        association._reactor_checkpoint.clear()  # hears the report and does not answer it
        time.sleep(0.3)
        process.terminate()
        process.wait(timeout=10)
        association.abort()


def test_missing_instances_are_reported_as_failed(start_pacs: StartPacs, results: list[Path], node: Node) -> None:
    """What the PACS does not hold it does not commit to."""
    with start_pacs("--event-to", f"MARROWCOUNT@127.0.0.1:{node.listener.port}") as pacs:
        destination = DicomDestination("pacs", pacs.peer, CALLING, commit=True)
        given(destination, results)
        node.reports.get(timeout=20)
        (pacs.folder / "1.2.8.2.dcm").unlink()
        references = [Reference(str(ComprehensiveSRStorage), "1.2.8.2")]
        transaction_uid = destination._ask_for_commitment(references)
        missing = FailedReference(str(ComprehensiveSRStorage), "1.2.8.2", 0x0112)
        assert node.reports.get(timeout=20) == CommitmentReport(transaction_uid, (), (missing,))


def test_report_that_is_faster_than_the_ledger_is_offered_again(
    start_node: Callable[..., Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PACS may report before the node has recorded that it sent; the report waits for that."""
    node, offers = start_node(), [False, False, True]
    monkeypatch.setattr(node.listener, "_on_commitment", lambda *_: offers.pop(0))
    report = CommitmentReport("2.25.1", (Reference("1.2", "1.2.3"),), ())
    association = open_association(node.peer, CALLING, [commitment_context()])
    answer, _ = association.send_n_event_report(encode_report(report), 1, COMMITMENT, COMMITMENT_INSTANCE)
    association.release()
    assert (answer.Status, offers) == (0x0000, [])


def test_malformed_report_is_answered_with_failure(node: Node) -> None:
    """A report without its transaction is refused, and nobody is told."""
    association = open_association(node.peer, CALLING, [commitment_context()])
    without_transaction = Dataset()
    without_transaction.RetrieveAETitle = "PACS"
    answer, _ = association.send_n_event_report(without_transaction, 1, COMMITMENT, COMMITMENT_INSTANCE)
    association.release()
    assert answer.Status != 0x0000
    assert node.reports.empty()


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (0x0000, Verdict.TAKEN),
        (0xB000, Verdict.TAKEN),
        (0xB007, Verdict.TAKEN),
        (0xA700, Verdict.TRY_LATER),
        (0xA7FF, Verdict.TRY_LATER),
        (0x0213, Verdict.TRY_LATER),
        (None, Verdict.TRY_LATER),
        (0xA900, Verdict.REFUSED),
        (0xC000, Verdict.REFUSED),
        (0x0110, Verdict.REFUSED),
        (0x0111, Verdict.REFUSED),
        (0x0122, Verdict.REFUSED),
        (0x0124, Verdict.REFUSED),
    ],
)
def test_statuses_are_judged(status: int | None, verdict: Verdict) -> None:
    """Warnings are success, lack of resources passes, everything else is for good (PS3.4 Table B.2-1, PS3.7 C)."""
    assert verdict_of(status) is verdict


def test_refusal_for_good_is_not_retried(serve: Callable[..., Peer], results: list[Path]) -> None:
    """A900 would be A900 again: the delivery is refused, with status and instance in the message."""
    peer = serve(*RESULT_CONTEXTS, EVT_C_STORE=answering(0x0000, 0xA900))
    with pytest.raises(DeliveryRefusedError) as failure:
        given(DicomDestination("pacs", peer, CALLING, commit=False), results)
    assert "1.2.8.2" in failure.value.message
    assert "A900H" in failure.value.message


def test_lack_of_resources_is_retried(serve: Callable[..., Peer], results: list[Path]) -> None:
    """A700 passes, so it is an error that is worth a retry."""
    peer = serve(*RESULT_CONTEXTS, EVT_C_STORE=answering(0xA700, 0x0000))
    with pytest.raises(PeerError) as failure:
        given(DicomDestination("pacs", peer, CALLING, commit=False), results)
    assert failure.value.retryable


def test_warning_counts_as_taken(serve: Callable[..., Peer], results: list[Path]) -> None:
    """An archive that coerced an attribute has the instance (B000)."""
    peer = serve(*RESULT_CONTEXTS, EVT_C_STORE=answering(0xB000, 0xB007))
    taken = given(DicomDestination("pacs", peer, CALLING, commit=False), results).taken
    assert [one.code for one in taken] == [0xB000, 0xB007]


def test_pacs_that_does_not_take_annotations_refuses_for_good(serve: Callable[..., Peer], results: list[Path]) -> None:
    """Where the class is not accepted a retry cannot help; the other file is still sent."""
    peer = serve((ComprehensiveSRStorage, None), EVT_C_STORE=answering(0x0000))
    report = send_files(results, peer, CALLING)
    assert [sent.verdict for sent in report.sent] == [Verdict.REFUSED, Verdict.TAKEN]
    with pytest.raises(DeliveryRefusedError):
        given(DicomDestination("pacs", serve((ComprehensiveSRStorage, None)), CALLING, commit=False), results[:1])


def test_implicit_vr_alone_is_enough(serve: Callable[..., Peer], results: list[Path]) -> None:
    """A PACS that takes nothing but the default transfer syntax gets the documents converted."""
    received: Queue[Dataset] = Queue()

    def keep(event: Event) -> int:
        received.put(event.dataset)
        return 0x0000

    implicit = ["1.2.840.10008.1.2"]
    peer = serve(*((sop_class, implicit) for sop_class, _ in RESULT_CONTEXTS), EVT_C_STORE=keep)
    assert send_files(results, peer, CALLING).failures == ()
    assert received.get(timeout=5).Modality == "ANN"


def test_peer_that_aborts_is_tried_again(serve: Callable[..., Peer], results: list[Path]) -> None:
    """An association that ends without an answer leaves all that is left untaken, for a retry."""
    peer = serve(*RESULT_CONTEXTS, EVT_C_STORE=lambda event: event.assoc.abort())
    report = send_files(results, peer, CALLING)
    assert [sent.verdict for sent in report.sent] == [Verdict.TRY_LATER, Verdict.TRY_LATER]
    with pytest.raises(PeerError) as failure:
        given(DicomDestination("pacs", peer, CALLING, commit=False), results)
    assert failure.value.code == "instance-not-taken"


def test_archive_without_storage_commitment_has_still_taken_the_files(
    serve: Callable[..., Peer], results: list[Path]
) -> None:
    """What was stored is delivered, without a transaction to wait for; a warning says that nothing was committed to."""
    peer = serve(*RESULT_CONTEXTS, EVT_C_STORE=answering(0, 0))
    with capture_logs() as logs:
        assert given(DicomDestination("pacs", peer, CALLING, commit=True), results).commitment_uid == ""
    warning = {"event": "commitment.unavailable", "destination": "pacs", "code": "peer-lacks-service"}
    assert [log for log in logs if log["log_level"] == "warning"] == [{**warning, "log_level": "warning"}]


@pytest.mark.parametrize(("contexts", "said"), [([(COMMITMENT, None)], "offers storage"), ([], "commitment = false")])
def test_check_says_whether_commitment_is_to_be_had(
    serve: Callable[..., Peer], contexts: list[tuple[str, None]], said: str
) -> None:
    """Before the first result is owed, the administrator sees what the archive offers, and what to do."""
    peer = serve((VERIFICATION, None), *contexts)
    assert said in DicomDestination("pacs", peer, CALLING, commit=True).check()


def test_refused_request_for_commitment_is_a_peer_error(serve: Callable[..., Peer], results: list[Path]) -> None:
    """N-ACTION answered with failure means that nothing is committed to."""
    peer = serve(
        *RESULT_CONTEXTS,
        (COMMITMENT, None),
        EVT_C_STORE=answering(0, 0),
        EVT_N_ACTION=lambda _: (0x0110, None),
    )
    with pytest.raises(PeerError) as failure:
        given(DicomDestination("pacs", peer, CALLING, commit=True), results)
    assert failure.value.code == "commitment-not-taken"
    assert "0110H" in failure.value.message


def test_check_echoes(start_pacs: StartPacs) -> None:
    """Asking a destination whether it answers is C-ECHO."""
    with start_pacs() as pacs:
        assert "answered C-ECHO" in DicomDestination("pacs", pacs.peer, CALLING, commit=False).check()


def test_host_names_are_resolved(start_pacs: StartPacs) -> None:
    """A name without a dot, such as localhost, is not taken for an IPv6 address."""
    with start_pacs() as pacs:
        peer = Peer("PACS", "localhost", pacs.peer.port)
        assert "answered" in DicomDestination("pacs", peer, CALLING, commit=False).check()


def test_rejected_caller_hears_why(start_node: Callable[..., Node], results: list[Path]) -> None:
    """The reason of the rejection reaches the operator."""
    node = start_node(allowed_callers=frozenset({"SOMEBODY"}))
    with pytest.raises(PeerError) as failure:
        send_files(results, node.peer, CALLING)
    assert failure.value.code == "association-rejected"
    assert "alling AE title not recognised" in failure.value.message


def test_peer_that_never_answers_is_given_up(results: list[Path]) -> None:
    """Something that accepts connections and says nothing is unreachable, in bounded time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        peer = Peer("SILENT", "127.0.0.1", silent.getsockname()[1])
        began = time.monotonic()
        with pytest.raises(PeerError):
            send_files(results, peer, Calling("MARROWCOUNT", connect_s=1, associate_s=0.5, answer_s=1))
    assert time.monotonic() - began < 10


def test_files_that_are_no_dicom_are_named_before_anything_is_sent(tmp_path: Path, results: list[Path]) -> None:
    """One wrong file among many stops the sending before it begins."""
    wrong = tmp_path / "notes.txt"
    wrong.write_text("no DICOM")
    with pytest.raises(InstanceError) as failure:
        send_files([*results, wrong], Peer("PACS", "127.0.0.1", 9), CALLING)
    assert "notes.txt" in failure.value.message


def test_more_kinds_of_files_than_contexts_take_several_associations(
    serve: Callable[..., Peer], tmp_path: Path
) -> None:
    """An association has at most 128 presentation contexts (PS3.8 9.3.2.2); two go to each uncompressed class."""
    accepted: Queue[Event] = Queue()
    storable = (
        c for c in StoragePresentationContexts if uid_to_service_class(c.abstract_syntax) is StorageServiceClass
    )
    classes = list(islice(storable, 65))
    files = [
        document(tmp_path / f"{number}.dcm", context.abstract_syntax, f"1.2.8.{number}")
        for number, context in enumerate(classes)
    ]
    taken = ((context.abstract_syntax, None) for context in classes)
    peer = serve(*taken, EVT_ACCEPTED=accepted.put, EVT_C_STORE=lambda _: 0x0000)
    assert send_files(files, peer, CALLING).failures == ()
    assert accepted.qsize() == 2


def test_sending_reads_no_further_ahead_than_the_network_takes(
    serve: Callable[..., Peer], make_slide: Callable[..., Path]
) -> None:
    """A slide of gigabytes is never in memory: while the peer does not read, little of the file is queued."""
    go_on = threading.Event()

    def stall(event: Event) -> None:
        if type(event.pdu).__name__ == "P_DATA_TF":
            go_on.wait(20)

    peer = serve(
        (VLWholeSlideMicroscopyImageStorage, [JPEGBaseline8Bit]), EVT_PDU_RECV=stall, EVT_C_STORE=lambda _: 0x0000
    )
    association = open_association(
        peer, CALLING, [storage_context(str(VLWholeSlideMicroscopyImageStorage), str(JPEGBaseline8Bit))]
    )
    slide = make_slide(frame_bytes=20_000_000)
    answers: Queue[Dataset] = Queue()
    sending = threading.Thread(target=lambda: answers.put(association.send_c_store(slide)))
    sending.start()
    time.sleep(0.5)
    queued = association.dul.to_provider_queue.qsize()
    go_on.set()
    assert answers.get(timeout=20).Status == 0x0000
    sending.join()
    association.release()
    assert 0 < queued < 100


def test_commitment_report_survives_encoding() -> None:
    """What one side encodes the other decodes."""
    report = CommitmentReport("2.25.17", (Reference("1.2", "1.2.3"),), (FailedReference("1.2", "1.2.4", 0x0112),))
    assert decode_report(encode_report(report)) == report


def test_stand_in_refuses_settings_it_cannot_use(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A wrong peer is told in one line, and nothing is started."""
    assert main(["--folder", str(tmp_path), "--event-to", "nowhere"]) == 2
    assert "[bad-peer]" in capsys.readouterr().err
