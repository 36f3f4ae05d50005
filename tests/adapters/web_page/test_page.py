"""The page's service: what it answers, what it never answers, and the headers that bind the browser."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from marrowcount.errors import StorageError
from marrowcount.ports import CountProgress, EventKind, LedgerEvent, SlideRecord
from marrowcount.slides.states import SlideState
from marrowcount_adapters.web_page import (
    CellClass,
    PageFacts,
    PageSource,
    ResultFile,
    SlideLine,
    SlideView,
    page_app,
    shell_paths,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.applications import Starlette

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SERIES = "1.2.3"
PDF = ResultFile("report.pdf", "Report", "application/pdf", 4)
STATIC = Path(__file__).parents[3] / "adapters" / "marrowcount_adapters" / "web_page" / "static"

RECORD = SlideRecord(
    SERIES, "1.2", SlideState.COUNTED, 1, 4, 5000, "all here", "", "", f"{SERIES}/1.1", "SCANNER", NOW, NOW, NOW
)


@dataclass
class Source(PageSource):
    """One slide in any state, with one file."""

    folder: Path
    record: SlideRecord = RECORD
    progress: CountProgress | None = None
    broken: bool = False

    @property
    def facts(self) -> PageFacts:
        return PageFacts(
            "0.1.0", "/dicom-web", "Research use only.", (CellClass("blast", "#CC3355", in_differential=True),)
        )

    @property
    def line(self) -> SlideLine:
        return SlideLine(self.record, "GLASS-1", self.record.message or self.record.evidence, self.progress)

    def slides(self, most: int) -> tuple[Sequence[SlideLine], int]:
        if self.broken:
            raise StorageError("database-away", "The database does not answer.")
        return [self.line][:most], 1

    def slide(self, series_uid: str) -> SlideView | None:
        events = [LedgerEvent(NOW, SERIES, EventKind.OPENED, "")]
        return SlideView(self.line, (PDF,), "1.1", None, events, ()) if series_uid == SERIES else None

    def result_file(self, series_uid: str, name: str) -> tuple[Path, ResultFile] | None:
        return (self.folder / name, PDF) if (series_uid, name) == (SERIES, "report.pdf") else None


@pytest.fixture
def source(tmp_path: Path) -> Source:
    (tmp_path / "report.pdf").write_bytes(b"%PDF")
    (tmp_path / "secret").write_bytes(b"secret")
    return Source(tmp_path)


@dataclass(frozen=True)
class Client:
    """Asks the page in this process."""

    app: Starlette

    def get(self, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        return self.request("GET", path, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        return asyncio.run(self._asked(method, path, options))

    async def _asked(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **options)


def client(source: Source, vendor: Path | None = None) -> Client:
    return Client(page_app(source, vendor or source.folder / "none"))


def test_the_list_tells_state_and_progress(source: Source) -> None:
    """What a worklist of slides needs, and no patient."""
    source.record = replace(RECORD, state=SlideState.COUNTING)
    source.progress = CountProgress(SERIES, 120, 3456, 0.4, NOW)
    document = client(source).get("/api/slides").json()
    (slide,) = document["slides"]
    assert document["known"] == 1
    assert (slide["glass"], slide["state"]) == ("GLASS-1", "counting")
    assert slide["progress"] == {"share": 0.4, "tiles": 120, "cells": 3456}


@pytest.mark.parametrize("state", list(SlideState))
def test_a_slide_is_shown_in_every_state(source: Source, state: SlideState) -> None:
    """With its reason: refused, failed and incomplete ones, too."""
    source.record = replace(RECORD, state=state, code="wrong-resolution", message="0.5 um per pixel")
    slide = client(source).get(f"/api/slides/{SERIES}").json()
    assert (slide["state"], slide["code"], slide["said"]) == (state.value, "wrong-resolution", "0.5 um per pixel")
    assert [event["kind"] for event in slide["events"]] == ["opened"]
    assert [file["name"] for file in slide["files"]] == ["report.pdf"]


def test_nothing_of_a_patient_is_kept_by_the_browser(source: Source) -> None:
    """Data are never cached; who has the present document is told so by its entity tag."""
    page = client(source)
    for path in ("/api/slides", f"/api/slides/{SERIES}", f"/results/{SERIES}/report.pdf", "/api/slides/9"):
        assert page.get(path).headers["cache-control"] == "no-store"
    tag = page.get("/api/slides").headers["etag"]
    again = page.get("/api/slides", headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-store")


@pytest.mark.parametrize("path", ["/", "/api/slides", f"/results/{SERIES}/report.pdf", "/nothing", "/page/app.css"])
def test_every_answer_binds_the_browser(source: Source, path: str) -> None:
    """No script, style or request from elsewhere; no guessing of types; no address told to others; no frame around."""
    headers = client(source).get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert policy["connect-src"] == "'self'"
    assert not re.search(r"unsafe-inline|https?:|\*", headers["content-security-policy"])
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_decoders_alone_may_make_functions_of_text(source: Source) -> None:
    """The slide viewer's worker, which has no page; nothing else."""
    vendor = source.folder / "viewer"
    vendor.mkdir()
    for name in ("dicomMicroscopyViewer.min.js", "dataLoader.worker.min.js"):
        (vendor / name).write_text("//", encoding="ascii")
    page = client(source, vendor)
    eased = {
        path for path in shell_paths(vendor) if "'unsafe-eval'" in page.get(path).headers["content-security-policy"]
    }
    assert eased == {"/dicom-microscopy-viewer/dataLoader.worker.min.js", "/static/js/dataLoader.worker.min.js"}


@pytest.mark.parametrize(
    "path",
    [
        f"/results/{SERIES}/secret",
        f"/results/{SERIES}/../secret",
        f"/results/{SERIES}/..%2fsecret",
        f"/results/{SERIES}/%2e%2e/%2e%2e/etc/passwd",
        f"/results/{SERIES}//etc/passwd",
        "/results/9.9/report.pdf",
        "/api/slides/9.9",
        "/page/",
        "/page/../app.py",
        "/page/%2e%2e%2fapp.py",
        "/dicom-microscopy-viewer/",
        "/static/js/..%2f..%2fapp.py",
    ],
)
def test_what_has_no_name_is_not_there(source: Source, path: str) -> None:
    """Files are found by names from a list, never by paths."""
    answer = client(source).get(path)
    assert answer.status_code == 404
    assert b"secret" not in answer.content


def test_a_file_of_the_result_is_given(source: Source) -> None:
    """As it lies on the disk, with its media type."""
    answer = client(source).get(f"/results/{SERIES}/report.pdf")
    assert (answer.content, answer.headers["content-type"]) == (b"%PDF", "application/pdf")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_page_only_reads(source: Source, method: str) -> None:
    """No method changes anything."""
    page = client(source)
    for path in ("/", "/api/slides", f"/api/slides/{SERIES}", f"/results/{SERIES}/report.pdf"):
        assert page.request(method, path).status_code == 405


@pytest.mark.parametrize("most", ["0", "-1", "10001", "x", "1e3", "²", "9" * 400])
def test_a_senseless_number_of_slides_is_refused(source: Source, most: str) -> None:
    """By status and reason."""
    answer = client(source).get("/api/slides", params={"most": most})
    assert answer.status_code == 400
    assert "1 to 10000" in answer.json()["detail"]


def test_a_database_that_is_away_is_told(source: Source) -> None:
    """With 503 and when to come again, not with a trace."""
    source.broken = True
    answer = client(source).get("/api/slides")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert answer.json()["detail"] == "The database does not answer."


def test_the_page_says_whether_the_viewer_is_there(source: Source) -> None:
    """An installation without npm's package serves the page without the slide view."""
    assert client(source).get("/api/about").json()["viewer"] is False
    vendor = source.folder / "viewer"
    vendor.mkdir()
    (vendor / "dicomMicroscopyViewer.min.js").write_text("//", encoding="ascii")
    assert client(source, vendor).get("/api/about").json()["viewer"] is True


def test_the_shell_is_sent_again_only_when_it_changed(source: Source) -> None:
    """The viewer is ten megabytes."""
    page = client(source)
    first = page.get("/page/app.css")
    assert first.headers["cache-control"] == "no-cache"
    assert page.get("/page/app.css", headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_the_shell_has_no_script_or_style_in_markup_and_names_no_other_host() -> None:
    """The policy would forbid the former; the latter would tell others who looks at what."""
    markup = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]* src=)|<style|\son[a-z]+=|\sstyle=", markup)
    for file in STATIC.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//[a-z]+\.[a-z]", text), file.name


def test_every_script_of_the_page_is_short() -> None:
    """As every module: under 400 lines."""
    assert max(len(file.read_text(encoding="utf-8").splitlines()) for file in STATIC.iterdir()) < 400
