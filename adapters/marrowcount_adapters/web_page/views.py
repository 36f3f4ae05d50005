"""What the page shows, and what it asks the node for; nothing of it names a patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from marrowcount.ports import CountProgress, Delivery, LedgerEvent, SlideRecord

__all__ = ["CellClass", "InstancePlace", "PageFacts", "PageSource", "ResultFile", "SlideLine", "SlideView"]


@dataclass(frozen=True, slots=True)
class CellClass:
    """One of the classes, as it is listed and drawn.

    Attributes:
        colour: RGB as ``#RRGGBB``, the same as in annotations and charts.
        in_differential: whether it counts in the differential's total.
    """

    label: str
    colour: str
    in_differential: bool


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What is the same for all slides.

    Attributes:
        dicomweb: path of the DICOMweb service on the same server.
        caution: stands on every view.
        classes: in the order in which they are listed.
    """

    version: str
    dicomweb: str
    caution: str
    classes: tuple[CellClass, ...]


@dataclass(frozen=True, slots=True)
class SlideLine:
    """A slide in the list.

    Attributes:
        slide: what the ledger knows.
        glass: what the laboratory calls it, Container Identifier (0040,0512); empty where nothing is said.
        said: what it waits for, why it was found complete, or why it has no result.
        progress: of a count that runs; None where none does, or nothing is known yet.
    """

    slide: SlideRecord
    glass: str
    said: str
    progress: CountProgress | None


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file of a result.

    Attributes:
        name: in the result's folder.
        title: for people.
    """

    name: str
    title: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class InstancePlace:
    """Where DICOMweb has an instance."""

    study_uid: str
    series_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class SlideView:
    """A slide with its result.

    Attributes:
        files: those that the result has; none where there is no result.
        result: changes whenever the result does; empty without one.
        cells: the annotations of the cells; None without a result.
    """

    line: SlideLine
    files: tuple[ResultFile, ...]
    result: str
    cells: InstancePlace | None
    events: Sequence[LedgerEvent]
    deliveries: Sequence[Delivery]


class PageSource(Protocol):
    """Where the page's facts come from. All methods may be called from several threads.

    Raises (all methods):
        StorageError: the database failed.
    """

    @property
    def facts(self) -> PageFacts:
        """What is the same for all slides."""
        ...

    def slides(self, most: int) -> tuple[Sequence[SlideLine], int]:
        """The slides that changed last, the latest first, at most so many; and how many the node knows."""
        ...

    def slide(self, series_uid: str) -> SlideView | None:
        """One slide; None where the node does not know it."""
        ...

    def result_file(self, series_uid: str, name: str) -> tuple[Path, ResultFile] | None:
        """A file of a slide's present result; None where it has none of this name."""
        ...
