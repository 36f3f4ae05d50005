"""A tab of Chromium that looks at the node's page: what it asks for, what it complains of, what is drawn in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from counted_slides import CountedSlide, DrawnSlide, hold_counted_slide, hold_slides_in_other_states
from marrowcount.main.parts import Parts, open_parts
from marrowcount.main.web_service import web_service
from marrowcount.settings import NodeSection, ReceiveSection, Settings, WebSection

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

__all__ = ["Looking", "ServedPage", "opened", "page_served"]

TOLERANCE = 24
"""Of a colour, in each channel: annotations have it in CIELAB, and lines are smoothed."""
HARMLESS = ("GL Driver Message", "GPU stall due to ReadPixels", "No map visible because the map container")
"""What Chromium says of drawing without a graphics card, and the viewer of an overview that has no room."""


@dataclass(frozen=True)
class ServedPage:
    """Where the page is, and what it shows."""

    url: str
    counted: CountedSlide
    others: dict[str, str]
    parts: Parts

    @property
    def slide_url(self) -> str:
        return f"{self.url}/#/slides/{self.counted.series_uid}"


@dataclass
class Looking:
    """A tab, what it asked for and what it complained of; the picture is of the part that the slide fills."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def hear(self) -> None:
        self.page.on("request", self._asked)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def await_slide(self) -> None:
        """Until the viewer draws the slide with all its cells."""
        self.page.wait_for_selector(".view[data-ready]")
        self.page.wait_for_function("document.querySelector('.drawn').textContent !== ''")

    def pixels_like(self, colour: str, middle_px: int = 0) -> int:
        """How many pixels of the slide view have that colour; of its middle alone, where a width is given."""
        picture = Image.open(BytesIO(self.page.locator(".frame").screenshot())).convert("RGB")
        pixels = np.asarray(picture).astype(int)
        if middle_px:
            top, left = (side // 2 - middle_px // 2 for side in pixels.shape[:2])
            pixels = pixels[top : top + middle_px, left : left + middle_px]
        wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        return int((np.abs(pixels - wanted).max(axis=2) <= TOLERANCE).sum())

    def await_pixels(self, colour: str, enough: Callable[[int], bool], middle_px: int = 0) -> int:
        """Look until so many pixels have the colour: the view moves and draws after it was asked to."""
        found = -1
        for _ in range(40):
            found = self.pixels_like(colour, middle_px)
            if enough(found):
                return found
            self.page.wait_for_timeout(100)
        pytest.fail(f"{found} pixels of {colour}")

    def await_rest(self) -> bytes:
        """The slide as a picture, when it no longer moves."""
        before = b""
        for _ in range(40):
            shown = self.page.locator(".port").screenshot()
            if shown == before:
                return shown
            before = shown
            self.page.wait_for_timeout(100)
        pytest.fail("the slide never comes to rest")

    def _asked(self, request: Request) -> None:
        self.asked.append(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        loud = message.type in {"error", "warning"}
        if loud and not any(harmless in message.text for harmless in HARMLESS):
            self.complaints.append(f"{message.text} ({message.location})")


@contextmanager
def opened(browser: Browser, url: str, **context: Any) -> Iterator[Looking]:  # noqa: ANN401 - playwright's own
    with browser.new_context(**context) as tab:
        looking = Looking(tab.new_page())
        looking.hear()
        looking.page.set_default_timeout(20_000)
        looking.page.goto(url)
        yield looking


@contextmanager
def page_served(folder: Path, drawn: DrawnSlide, **sections: Any) -> Iterator[ServedPage]:  # noqa: ANN401 - of the settings
    """A node with a counted slide and others, and its page on loopback."""
    settings = Settings(
        node=NodeSection(data_folder=folder / "node"),
        receive=ReceiveSection(disk_watermark_gib=0),
        web=WebSection(enabled=True, port=0),
        **sections,
    )
    with open_parts(settings) as parts:
        counted, others = hold_counted_slide(parts, drawn), hold_slides_in_other_states(parts, folder)
        with web_service(parts) as announced:
            yield ServedPage(f"http://127.0.0.1:{announced['web_port']}", counted, others, parts)
