"""The page made of the node's parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.routing import Mount

from marrowcount import __version__
from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.cytology.palette import PALETTE
from marrowcount.errors import InstanceError
from marrowcount.main.page_files import offered_file, offered_names
from marrowcount.main.result_files import CELLS_ANN
from marrowcount.result import RESEARCH_USE_ONLY
from marrowcount.slides.states import SlideState
from marrowcount_adapters.web_page import (
    CellClass,
    InstancePlace,
    PageFacts,
    PageSource,
    ResultFile,
    SlideLine,
    SlideView,
    page_app,
    shell_paths,
)
from marrowcount_adapters.wsi.header import read_facts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.routing import BaseRoute

    from marrowcount.main.parts import Parts
    from marrowcount.ports import SlideRecord
    from marrowcount.settings import WebSection

__all__ = ["open_paths", "page_routes"]

GLASSES_KEPT: Final = 10_000
"""Names of glasses that are remembered between two looks at the list."""

OTHERS: Final = tuple(cell_type for cell_type in CellType if cell_type not in NDC_CLASSES)


def page_routes(parts: Parts) -> Sequence[BaseRoute]:
    """The page at the root, below which everything lies that nothing else took."""
    section = parts.settings.web
    return [Mount("", page_app(_NodeSource(parts, _facts(section))))] if section.page else []


def open_paths(section: WebSection) -> frozenset[str]:
    """What of the page may be asked for without a token: it holds no data."""
    return shell_paths() if section.page else frozenset()


def _facts(section: WebSection) -> PageFacts:
    return PageFacts(
        version=__version__,
        dicomweb=section.base_path,
        caution=f"Preliminary unless a person signed. {RESEARCH_USE_ONLY}",
        classes=tuple(CellClass(one.label, PALETTE[one], one in NDC_CLASSES) for one in (*NDC_CLASSES, *OTHERS)),
    )


@dataclass(frozen=True, slots=True)
class _NodeSource(PageSource):
    """Reads ledger and results."""

    parts: Parts
    known_facts: PageFacts
    glasses: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def facts(self) -> PageFacts:
        """See :class:`PageSource`."""
        return self.known_facts

    def slides(self, most: int) -> tuple[Sequence[SlideLine], int]:
        """See :class:`PageSource`."""
        known = sorted(self.parts.ledger.slides(), key=lambda slide: slide.changed_at, reverse=True)
        return [self._line(slide) for slide in known[:most]], len(known)

    def slide(self, series_uid: str) -> SlideView | None:
        """See :class:`PageSource`."""
        ledger = self.parts.ledger
        slide = ledger.slide(series_uid)
        if slide is None:
            return None
        return SlideView(
            line=self._line(slide),
            files=tuple(self._files(slide)),
            result=slide.result_folder.rpartition("/")[2],
            cells=self._cells(slide),
            events=ledger.events(series_uid),
            deliveries=ledger.deliveries(series_uid),
        )

    def result_file(self, series_uid: str, name: str) -> tuple[Path, ResultFile] | None:
        """See :class:`PageSource`."""
        slide = self.parts.ledger.slide(series_uid)
        found = None if slide is None else self._file(slide, name)
        return None if slide is None or found is None else (self._folder(slide) / name, found)

    def _line(self, slide: SlideRecord) -> SlideLine:
        counting = slide.state is SlideState.COUNTING
        progress = self.parts.tasks.count_progress(slide.series_uid) if counting else None
        return SlideLine(slide, self._glass(slide.series_uid), self._said(slide), progress)

    def _said(self, slide: SlideRecord) -> str:
        """Why it is as it is; of a slide that is being received, what it waits for as of now."""
        if slide.state is SlideState.RECEIVING:
            return self.parts.readiness.assess(slide).sentence
        return slide.message or slide.evidence

    def _glass(self, series_uid: str) -> str:
        if series_uid not in self.glasses:
            instances = self.parts.ledger.instances(series_uid)
            name = next((one.facts.container_identifier for one in instances if one.facts.container_identifier), "")
            if not name or len(self.glasses) >= GLASSES_KEPT:
                return name
            self.glasses[series_uid] = name
        return self.glasses[series_uid]

    def _folder(self, slide: SlideRecord) -> Path:
        return self.parts.settings.results_folder / slide.result_folder

    def _files(self, slide: SlideRecord) -> Sequence[ResultFile]:
        found = (self._file(slide, name) for name in offered_names(self._folder(slide)))
        return [file for file in found if file is not None]

    def _file(self, slide: SlideRecord, name: str) -> ResultFile | None:
        offered, path = offered_file(name), self._folder(slide) / name
        if offered is None or not slide.result_folder or not path.is_file():
            return None
        return ResultFile(name, *offered, path.stat().st_size)

    def _cells(self, slide: SlideRecord) -> InstancePlace | None:
        """The annotations, where there are some that can be read."""
        if self._file(slide, CELLS_ANN) is None:
            return None
        try:
            facts = read_facts(self._folder(slide) / CELLS_ANN)
        except (InstanceError, OSError):
            return None
        return InstancePlace(facts.study_uid, facts.series_uid, facts.sop_instance_uid)
