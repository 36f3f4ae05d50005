"""A served page over a node with slides, and a browser that looks at it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import browsing
from counted_slides import DrawnSlide, drawn_slide
from page_looks import ServedPage, page_served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> DrawnSlide:
    return drawn_slide(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="session")
def served_page(tmp_path_factory: pytest.TempPathFactory, drawn: DrawnSlide) -> Iterator[ServedPage]:
    with page_served(tmp_path_factory.mktemp("page"), drawn) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; tests stand aside without it, without playwright or without the slide viewer.

    It ends with the module: while it runs, playwright has an event loop in this thread, where others start theirs.
    """
    browsing.need_chromium()
    browsing.need_viewer()
    with browsing.browser() as running:
        yield running


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots are left for people."""
    folder = Path(os.environ.get("MARROWCOUNT_TEST_ARTEFACTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
