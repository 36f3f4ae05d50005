"""The page as people see it, in Chromium: by mouse and keyboard, wide and narrow, in light and dark."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from counted_slides import DrawnSlide
from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.palette import PALETTE
from marrowcount.main.signing import Signing
from marrowcount.main.slide_images import SlideImages
from marrowcount.main.web_service import web_service
from marrowcount.ports import CountProgress
from marrowcount.result import RESEARCH_USE_ONLY
from marrowcount.review import Practitioner
from marrowcount.settings import EvidenceSection
from marrowcount.testing import HeldClock
from marrowcount_adapters.sql import SqlLedger, SqlReports
from page_looks import Looking, ServedPage, opened, page_served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Route

TOKEN = "a-token-of-a-pathologist-01"  # noqa: S105 - of this test
DASH = "\N{EN DASH}"
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 844}
NEUTROPHIL = PALETTE[CellType.NEUTROPHIL]
"""No tissue has this colour."""


@pytest.fixture(scope="module")
def tab_of_slide(browser: Browser, served_page: ServedPage) -> Iterator[Looking]:
    with opened(browser, served_page.slide_url, viewport=WIDE) as tab:
        tab.await_slide()
        yield tab


@pytest.fixture
def looking(tab_of_slide: Looking) -> Looking:
    """A tab that shows the whole slide with all its cells; tests take turns at it."""
    tab_of_slide.page.locator(".port").press("0")
    tab_of_slide.await_rest()
    return tab_of_slide


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_page_fits_in_light_and_dark(
    browser: Browser, served_page: ServedPage, pictures: Path, size: dict[str, int], scheme: str
) -> None:
    """No scrolling sideways, no complaint, no request to elsewhere; the caution is always in sight."""
    name = f"{size['width']}-{scheme}.png"
    with opened(browser, served_page.url, viewport=size, color_scheme=scheme) as tab:
        tab.page.wait_for_selector(".slides tbody tr")
        tab.page.screenshot(path=pictures / f"slides-{name}")
        assert sideways(tab) == 0
        tab.page.goto(served_page.slide_url)
        tab.await_slide()
        tab.page.wait_for_function("document.querySelectorAll('.cell canvas').length > 10")
        tab.await_pixels(NEUTROPHIL, lambda found: found > 50)
        tab.page.screenshot(path=pictures / f"slide-{name}")
        assert sideways(tab) == 0
        tab.page.mouse.wheel(0, 4000)
        caution = tab.page.locator("#caution")
        assert RESEARCH_USE_ONLY in caution.inner_text()
        box = caution.bounding_box()
        assert box is not None
        assert 0 <= box["y"] < size["height"]
        dark = tab.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] < 100")
        assert dark is (scheme == "dark")
        assert tab.complaints == []
        assert [
            url for url in tab.asked if not url.startswith((f"{served_page.url}/", f"blob:{served_page.url}/"))
        ] == []


def sideways(tab: Looking) -> int:
    return int(tab.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def test_the_list_shows_each_slide_and_follows_it(browser: Browser, served_page: ServedPage) -> None:
    """State in words, progress as a bar, kept up to date without a reload."""
    with opened(browser, served_page.url, viewport=WIDE) as tab:
        rows = tab.page.locator(".slides tbody tr")
        tab.page.wait_for_selector(".slides tbody tr")
        shown = {row.locator("a").inner_text(): row.locator(".badge").inner_text() for row in rows.all()}
        assert shown["GLASS-RECEIVING"] == "receiving"
        assert shown["GLASS-REFUSED"] == "refused"
        assert shown["GLASS-INCOMPLETE"] == "incomplete"
        assert shown["S-NORMAL-00007-1"] == "counted"
        uid = served_page.others["counting"]
        served_page.parts.tasks.note_progress(CountProgress(uid, 240, 7000, 0.8, datetime.now(UTC)))
        row = tab.page.locator("tr", has=tab.page.get_by_text("GLASS-COUNTING"))
        row.get_by_text("240 tiles, 7,000 cells").wait_for()
        assert row.locator("progress").get_attribute("value") == "0.8"


@pytest.mark.parametrize(("state", "reason"), [("refused", "wrong-resolution: The finest"), ("incomplete", "3 of 4")])
def test_a_slide_without_a_result_says_why(browser: Browser, served_page: ServedPage, state: str, reason: str) -> None:
    """In the place of figures."""
    with opened(browser, f"{served_page.url}/#/slides/{served_page.others[state]}", viewport=WIDE) as tab:
        tab.page.locator(".head .notice.bad", has_text=reason).wait_for()
        assert tab.page.locator(".differential").count() == 0


def test_an_unknown_slide_is_told(browser: Browser, served_page: ServedPage) -> None:
    """Not an empty page."""
    with opened(browser, f"{served_page.url}/#/slides/9.9", viewport=WIDE) as tab:
        tab.page.get_by_role("alert").get_by_text("The node does not know this slide.").wait_for()


def test_the_keyboard_reaches_everything(browser: Browser, served_page: ServedPage) -> None:
    """From the address bar: skip link, first slide, its table; rows by arrows, boxes by space, always with a ring."""
    with opened(browser, served_page.url, viewport=WIDE) as tab:
        keys = tab.page.keyboard
        tab.page.get_by_role("link", name="S-NORMAL-00007-1").wait_for()
        keys.press("Tab")
        assert focused(tab) == "Skip to content"
        keys.press("Enter")
        while focused(tab) != "S-NORMAL-00007-1":
            keys.press("Tab")
            assert ring(tab)
        keys.press("Enter")
        tab.await_slide()
        reached: list[str] = []
        for _ in range(25):
            keys.press("Tab")
            assert ring(tab), focused(tab)
            reached.append(focused(tab))
            if reached[-1] == "promyelocyte":
                break
        assert [name for name in reached if name][-3:] == ["None", "Draw promyelocyte", "promyelocyte"]
        assert any(name.startswith("Slide. Arrow keys") for name in reached)
        keys.press("ArrowDown")
        assert focused(tab) == "myelocyte"
        keys.press("Enter")
        tab.page.locator("#told", has_text="myelocyte 1 of").wait_for(state="attached")
        keys.press("Shift+Tab")
        keys.press("Space")
        assert not tab.page.get_by_role("checkbox", name="Draw myelocyte", exact=True).is_checked()


def focused(tab: Looking) -> str:
    script = "(e => e.getAttribute('aria-label') || e.innerText || '')(document.activeElement)"
    return str(tab.page.evaluate(script)).strip()


def ring(tab: Looking) -> bool:
    return bool(tab.page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 1"))


def test_a_class_is_taken_from_the_slide_and_put_back(looking: Looking) -> None:
    """By its box in the table."""
    box = looking.page.get_by_role("checkbox", name="Draw neutrophil", exact=True)
    before = looking.await_pixels(NEUTROPHIL, lambda found: found > 50)
    box.uncheck()
    looking.await_pixels(NEUTROPHIL, lambda found: found < before / 20)
    box.check()
    looking.await_pixels(NEUTROPHIL, lambda found: found > before * 0.9)


def test_the_slider_hides_what_is_less_certain(looking: Looking, served_page: ServedPage) -> None:
    """In steps of 5 %: pixels go, and the words tell how many boxes are left, as the result has them."""
    probabilities = [found.probability for found in served_page.counted.result.detections]
    slider = looking.page.get_by_role("slider", name="Draw cells from a probability")
    before = looking.await_pixels(NEUTROPHIL, lambda found: found > 50)
    for wanted in ("0.85", "0.95"):
        slider.fill(wanted)
        left = sum(one >= float(wanted) - 1e-6 for one in probabilities)
        assert looking.page.locator(".drawn").inner_text() == f"{left} of {len(probabilities)} cells drawn"
    looking.await_pixels(NEUTROPHIL, lambda found: 0 < found < before * 0.6)
    slider.fill("0.75")
    looking.await_pixels(NEUTROPHIL, lambda found: found > before * 0.9)


def test_a_click_on_a_row_flies_to_its_examples(looking: Looking) -> None:
    """The most certain first, into the middle of the view; then the next, and after the last the first again."""
    said = looking.page.locator(".view .hint")
    row = looking.page.locator('tr[data-class="neutrophil"]')
    number = row.locator(".number").first.inner_text()
    for turn in (1, 2):
        row.locator(".number").first.click()
        assert said.inner_text().startswith(f"neutrophil {turn} of {number}, probability 0.9")
        looking.await_pixels(NEUTROPHIL, lambda found: found > 60, middle_px=90)
    rare = looking.page.locator('tr[data-class="eosinophil"]')
    number = rare.locator(".number").first.inner_text()
    for turn in (*range(1, int(number) + 1), 1):
        rare.locator("button").click()
        assert said.inner_text().startswith(f"eosinophil {turn} of {number}")


def test_annotations_of_any_form_are_drawn_and_found(browser: Browser, drawn: DrawnSlide, tmp_path: Path) -> None:
    """In millimetres on the glass and as polygons they lie where the pixels' rectangles do."""
    evidence = EvidenceSection(coordinates="3D", shape="POLYGON")
    with (
        page_served(tmp_path, drawn, evidence=evidence) as served,
        opened(browser, served.slide_url, viewport=WIDE) as tab,
    ):
        tab.await_slide()
        number = len(served.counted.result.detections)
        assert tab.page.locator(".drawn").inner_text() == f"{number} of {number} cells drawn"
        tab.page.locator('tr[data-class="neutrophil"] button').click()
        tab.await_pixels(NEUTROPHIL, lambda found: found > 60, middle_px=90)
        assert tab.complaints == []


def test_the_slide_moves_by_keyboard(looking: Looking) -> None:
    """Plus and minus zoom, arrow keys move, zero shows the whole slide."""
    looking.page.locator(".port").focus()
    shown = looking.await_rest()
    for key in ("+", "ArrowLeft", "-", "0"):
        looking.page.keyboard.press(key)
        looking.page.wait_for_timeout(100)
        before, shown = shown, looking.await_rest()
        assert shown != before, key


def test_a_cell_of_the_gallery_leads_to_its_place(looking: Looking) -> None:
    """Into the middle of the view."""
    looking.page.locator(".strip", has_text="neutrophil").locator("button").nth(1).click()
    looking.page.locator(".reticle").wait_for()
    looking.await_pixels(NEUTROPHIL, lambda found: found > 60, middle_px=90)


def test_figures_and_files_are_those_of_the_result(looking: Looking, served_page: ServedPage) -> None:
    """The table shows what result.json says; a file is saved as the node holds it."""
    result = json.loads((served_page.counted.folder / "result.json").read_text(encoding="utf-8"))
    for label, part in result["ndc"].items():
        cells = looking.page.locator(f'tr[data-class="{label}"] td.number').all_inner_texts()
        assert cells == [str(part["count"]), f"{part['percent']:.1f}", f"{part['low']:.1f} {DASH} {part['high']:.1f}"]
    assert looking.page.locator("tr[data-class]").count() == len(CellType)
    colours = looking.page.locator("tr[data-class] .swatch").evaluate_all(
        "all => all.map(e => e.style.backgroundColor)"
    )
    assert len(set(colours)) == len(CellType)
    with looking.page.expect_download() as saving:
        looking.page.get_by_role("link", name="Cells as DICOM annotations").click()
    saved = Path(saving.value.path()).read_bytes()
    assert saved == (served_page.counted.folder / "cells.ann.dcm").read_bytes()


def test_the_token_is_asked_for_once_and_sent_by_all(browser: Browser, served_page: ServedPage, tmp_path: Path) -> None:
    """A wrong one is told; the right one serves list, pictures and viewer, in this tab and in none that it opens."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"reader read {TOKEN}\n")
    settings = served_page.parts.settings
    guarded = settings.model_copy(update={"web": settings.web.model_copy(update={"tokens_file": tokens})})
    with web_service(replace(served_page.parts, settings=guarded)) as announced:
        url = f"http://127.0.0.1:{announced['web_port']}"
        with opened(browser, f"{url}/#/slides/{served_page.counted.series_uid}", viewport=WIDE) as tab:
            field = tab.page.get_by_label("Bearer token")
            field.fill("wrong-token-of-nobody-1")
            field.press("Enter")
            tab.page.get_by_text("The node does not know this token.").wait_for()
            field.fill(TOKEN)
            field.press("Enter")
            tab.await_slide()
            tab.page.wait_for_selector(".map img:visible")
            assert TOKEN not in tab.page.evaluate("JSON.stringify(localStorage)")
            assert tab.page.context.cookies() == []
            assert TOKEN not in " ".join(tab.asked)
            tab.page.reload()
            tab.await_slide()
            with tab.page.context.expect_page() as coming:
                tab.page.get_by_role("link", name="Open the report (PDF)").click()
            assert coming.value.url.startswith("blob:")
            assert coming.value.evaluate("sessionStorage.length") == 0
            coming.value.close()
            tab.page.get_by_role("button", name="Sign out").click()
            field.wait_for()


def test_without_the_viewer_all_else_is_there(browser: Browser, served_page: ServedPage) -> None:
    """An installation that npm did not reach says so, and shows pictures and figures."""

    def without_viewer(route: Route) -> None:
        document: dict[str, Any] = route.fetch().json()
        route.fulfill(json=document | {"viewer": False})

    with opened(browser, "about:blank", viewport=WIDE) as tab:
        tab.page.route("**/api/about", without_viewer)
        tab.page.goto(served_page.slide_url)
        tab.page.get_by_text("This installation came without the slide viewer").wait_for()
        tab.page.wait_for_selector(".map img:visible")
        assert tab.page.locator("tr[data-class]").count() == len(CellType)
        assert tab.page.locator("tr[data-class] input:enabled").count() == 0
        assert not any("icroscopy" in url for url in tab.asked)
        assert tab.complaints == []


def test_who_answers_for_a_report_is_told(browser: Browser, drawn: DrawnSlide, tmp_path: Path) -> None:
    """A verified report shows the person's figures and name, a withdrawn one no figure; neither is called otherwise."""
    by, now = Practitioner("4711", "urn:oid:1.2.3", "Curie", "Marie", "Haematology"), datetime.now(UTC)
    with page_served(tmp_path, drawn) as served:
        ledger = served.parts.ledger
        assert isinstance(ledger, SqlLedger)
        series = served.slide_url.rpartition("/")[2]
        signing = Signing(
            served.parts.settings,
            ledger,
            SqlReports(ledger),
            HeldClock(now),
            lambda uid: SlideImages(ledger, served.parts.store, uid),
        )
        with opened(browser, served.slide_url, viewport=WIDE) as tab:
            report = tab.page.locator(".standing")
            report.wait_for()
            assert "Preliminary: counted by software" in report.inner_text()
            signing.verify(series, by, {CellType.BLAST: 77}, "Auer rods")
            tab.page.reload()
            report.wait_for()
            said = report.inner_text()
            assert "changed and verified by Marie Curie" in said
            assert "blast: 77 by a person" in said
            assert "Auer rods" in said
            assert "Preliminary" not in said
            assert tab.page.locator("tr[data-class=blast] td.number").first.inner_text() == "77"
            assert tab.complaints == []  # after this, pictures of what is gone may still be asked for
            signing.withdraw(series, by, "another patient's slide")
            tab.page.reload()
            report.wait_for()
            assert "Use no figure of this report" in report.inner_text()
            assert tab.page.locator("tr[data-class]").count() == 0
