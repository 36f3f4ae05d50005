"""The page as the node offers it: from ledger and results, behind the guard, with an audit trail."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.main.hl7_messages import hl7_file
from marrowcount.main.page_files import OFFERED_FILES, offered_file
from marrowcount.main.parts import Parts, open_parts
from marrowcount.main.result_files import COUNT_FILE, DICOM_FILES, OTHER_FILES, RESULT_FILE
from marrowcount.main.web_service import web_service
from marrowcount.ports import CountedOutcome, CountProgress
from marrowcount.settings import NodeSection, ReceiveSection, Settings, WebSection
from slide_files import slide_file

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a-token-of-a-pathologist-01"  # noqa: S105 - of this test
SERIES = "1.2.3"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def settings(tmp_path: Path, **web: object) -> Settings:
    section = WebSection(enabled=True, port=0, **web)  # type: ignore[arg-type] # whatever a test sets
    node = NodeSection(data_folder=tmp_path / "node")
    return Settings(node=node, receive=ReceiveSection(disk_watermark_gib=0), web=section)


@contextmanager
def page(tmp_path: Path, **web: object) -> Iterator[tuple[Parts, httpx.Client]]:
    with open_parts(settings(tmp_path, **web)) as parts, web_service(parts) as announced:
        hold(parts, tmp_path)
        with httpx.Client(base_url=f"http://127.0.0.1:{announced['web_port']}") as client:
            yield parts, client


def hold(parts: Parts, tmp_path: Path) -> None:
    incoming = parts.store.incoming / "given"
    slide_file(tmp_path / "a.dcm", "1.2.3.4", ContainerIdentifier="GLASS-1").rename(incoming)
    assert parts.receiving.take(incoming, "SCANNER", "", "").taken
    incoming.unlink(missing_ok=True)


def count(parts: Parts, *names: str) -> Path:
    """Record a result that has files of these names."""
    parts.ledger.mark_ready(SERIES, 1, "all here", NOW)
    job = parts.ledger.lease_job("worker", NOW, 60)
    assert job is not None
    folder = parts.settings.results_folder / SERIES / "1.1"
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    assert parts.ledger.finish(job, CountedOutcome(f"{SERIES}/1.1", "{}", ()), NOW)
    return folder


def test_a_slide_is_listed_while_it_comes_in(tmp_path: Path) -> None:
    """By the name of its glass, with what it waits for; the patient is not named."""
    with page(tmp_path) as (_, client):
        answer = client.get("/api/slides")
        (slide,) = answer.json()["slides"]
    assert (slide["glass"], slide["state"], slide["progress"]) == ("GLASS-1", "receiving", None)
    assert "waiting" in slide["said"]
    assert "SECRET" not in answer.text.upper()


def test_a_count_tells_how_far_it_is(tmp_path: Path) -> None:
    """From what the worker notes."""
    with page(tmp_path) as (parts, client):
        parts.ledger.mark_ready(SERIES, 1, "all here", NOW)
        parts.ledger.lease_job("worker", NOW, 60)
        parts.tasks.note_progress(CountProgress(SERIES, 30, 900, 0.25, NOW))
        assert client.get("/api/slides").json()["slides"][0]["progress"]["share"] == 0.25


def test_a_result_has_the_files_that_its_version_wrote(tmp_path: Path) -> None:
    """An older result lacks some: they are left out; what is no result's file is never given."""
    with page(tmp_path) as (parts, client):
        folder = count(parts, RESULT_FILE, "report.pdf", "gallery/plasma-cell.png", "notes.txt")
        slide = client.get(f"/api/slides/{SERIES}").json()
        assert [file["name"] for file in slide["files"]] == ["report.pdf", RESULT_FILE, "gallery/plasma-cell.png"]
        assert slide["cells"] is None
        for file in slide["files"]:
            answer = client.get(f"/results/{SERIES}/{file['name']}")
            assert answer.content == (folder / file["name"]).read_bytes()
            assert answer.headers["content-type"] == file["media_type"]
        assert client.get(f"/results/{SERIES}/notes.txt").status_code == 404
        assert client.get(f"/results/{SERIES}/cells.ann.dcm").status_code == 404
        assert client.get("/results/1.9/report.pdf").status_code == 404


def test_without_a_result_there_are_no_files(tmp_path: Path) -> None:
    """Nor does an empty folder name lead to the folder of all results."""
    with page(tmp_path) as (parts, client):
        parts.settings.results_folder.mkdir(parents=True, exist_ok=True)
        (parts.settings.results_folder / RESULT_FILE).write_text("{}")
        assert client.get(f"/api/slides/{SERIES}").json()["files"] == []
        assert client.get(f"/results/{SERIES}/{RESULT_FILE}").status_code == 404


def test_every_file_of_a_result_is_offered() -> None:
    """Whatever a result consists of can be taken along; the gallery has a strip for each class."""
    assert {*DICOM_FILES, *OTHER_FILES, RESULT_FILE} - {COUNT_FILE} <= set(OFFERED_FILES)
    assert all(map(offered_file, OFFERED_FILES))
    assert sum(name.startswith("gallery/") for name in OFFERED_FILES) == len(CellType)


def test_notes_are_offered_by_their_form(tmp_path: Path) -> None:
    """There is one for each destination, and older versions wrote one for all; no other name leads anywhere."""
    with page(tmp_path) as (parts, client):
        notes = ["rejection.0a1b2c3d.ko.dcm", "rejection.ko.dcm"]
        folder = count(parts, RESULT_FILE, *notes, "other.ko.dcm", "rejection.0a1b2c3.ko.dcm")
        listed = [file["name"] for file in client.get(f"/api/slides/{SERIES}").json()["files"]]
        assert [name for name in listed if name.endswith(".ko.dcm")] == notes
        assert client.get(f"/results/{SERIES}/{notes[0]}").content == (folder / notes[0]).read_bytes()
        assert client.get(f"/results/{SERIES}/other.ko.dcm").status_code == 404


def test_messages_are_offered_by_their_form(tmp_path: Path) -> None:
    """There is one for each receiver of HL7 v2; no other name leads anywhere."""
    with page(tmp_path) as (parts, client):
        message = hl7_file("engine, 2nd floor")
        count(parts, RESULT_FILE, message, "oru.a.b.hl7")
        listed = [file["name"] for file in client.get(f"/api/slides/{SERIES}").json()["files"]]
        assert [name for name in listed if name.endswith(".hl7")] == [message]
        assert client.get(f"/results/{SERIES}/{message}").headers["content-type"] == "x-application/hl7-v2+er7"
        assert client.get(f"/results/{SERIES}/oru.a.b.hl7").status_code == 404


@pytest.mark.parametrize("most", ["0", "007", "-1", "1.5", "", "two", "0000019999999999", "10000000", "\u0663"])
def test_how_many_slides_is_a_whole_number_within_bounds(tmp_path: Path, most: str) -> None:
    """Anything else is told; the node lists no more than it should for anybody's wish."""
    with page(tmp_path) as (_, client):
        assert client.get("/api/slides", params={"most": most}).status_code == 400
        assert client.get("/api/slides", params={"most": "1"}).status_code == 200


def test_the_shell_needs_no_token_and_all_data_do(tmp_path: Path) -> None:
    """A browser cannot send one before the page has asked for it."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"reader read {TOKEN}\n")
    with page(tmp_path, tokens_file=tokens) as (_, client):
        assert client.get("/").status_code == client.get("/page/main.js").status_code == 200
        data = ["/api/about", "/api/slides", f"/api/slides/{SERIES}", f"/results/{SERIES}/x", "/page/../api/slides"]
        data += ["/page/none.js", "/dicom-web/studies", "/page/", "/page"]
        for path in data:
            assert client.get(path).status_code == 401, path
        assert client.post("/").status_code == 401
        signed_in = {"Authorization": f"Bearer {TOKEN}"}
        assert client.get("/api/slides", headers=signed_in).json()["known"] == 1


def test_the_page_can_be_switched_off(tmp_path: Path) -> None:
    """Then nothing of it is there, with or without a token."""
    with page(tmp_path, page=False) as (_, client):
        for path in ("/", "/api/slides", "/page/main.js"):
            assert client.get(path).status_code == 404
        assert client.get("/dicom-web/studies").status_code == 200


def test_dicomweb_cannot_lie_where_the_page_does(tmp_path: Path) -> None:
    """One would hide the other."""
    with pytest.raises(ValueError, match=r"web\.base_path /api/dicom"):
        settings(tmp_path, base_path="/api/dicom")
    settings(tmp_path, base_path="/api/dicom", page=False)


def test_a_look_at_a_slide_is_audited_once(tmp_path: Path) -> None:
    """As a study fetched, however often the page asks; the list alone, which names no patient, is not told."""
    with page(tmp_path) as (parts, client):
        told: list[Any] = []
        trail = parts.trail
        fetched = trail.fetched

        def heard(caller: object, files: object) -> None:
            told.append((caller, files))
            fetched(caller, files)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(type(trail), "fetched", lambda _, caller, files: heard(caller, files))
            client.get("/api/slides")
            assert told == []
            client.get(f"/api/slides/{SERIES}")
            client.get(f"/api/slides/{SERIES}")
            client.get(f"/api/slides/{SERIES}9")
            deadline = time.monotonic() + 20
            while not told and time.monotonic() < deadline:  # told after the answer, lest a slow disk hold it up
                time.sleep(0.01)
    ((caller, files),) = told
    assert caller.address == "127.0.0.1"
    assert len(files) == 1
