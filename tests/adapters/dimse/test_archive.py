"""Asking an archive, and letting slides come by C-MOVE and C-GET, against pynetdicom's SCP of both."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import pytest
from pydicom.uid import UID, CTImageStorage
from pynetdicom import evt
from pynetdicom.dsutils import decode

from marrowcount.errors import DeliveryRefusedError, PeerError, StorageError
from marrowcount.ports import Archive, ListedSeries, WantedStudy
from marrowcount.ports.audit import OutgoingQuery
from marrowcount.testing import HeldClock, InMemoryLedger
from marrowcount.workflow.pull import PulledSlide, Pulling
from marrowcount.workflow.receive import ReceiveLimits, Receiving
from marrowcount_adapters.dimse import Calling, GetArchive, MoveArchive, Peer
from marrowcount_adapters.dimse.retrieve_statuses import refusal_of
from marrowcount_adapters.dimse.retrieving import MODEL_FIND, MODEL_GET
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.wsi.header import read_facts
from scripted_archive import ScriptedArchive, scripted_archive

US = Calling("MARROWCOUNT", answer_s=20)
UIDS = ["1.2.3.1", "1.2.3.2", "1.2.3.3"]


class Inbox:
    """What a node without a listener receives into."""

    def __init__(self, folder: Path, limits: ReceiveLimits | None = None) -> None:
        self.store, self.ledger = FolderStore(folder), InMemoryLedger()
        limits = limits or ReceiveLimits(min_free_bytes=0)
        self.receiving = Receiving(self.store, self.ledger, HeldClock(), read_facts, limits)

    def pull(self, archive: Archive, slide: ListedSeries) -> PulledSlide:
        return Pulling(self.ledger, self.store).pull(archive, slide, lambda _done, _total: None)

    def left_over(self) -> list[Path]:
        return list(self.store.incoming.iterdir())


@pytest.fixture
def script(make_slide: Callable[..., Path]) -> ScriptedArchive:
    return ScriptedArchive([make_slide(f"{uid}.dcm", uid=uid) for uid in UIDS])


@pytest.fixture(name="vault")
def start_vault(script: ScriptedArchive) -> Iterator[Callable[[], Peer]]:
    """Starts the archive when a test has made it what it shall be."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(scripted_archive(script))


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path / "inbox")


def only(slides: object) -> ListedSeries:
    assert isinstance(slides, list)
    (slide,) = slides
    assert isinstance(slide, ListedSeries)
    return slide


def test_a_study_is_found_by_patient_accession_or_uid(
    script: ScriptedArchive, make_slide: Callable[..., Path], vault: Callable[[], Peer]
) -> None:
    """Each names the study; what the archive says of it comes back; only the study level is asked."""
    changes = {"StudyInstanceUID": "1.9", "SeriesInstanceUID": "1.9.1", "PatientID": "P9", "AccessionNumber": "A9"}
    script.files.append(make_slide("other.dcm", uid="1.9.1.1", **changes))
    archive = MoveArchive("vault", vault(), US)
    for wanted in (WantedStudy("P9"), WantedStudy(accession_number="A9"), WantedStudy(study_uid="1.9")):
        (found,) = archive.find_studies(wanted)
        assert (found.study_uid, found.patient_id, found.accession_number) == ("1.9", "P9", "A9")
    assert archive.find_studies(WantedStudy("nobody")) == []
    assert {query.QueryRetrieveLevel for _, query in script.queries} == {"STUDY"}


def test_names_outside_of_ascii_are_asked_for_in_unicode(
    script: ScriptedArchive, make_slide: Callable[..., Path], vault: Callable[[], Peer]
) -> None:
    """The query says its character set, and the answer is read in its own."""
    changes = {"StudyInstanceUID": "1.9", "SpecificCharacterSet": "ISO_IR 100", "PatientID": "Ä7"}
    script.files.append(make_slide("other.dcm", uid="1.9.1.1", **changes))
    (found,) = MoveArchive("vault", vault(), US).find_studies(WantedStudy("Ä7"))
    assert found.patient_id == "Ä7"
    assert script.queries[0][1].SpecificCharacterSet == "ISO_IR 192"


def test_every_query_is_told_as_it_goes_out(script: ScriptedArchive, vault: Callable[[], Peer]) -> None:
    """The identifier in the transfer syntax that was agreed on, for each level; it is what the archive receives."""
    told: list[OutgoingQuery] = []
    archive = MoveArchive("vault", vault(), US, told.append)
    archive.find_studies(WantedStudy("SECRET-17"))
    archive.list_slides("1.2")
    assert {query.sop_class_uid for query in told} == {"1.2.840.10008.5.1.4.1.2.2.1"}
    syntaxes = [UID(query.transfer_syntax_uid) for query in told]
    read = [
        decode(BytesIO(query.query), syntax.is_implicit_VR, syntax.is_little_endian)
        for query, syntax in zip(told, syntaxes, strict=True)
    ]
    assert read == [query for _, query in script.queries]
    assert [query.QueryRetrieveLevel for query in read] == ["STUDY", "SERIES", "IMAGE"]


def test_only_slides_are_listed(
    script: ScriptedArchive, make_slide: Callable[..., Path], vault: Callable[[], Peer]
) -> None:
    """Series of another modality, and instances of another class within a slide's series, are left out.

    Every level is asked with the keys of those above it, as an archive without relational queries needs.
    """
    script.files.append(make_slide("ct.dcm", uid="1.2.8.1", SeriesInstanceUID="1.2.8", Modality="CT"))
    script.files.append(make_slide("note.dcm", uid="1.2.3.9", SOPClassUID=CTImageStorage))
    slide = only(MoveArchive("vault", vault(), US).list_slides("1.2"))
    assert (slide.series_uid, slide.unlisted) == ("1.2.3", 0)
    assert [instance.sop_instance_uid for instance in slide.instances] == UIDS
    series, instances = (query for _, query in script.queries)
    assert (series.QueryRetrieveLevel, series.StudyInstanceUID, series.Modality) == ("SERIES", "1.2", "SM")
    assert (instances.QueryRetrieveLevel, instances.StudyInstanceUID, instances.SeriesInstanceUID) == (
        "IMAGE",
        "1.2",
        "1.2.3",
    )


def test_an_archive_that_tells_no_class_and_no_count_is_understood(
    script: ScriptedArchive, vault: Callable[[], Peer]
) -> None:
    """Both are optional keys (PS3.4 Tables C.6-2 and C.6-3)."""
    script.unanswered = {"SOPClassUID", "NumberOfSeriesRelatedInstances", "Modality"}
    slide = only(MoveArchive("vault", vault(), US).list_slides("1.2", "1.2.3"))
    assert (len(slide.instances), slide.unlisted) == (3, 0)


def test_a_count_above_the_list_is_told(script: ScriptedArchive, vault: Callable[[], Peer]) -> None:
    """Number of Series Related Instances says that two more are there."""
    script.counted = 5
    assert only(MoveArchive("vault", vault(), US).list_slides("1.2")).unlisted == 2


def test_a_slide_comes_by_move(
    script: ScriptedArchive, vault: Callable[[], Peer], start_node: Callable[..., object]
) -> None:
    """The archive sends to the listening node; what is there already is not sent again; progress counts up to all."""
    node = start_node()
    script.destinations["MARROWCOUNT"] = ("127.0.0.1", node.listener.port)  # type: ignore[attr-defined]
    archive, seen = MoveArchive("vault", vault(), US), []
    pulling = Pulling(node.ledger, node.store)  # type: ignore[attr-defined]
    slide = only(archive.list_slides("1.2"))
    assert archive.fetch(slide, UIDS[:1], lambda *at: seen.append(at)) == []
    pulled = pulling.pull(archive, slide, lambda *at: seen.append(at))
    assert (pulled.whole, pulled.held_before, pulled.fetched) == (True, 1, 2)
    assert seen[-1] == (2, 2)
    assert [q.get("SOPInstanceUID") for service, q in script.queries if service == "C-MOVE"] == UIDS


def test_a_slide_comes_by_get_as_it_is_stored(script: ScriptedArchive, vault: Callable[[], Peer], inbox: Inbox) -> None:
    """Nobody listens; all come on the same association, in their own transfer syntax; the inbox is empty."""
    archive = GetArchive("vault", vault(), US, inbox.receiving)
    pulled = inbox.pull(archive, only(archive.list_slides("1.2")))
    assert (pulled.whole, pulled.fetched) == (True, 3)
    for path in script.files:
        held = inbox.ledger.instance(path.stem)
        assert held is not None
        assert inbox.store.same_data_set(path, held.file.path)
        assert hashlib.sha256(inbox.store.path(held.file.path).read_bytes()).hexdigest() == held.file.sha256
        assert held.sender == "VAULT"
    assert inbox.left_over() == []
    assert [q.QueryRetrieveLevel for service, q in script.queries if service == "C-GET"] == ["SERIES"]


def test_get_asks_for_what_is_lacking_alone(script: ScriptedArchive, vault: Callable[[], Peer], inbox: Inbox) -> None:
    """An instance that did not come the first time comes the second time, alone."""
    script.dropped.add(UIDS[1])
    archive = GetArchive("vault", vault(), US, inbox.receiving)
    slide = only(archive.list_slides("1.2"))
    first = inbox.pull(archive, slide)
    assert [(lack.sop_instance_uid, "B000H" in lack.reason) for lack in first.lacking] == [(UIDS[1], True)]
    script.dropped.clear()
    assert inbox.pull(archive, slide).fetched == 1
    assert script.queries[-1][1].SOPInstanceUID == UIDS[1]


def test_one_instance_that_always_fails_keeps_no_other_back(
    script: ScriptedArchive, vault: Callable[[], Peer], inbox: Inbox
) -> None:
    """Asked for one by one, the first one's A702 (all sub-operations failed) does not end the fetch."""
    script.dropped.add(UIDS[1])
    archive = GetArchive("vault", vault(), US, inbox.receiving)
    slide = only(archive.list_slides("1.2"))
    failures = archive.fetch(slide, UIDS[1:], lambda _done, _total: None)
    assert [failure.sop_instance_uid for failure in failures] == [UIDS[1]]
    assert inbox.ledger.instance(UIDS[2]) is not None


def test_an_instance_that_the_node_refuses_is_named_with_its_code(
    script: ScriptedArchive, make_slide: Callable[..., Path], vault: Callable[[], Peer], inbox: Inbox
) -> None:
    """What the archive sends must be what it announced, and whole; here a level has no matrix."""
    script.files[0] = make_slide("broken.dcm", uid=UIDS[0], TotalPixelMatrixRows=None)
    archive = GetArchive("vault", vault(), US, inbox.receiving)
    pulled = inbox.pull(archive, only(archive.list_slides("1.2")))
    assert [(lack.sop_instance_uid, lack.reason.split(":")[0]) for lack in pulled.lacking] == [
        (UIDS[0], "missing-attribute")
    ]


def test_a_full_disk_ends_the_pull(vault: Callable[[], Peer], tmp_path: Path) -> None:
    """It is the node's own failure and is told as such, not as the archive's; the archive hears A700."""
    inbox = Inbox(tmp_path / "inbox", ReceiveLimits(min_free_bytes=1 << 62))
    archive = GetArchive("vault", vault(), US, inbox.receiving)
    slide = only(archive.list_slides("1.2"))
    with pytest.raises(StorageError, match="disk-full"):
        inbox.pull(archive, slide)
    assert inbox.left_over() == []


@pytest.mark.parametrize(
    ("status", "code", "again"),
    [
        (0xA701, "archive-busy", True),
        (0xA702, "pull-incomplete", True),
        (0xA801, "destination-unknown", False),
        (0xA900, "query-refused", False),
        (0x0122, "peer-lacks-service", False),
        (0x0124, "not-authorised", False),
        (0xC001, "archive-failed", True),
        (0xFE00, "retrieve-cancelled", True),
    ],
)
def test_every_failure_of_a_retrieve_has_its_code(
    script: ScriptedArchive, vault: Callable[[], Peer], inbox: Inbox, status: int, code: str, *, again: bool
) -> None:
    """And says whether trying again may help; the instances are lacking for that reason.

    A702 with a count of failed sub-operations is told of each instance, so that others can still be fetched.
    """
    script.get_status = status
    archive = GetArchive("vault", vault(), US, inbox.receiving)
    pulled = inbox.pull(archive, only(archive.list_slides("1.2")))
    assert pulled.fault is not None
    assert (pulled.fault.code, pulled.fault.retryable) == (code, again)
    assert f"{status:04X}H" in pulled.fault.message
    assert len(pulled.lacking) == 3


@pytest.mark.parametrize(
    ("status", "code"), [(0xA700, "archive-busy"), (0xA900, "query-refused"), (0xC002, "archive-failed")]
)
def test_every_failure_of_a_query_has_its_code(
    script: ScriptedArchive, vault: Callable[[], Peer], status: int, code: str
) -> None:
    """An archive that fails has not answered that there is nothing."""
    script.find_status = status
    with pytest.raises(PeerError, match=code):
        MoveArchive("vault", vault(), US).list_slides("1.2")


def test_pending_with_ignored_keys_is_an_answer(script: ScriptedArchive, vault: Callable[[], Peer]) -> None:
    """FF01 says that an optional key was not matched by, no more."""
    script.find_status = 0xFF01
    assert len(only(MoveArchive("vault", vault(), US).list_slides("1.2")).instances) == 3


def test_a_destination_that_the_archive_does_not_know(vault: Callable[[], Peer]) -> None:
    """A801: the message says what has to be entered where."""
    archive = MoveArchive("vault", vault(), US)
    with pytest.raises(DeliveryRefusedError, match=r"destination-unknown.*AE title"):
        archive.fetch(only(archive.list_slides("1.2")), UIDS, lambda _done, _total: None)


def test_an_archive_without_the_service_is_told_of(
    script: ScriptedArchive, vault: Callable[[], Peer], inbox: Inbox
) -> None:
    """C-GET is not offered: another way has to be set."""
    script.services = (MODEL_FIND,)
    archive = GetArchive("vault", vault(), US, inbox.receiving)
    with pytest.raises(DeliveryRefusedError, match=r"peer-lacks-service.*move or web"):
        archive.fetch(only(archive.list_slides("1.2")), UIDS, lambda _done, _total: None)


def test_an_archive_that_grants_no_role_is_told_of(
    script: ScriptedArchive, vault: Callable[[], Peer], inbox: Inbox
) -> None:
    """Without the SCP role of storage nothing could be sent to us on our own association."""
    script.services, script.sends = (MODEL_FIND, MODEL_GET), False
    archive = GetArchive("vault", vault(), US, inbox.receiving)
    with pytest.raises(DeliveryRefusedError, match="peer-lacks-service"):
        archive.fetch(only(archive.list_slides("1.2")), UIDS, lambda _done, _total: None)


def test_an_association_that_ends_leaves_nothing_behind(
    script: ScriptedArchive, vault: Callable[[], Peer], inbox: Inbox
) -> None:
    """The archive aborts in the middle: a passing failure, no partial file, temporary files go where they went."""
    script.before = lambda event: event.assoc.abort()
    archive, before = GetArchive("vault", vault(), US, inbox.receiving), tempfile.tempdir
    pulled = inbox.pull(archive, only(archive.list_slides("1.2")))
    assert pulled.fault is not None
    assert (pulled.fault.code, pulled.fault.retryable) == ("association-lost", True)
    assert (inbox.left_over(), tempfile.tempdir) == ([], before)


def test_a_silent_archive_is_left(script: ScriptedArchive, vault: Callable[[], Peer], inbox: Inbox) -> None:
    """Nothing for as long as the settings allow is a failure, however long a message may take otherwise."""
    script.before = lambda event: event.assoc.dul.join(10)
    archive = GetArchive("vault", vault(), Calling("MARROWCOUNT", answer_s=0.5), inbox.receiving)
    pulled = inbox.pull(archive, only(archive.list_slides("1.2")))
    assert pulled.fault is not None
    assert pulled.fault.code == "association-lost"


def test_an_interrupted_pull_is_cancelled_at_the_archive(
    script: ScriptedArchive, vault: Callable[[], Peer], start_node: Callable[..., object]
) -> None:
    """Whoever presses Ctrl-C does not want the rest: C-CANCEL goes out before the association ends."""
    node, cancelled = start_node(), threading.Event()
    script.destinations["MARROWCOUNT"] = ("127.0.0.1", node.listener.port)  # type: ignore[attr-defined]

    def watched(event: evt.Event) -> None:
        event.assoc.bind(evt.EVT_DIMSE_RECV, lambda e: "C_CANCEL" in type(e.message).__name__ and cancelled.set())

    script.before = watched
    archive = MoveArchive("vault", vault(), US)

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        archive.fetch(only(archive.list_slides("1.2")), UIDS, interrupt)
    assert cancelled.wait(10)


def test_statuses_without_an_entry_are_final() -> None:
    """An unknown status is no success and is not tried for ever."""
    fault = refusal_of(Peer("VAULT", "h", 104), "C-MOVE", 0x0211)
    assert fault is not None
    assert (fault.code, fault.retryable) == ("unexpected-status", False)
    assert refusal_of(Peer("VAULT", "h", 104), "C-MOVE", 0x0000) is None


@pytest.mark.parametrize(("status", "code"), [(None, "association-lost"), (0xA702, "sub-operations-failed")])
def test_failures_that_name_nothing(status: int | None, code: str) -> None:
    """No answer, and A702 without any count, are failures of the whole, which may pass."""
    fault = refusal_of(Peer("VAULT", "h", 104), "C-MOVE", status)
    assert fault is not None
    assert (fault.code, fault.retryable) == (code, True)
