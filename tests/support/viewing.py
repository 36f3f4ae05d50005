"""Slides and their annotations in the viewers that laboratories use, and what is seen of them there."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from browsing import VIEWER_FILES, opened_page, site
from marked_slide import SIZE
from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.palette import PALETTE
from sightings import pixels_of, placed, share_drawn
from web_nodes import served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from playwright.sync_api import Browser, Page
    from starlette.types import ASGIApp

    from marked_slide import MarkedSlide

__all__ = ["Looking", "viewers_site"]

PAGES = Path(__file__).parents[1] / "viewers"
SHIFTS = ((7, 0), (0, 7), (7, 7), (-7, -7))
BETWEEN_LOOKS_S = 0.3
STILL_LOOKS = 8
PATIENCE_S = 90
OHIF_COLOURS = dict.fromkeys(CellType, "#FFEA00")
"""OHIF 3.12 draws every group in this one, whatever the annotations recommend."""


@contextmanager
def viewers_site(dicomweb: ASGIApp, ohif: Path | None = None) -> Iterator[str]:
    """Both viewers and a DICOMweb service below ``/dicom-web``, of one origin; its URL."""
    texts = {"/microscopy.html": ("text/html", (PAGES / "microscopy.html").read_text())}
    folders = dict.fromkeys(("/dicom-microscopy-viewer", "/static/js"), VIEWER_FILES)
    if ohif is not None:
        texts |= {
            "/microscopy": ("text/html", (ohif / "index.html").read_text()),
            "/app-config.js": ("text/javascript", (PAGES / "ohif-config.js").read_text()),
        }
        folders = {"/": ohif}
    with served(site(texts=texts, folders=folders, apps={"/dicom-web": dicomweb})) as port:
        yield f"http://127.0.0.1:{port}"


@dataclass(frozen=True)
class Looking:
    """Somebody who looks, and keeps pictures of what is seen.

    Attributes:
        chromium: the browser.
        pictures: folder of the screenshots.
        warnings: what the pages complained of.
    """

    chromium: Browser
    pictures: Path
    warnings: list[str] = field(default_factory=list)

    def in_microscopy_viewer(self, url: str, slide: MarkedSlide, name: str, results: str = "/dicom-web") -> object:
        """What dicom-microscopy-viewer draws; the results may come from another service than the slide."""
        with opened_page(self.chromium, f"{url}/microscopy.html", 1500, 1500) as (page, said):
            study = {"study": slide.study_uid, "slides": "/dicom-web", "results": results}
            labels = page.evaluate("of => show(of)", study)
            seen = self._seen(page, slide, name)
            self.warnings.extend(line for line in said if line.startswith(("error", "uncaught")))
        return {**seen, "labels": labels}

    def in_ohif(self, url: str, slide: MarkedSlide, name: str) -> object:
        """What OHIF draws before and after a double-click on the annotations' row.

        Cells at the slide's edges are left out: OHIF fits the slide into a pane whose border covers them.
        """
        slide = inner(slide)
        address = f"{url}/microscopy?StudyInstanceUIDs={slide.study_uid}"
        with opened_page(self.chromium, address, 1900, 1300) as (page, _):
            page.set_default_timeout(PATIENCE_S * 1000)
            page.wait_for_selector(".ol-viewport canvas")
            page.add_style_tag(content=".ol-control { display: none !important }")  # the small map shows the slide too
            before = self._seen(page, slide, f"{name}-before", OHIF_COLOURS, least=0)
            page.click("[data-cy=side-panel-header-left]")
            row = page.locator("[data-cy^=study-browser-thumbnail]", has_text="ANN")
            text = row.inner_text()
            row.dblclick()
            return {"before": before, "after": self._seen(page, slide, name, OHIF_COLOURS), "row": text}

    def _seen(
        self, page: Page, slide: MarkedSlide, name: str, colours: Mapping[CellType, str] = PALETTE, least: float = 0.99
    ) -> dict[str, Any]:
        """What is seen once so much is right, or once nothing has moved for long."""
        last, same, seen = b"", 0, dict[str, Any]()
        deadline = time.monotonic() + PATIENCE_S
        while not seen or (seen["right"] < least and same < STILL_LOOKS):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name}.png: the page does not come to rest with the whole slide in it")
            screenshot = page.screenshot(timeout=PATIENCE_S * 1000)
            (self.pictures / f"{name}.png").write_bytes(screenshot)
            same = same + 1 if screenshot == last else 0
            if screenshot != last:
                last, seen = screenshot, sight(screenshot, slide, colours)
            time.sleep(BETWEEN_LOOKS_S)
        return seen


def inner(slide: MarkedSlide) -> MarkedSlide:
    """The slide with those cells that touch none of its edges."""
    cells = (cell for cell in slide.cells if cell.box.left and cell.box.top)
    return replace(slide, cells=tuple(c for c in cells if c.box.right < SIZE.width and c.box.bottom < SIZE.height))


def sight(screenshot: bytes, slide: MarkedSlide, colours: Mapping[CellType, str]) -> dict[str, Any]:
    """How the slide lies, which share of edges is right, and which would be if the truth lay elsewhere; empty without.

    All of it can become JSON.
    """
    screen = pixels_of(screenshot)
    placement = placed(screen)
    if placement is None:
        return {}
    right, *shifted = (share_drawn(screen, slide.cells, placement, shift, colours) for shift in ((0, 0), *SHIFTS))
    return {"turn": placement.turn, "right": right, "shifted": shifted}
