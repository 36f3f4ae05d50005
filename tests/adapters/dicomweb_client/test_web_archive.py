"""Asking an archive by QIDO-RS and fetching by WADO-RS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from marrowcount.errors import DeliveryRefusedError, PeerError, StorageError
from marrowcount.ports import WantedStudy
from marrowcount.testing import HeldClock, InMemoryLedger
from marrowcount.workflow.pull import PulledSlide, Pulling
from marrowcount.workflow.receive import ReceiveLimits, Receiving
from marrowcount_adapters.dicomweb_client import WebArchive
from marrowcount_adapters.dicomweb_client import archive as archive_module
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.wsi.header import read_facts
from scripted_dicomweb import ScriptedDicomWeb, scripted_dicomweb
from slide_files import slide_file

UIDS = ["1.2.3.1", "1.2.3.2", "1.2.3.3"]


class Node:
    """What is pulled into."""

    def __init__(self, folder: Path) -> None:
        self.store, self.ledger = FolderStore(folder), InMemoryLedger()
        limits = ReceiveLimits(min_free_bytes=0)
        self.receiving = Receiving(self.store, self.ledger, HeldClock(), read_facts, limits)

    def pull(self, archive: WebArchive) -> PulledSlide:
        (slide,) = archive.list_slides("1.2")
        return Pulling(self.ledger, self.store).pull(archive, slide, lambda _done, _total: None)


@pytest.fixture
def script(tmp_path: Path) -> ScriptedDicomWeb:
    return ScriptedDicomWeb([slide_file(tmp_path / f"{uid}.dcm", uid) for uid in UIDS])


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path / "node")


@pytest.fixture
def archive(script: ScriptedDicomWeb, node: Node) -> Iterator[Callable[..., WebArchive]]:
    with ExitStack() as stack:

        def start(token_file: Path | None = None) -> WebArchive:
            url = stack.enter_context(scripted_dicomweb(script))
            return WebArchive("vault", url, token_file, 10.0, node.receiving)

        yield start


@pytest.mark.parametrize("single", [False, True])
def test_a_slide_comes_as_it_is_stored(
    script: ScriptedDicomWeb, node: Node, archive: Callable[..., WebArchive], *, single: bool
) -> None:
    """Wrapped or not, every byte arrives; the stored encoding was asked for; nothing stays in the inbox."""
    script.single = single
    assert node.pull(archive()).whole
    for path in script.files:
        held = node.ledger.instance(path.stem)
        assert held is not None
        assert node.store.path(held.file.path).read_bytes() == path.read_bytes()
    assert list(node.store.incoming.iterdir()) == []
    assert "transfer-syntax=*" in script.requests[-1][2]["Accept"]


def test_a_list_is_read_page_by_page(script: ScriptedDicomWeb, archive: Callable[..., WebArchive]) -> None:
    """A server that gives two matches at a time, and says so nowhere, is asked until nothing new comes."""
    script.page = 2
    (slide,) = archive().list_slides("1.2")
    assert [each.sop_instance_uid for each in slide.instances] == UIDS


def test_a_server_that_ignores_pages_is_asked_twice(
    script: ScriptedDicomWeb, archive: Callable[..., WebArchive]
) -> None:
    """The same answer again brings nothing new, so asking ends."""
    script.body = b'[{"0020000D": {"vr": "UI", "Value": ["1.2"]}}]'
    assert [study.study_uid for study in archive().find_studies(WantedStudy("P"))] == ["1.2"]
    assert len(script.requests) == 2


def test_studies_are_found(script: ScriptedDicomWeb, tmp_path: Path, archive: Callable[..., WebArchive]) -> None:
    """By patient and issuer, or accession number; what the server says of them comes back."""
    changes = {"StudyInstanceUID": "1.9", "PatientID": "P/7", "IssuerOfPatientID": "Süd", "PatientName": "A^B"}
    script.files.append(slide_file(tmp_path / "other.dcm", "1.9.1", SpecificCharacterSet="ISO_IR 192", **changes))
    (found,) = archive().find_studies(WantedStudy("P/7", "Süd"))
    assert (found.study_uid, found.patient_id, found.issuer, found.patient_name) == ("1.9", "P/7", "Süd", "A^B")
    assert archive().find_studies(WantedStudy(accession_number="none")) == []


def test_a_count_above_the_list_is_told(script: ScriptedDicomWeb, archive: Callable[..., WebArchive]) -> None:
    """Number of Series Related Instances says that one more is there."""
    script.counted = 4
    (slide,) = archive().list_slides("1.2")
    assert (slide.unlisted, slide.counted) == (1, 4)


def test_identifiers_that_are_none_lead_nowhere(script: ScriptedDicomWeb, archive: Callable[..., WebArchive]) -> None:
    """What a server calls a UID becomes part of a path, so it has to be one."""
    script.body = b'[{"0020000E": {"vr": "UI", "Value": ["../../admin"]}, "00080060": {"vr": "CS", "Value": ["SM"]}}]'
    assert archive().list_slides("1.2") == []


@pytest.mark.parametrize(("status", "reason"), [(404, "does not have it"), (410, "does not have it")])
def test_an_instance_that_is_gone_keeps_no_other_back(
    script: ScriptedDicomWeb, node: Node, archive: Callable[..., WebArchive], status: int, reason: str
) -> None:
    """It is lacking with its reason; the others come."""
    script.statuses[UIDS[1]] = status
    pulled = node.pull(archive())
    assert pulled.fetched == 2
    assert [(lack.sop_instance_uid, reason in lack.reason) for lack in pulled.lacking] == [(UIDS[1], True)]


@pytest.mark.parametrize(
    ("status", "code", "again"),
    [
        (401, "not-authenticated", True),
        (403, "not-authorised", False),
        (406, "not-as-stored", False),
        (429, "http-429", True),
        (503, "http-503", True),
        (302, "http-302", False),
    ],
)
def test_every_failure_has_its_code(
    script: ScriptedDicomWeb, node: Node, archive: Callable[..., WebArchive], status: int, code: str, *, again: bool
) -> None:
    """And says whether trying again may help; what came before it stays; the server's own words are not repeated."""
    script.statuses[UIDS[1]] = status
    pulled = node.pull(archive())
    assert pulled.fault is not None
    assert (pulled.fault.code, pulled.fault.retryable, pulled.fetched) == (code, again, 1)
    assert "PatientName" not in pulled.fault.message


def test_a_transfer_that_breaks_off_is_no_instance(
    script: ScriptedDicomWeb, node: Node, archive: Callable[..., WebArchive]
) -> None:
    """Nothing of it is kept; the next pull goes on with it."""
    script.broken.add(UIDS[1])
    pulled = node.pull(archive())
    assert pulled.fault is not None
    assert (pulled.fault.code, pulled.fetched) == ("broken-off", 1)
    assert list(node.store.incoming.iterdir()) == []
    script.broken.clear()
    assert node.pull(archive()).fetched == 2


def test_another_instance_than_the_one_asked_for_is_not_taken(
    script: ScriptedDicomWeb, node: Node, archive: Callable[..., WebArchive], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that mixes things up does not put a stranger's image into the slide."""
    monkeypatch.setattr(script, "content", lambda _uid: script.files[0].read_bytes())
    pulled = node.pull(archive())
    assert pulled.fetched == 1
    assert all(lack.reason.startswith("identifier-mismatch") for lack in pulled.lacking)


@pytest.mark.parametrize("body", [b"<html>", b'{"a": 1}', b"[1]", b"\xff"])
def test_what_is_no_dicom_json_is_told(
    script: ScriptedDicomWeb, archive: Callable[..., WebArchive], body: bytes
) -> None:
    """A login page, for example."""
    script.body = body
    with pytest.raises(PeerError, match="bad-answer"):
        archive().find_studies(WantedStudy("P"))


def test_patient_data_stay_out_of_failures(node: Node) -> None:
    """The URL of a query holds the patient; the failure names the archive alone."""
    away = WebArchive("vault", "http://127.0.0.1:1/web", None, 5.0, node.receiving)
    with pytest.raises(PeerError, match="no-answer") as raised:
        away.find_studies(WantedStudy("SECRET"))
    assert "SECRET" not in str(raised.value)


def test_the_token_is_read_anew_and_sent(
    script: ScriptedDicomWeb, archive: Callable[..., WebArchive], tmp_path: Path
) -> None:
    """It may have been renewed since; without the file nobody is asked."""
    token = tmp_path / "token"
    vault = archive(token)
    with pytest.raises(PeerError, match="no-token"):
        vault.check()
    for text in ("first", "second"):
        token.write_text(text + "\n")
        vault.check()
        assert script.requests[-1][2]["Authorization"] == f"Bearer {text}"
    token.write_text("SECRET-1\nSECRET-2\n")
    with pytest.raises(PeerError, match="no-token") as raised:
        vault.check()
    assert "SECRET" not in str(raised.value)


def test_a_transfer_stops_where_room_ends(
    node: Node, archive: Callable[..., WebArchive], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it fills the disk, and nothing is left of it."""

    def full(received: int) -> None:
        raise StorageError("disk-full", f"at {received}")

    monkeypatch.setattr(archive_module, "CHECK_EVERY_BYTES", 100)
    vault = archive()
    monkeypatch.setattr(node.receiving, "check_transfer", full)
    with pytest.raises(StorageError, match="disk-full"):
        node.pull(vault)
    assert list(node.store.incoming.iterdir()) == []


def test_a_wrong_address_is_told(archive: Callable[..., WebArchive], node: Node) -> None:
    """A service base that is none answers 404 to a query."""
    right = archive()
    with pytest.raises((DeliveryRefusedError, PeerError)):
        WebArchive("vault", right.url + "/studies/1/series/1/instances", None, 5.0, node.receiving).check()
