"""A served page over a node with slides, and a browser that looks at it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from counted_slides import hold_counted_slide, hold_slides_in_other_states
from marrowcount.main.parts import open_parts
from marrowcount.main.web_service import web_service
from marrowcount.settings import NodeSection, ReceiveSection, Settings, WebSection
from marrowcount_adapters.web_page.shell import viewer_is_here
from page_looks import ServedPage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="session")
def served_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedPage]:
    folder = tmp_path_factory.mktemp("page")
    (folder / "others").mkdir()
    settings = Settings(
        node=NodeSection(data_folder=folder / "node"),
        receive=ReceiveSection(disk_watermark_gib=0),
        web=WebSection(enabled=True, port=0),
    )
    with open_parts(settings) as parts:
        counted = hold_counted_slide(parts, folder / "slide")
        others = hold_slides_in_other_states(parts, folder / "others")
        with web_service(parts) as announced:
            yield ServedPage(f"http://127.0.0.1:{announced['web_port']}", counted, others, parts)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; tests stand aside without it, without playwright or without the slide viewer."""
    playwright = pytest.importorskip("playwright.sync_api", reason="install marrowcount[dev]")
    if not CHROMIUM.exists():
        pytest.skip("no Chromium: install the package chromium")
    if not viewer_is_here():
        pytest.skip("the slide viewer is not here: make viewer")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots are left for people."""
    folder = Path(os.environ.get("MARROWCOUNT_TEST_ARTEFACTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
