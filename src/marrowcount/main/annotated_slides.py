"""Annotated slides as the IDC collection bonemarrowwsi_pediatricleukemia has them, ready to be imported.

The series description of an annotation instance tells what it is: regions ("Monolayer regions of interest ..."), the
boxes of one session ("Session 2: ..."), the consensus of the sessions ("Consensus: ..."), or boxes without labels
("Unlabeled cell bounding boxes"). A group's label is the class of its rectangles.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from marrowcount.datasets import NamedBox, NamedExample
from marrowcount.datasets.regions import area_of, objects_in, scale_to, tiles_over
from marrowcount.errors import DatasetError, SlideError
from marrowcount.main.slide_folders import find_slides
from marrowcount.ports.labelled_files import LabelledSource
from marrowcount.slides.tiles import TILE_PX
from marrowcount_adapters.wsi.checks import AllowedResolution, require_resolution
from marrowcount_adapters.wsi.header import read_patient_key
from marrowcount_adapters.wsi.series import slide_levels
from marrowcount_adapters.wsi.slide import open_slide

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from marrowcount.datasets import Faults
    from marrowcount.datasets.regions import Area
    from marrowcount.main.slide_folders import AnnotatedSlide
    from marrowcount.ports import Picture
    from marrowcount.slides.geometry import PixelBox, SizePx
    from marrowcount_adapters.annotations.rectangles import Rectangles
    from marrowcount_adapters.wsi.series import Level
    from marrowcount_adapters.wsi.slide import WsidicomSlide

__all__ = ["CONSENSUS", "AnnotatedSlides", "Cut", "SlideOptions"]

CONSENSUS: Final = "consensus"
UNLABELLED: Final = "unlabelled"
REGIONS: Final = "regions"
KINDS: Final = (
    (re.compile(r"monolayer", re.IGNORECASE), REGIONS),
    (re.compile(r"consensus", re.IGNORECASE), CONSENSUS),
    (re.compile(r"unlabell?ed", re.IGNORECASE), UNLABELLED),
    (re.compile(r"(session \d+)", re.IGNORECASE), ""),
)
"""What is found in the description, to what the annotation is; of a session, what is found is its name."""

ANY_RESOLUTION: Final = AllowedResolution(0.05, 1.0)
"""Of slides to learn from; those to be counted are held to narrower bounds."""

OUTSIDE_PX: Final = 1.0
PSEUDONYM_LENGTH: Final = 16


class Cut(StrEnum):
    """What the pictures are."""

    TILES = "tiles"
    """Tiles of 512 px that cover the regions."""
    REGIONS = "regions"
    """The regions as they were drawn."""


@dataclass(frozen=True, slots=True)
class SlideOptions:
    """What to take from the slides.

    Attributes:
        session: whose boxes: ``consensus``, or ``session 0``, ``session 1`` and so on. A slide without it gives its
            unlabelled boxes, where it has such.
        cut: into tiles, or regions whole.
        um_per_px: resolution at which a tile is to have 512 px; None: the slide's own.
    """

    session: str = CONSENSUS
    cut: Cut = Cut.TILES
    um_per_px: float | None = None


class AnnotatedSlides(LabelledSource):
    """The annotated slides of a folder."""

    def __init__(self, root: Path, options: SlideOptions | None = None) -> None:
        self._root = root
        self._options = options or SlideOptions()
        self._places: dict[str, tuple[tuple[Path, ...], Area]] = {}
        self._remarks: tuple[str, ...] = ()
        self._open: tuple[tuple[Path, ...], WsidicomSlide] | None = None

    def examples(self, faults: Faults) -> Sequence[NamedExample]:
        """Every tile or region of every annotated slide.

        Raises:
            DatasetError: ``no-slides``; where ``faults`` does not keep going also ``not-dicom``,
                ``annotations-malformed``, ``annotations-unsupported``, ``annotations-unknown``,
                ``annotations-repeated``, ``annotations-of-another-image``, ``regions-missing``, ``region-outside``, and
                the codes of a slide's :class:`~marrowcount.errors.Refusal`.
        """
        folder = find_slides(self._root, faults)
        examples: list[NamedExample] = []
        outside = 0
        for slide in folder.slides:
            with faults.noted(), _slide_faults(slide.paths[0]):
                read = _ReadSlide.of(slide, self._options)
                outside += read.outside
                for example, area in read.examples():
                    self._places[example.name] = (slide.paths, area)
                    examples.append(example)
        left_out = (f"{outside} boxes have their centre in no region and were left out",) if outside else ()
        self._remarks = (*folder.remarks, *left_out)
        return examples

    @property
    def remarks(self) -> Sequence[str]:
        """Slides without annotations, annotations without slide, objects outside the regions."""
        return self._remarks

    def read(self, example: NamedExample) -> Picture:
        """The pixels of a tile or region; one slide is kept open at a time.

        Raises:
            DatasetError: with the code of the slide's :class:`~marrowcount.errors.Refusal`.
        """
        paths, area = self._places[example.name]
        with _slide_faults(paths[0]):
            if self._open is None or self._open[0] != paths:
                self.close()
                self._open = (paths, open_slide(paths, ANY_RESOLUTION))
            return self._open[1].read_area(area.left, area.top, area.size)

    def close(self) -> None:
        """Close the slide."""
        if self._open is not None:
            self._open[1].close()
            self._open = None


@dataclass(frozen=True, slots=True)
class _ReadSlide:
    """What is known of one slide before its pixels are read; objects and areas in pixels of its base level."""

    series_uid: str
    patient: str
    um_per_px: float
    areas: tuple[Area, ...]
    objects: tuple[NamedBox, ...] | None
    outside: int

    @classmethod
    def of(cls, slide: AnnotatedSlide, options: SlideOptions) -> _ReadSlide:
        base = slide_levels(slide.paths)[0]
        spacing = require_resolution(base.facts.spacing, ANY_RESOLUTION)
        by_kind = _by_kind(slide.annotations, base)
        regions = [_region(box, base.size) for group in by_kind[REGIONS].groups for box in group.boxes]
        objects = _objects(by_kind, options.session)
        scale = 1.0 if options.um_per_px is None else scale_to(spacing.um_per_px, options.um_per_px)
        side = round(TILE_PX / scale)
        return cls(
            series_uid=base.facts.series_uid,
            patient=_pseudonym(base.members[0].path),
            um_per_px=spacing.um_per_px,
            areas=tuple(piece for region in regions for piece in _pieces(region, options.cut, side)),
            objects=objects,
            outside=_outside(objects or (), regions),
        )

    def examples(self) -> Iterator[tuple[NamedExample, Area]]:
        for area in self.areas:
            example = NamedExample(
                name=f"{self.series_uid}/{area.left}-{area.top}-{area.size.width}x{area.size.height}",
                size=area.size,
                objects=None if self.objects is None else objects_in(area, self.objects),
                fit=True,
                um_per_px=self.um_per_px,
                patient=self.patient,
                group=self.series_uid,
            )
            yield example, area


def _by_kind(annotations: Iterable[Rectangles], base: Level) -> Mapping[str, Rectangles]:
    """Annotations by what they are.

    Raises:
        DatasetError: see :meth:`AnnotatedSlides.examples`.
    """
    found: dict[str, Rectangles] = {}
    images = {base.facts.image_uid, *(member.facts.sop_instance_uid for member in base.members)}
    for one in annotations:
        kind = _kind(one.description)
        if kind in found:
            raise DatasetError("annotations-repeated", f"a slide has two annotations {one.description!r}; keep one")
        if one.image_uid not in images:
            raise DatasetError(
                "annotations-of-another-image",
                f"the annotation {one.description!r} refers to an image that is not the base level of its slide here",
            )
        found[kind] = one
    if REGIONS not in found:
        raise DatasetError("regions-missing", "a slide has boxes but no monolayer regions; get its region annotation")
    return found


def _kind(description: str) -> str:
    for sought, kind in KINDS:
        if match := sought.search(description):
            return kind or match[1].lower()
    raise DatasetError(
        "annotations-unknown",
        f"an annotation is described as {description!r}, which names neither monolayer regions, a session, the "
        "consensus nor unlabelled boxes; take it out of the folder",
    )


def _objects(by_kind: Mapping[str, Rectangles], session: str) -> tuple[NamedBox, ...] | None:
    author = next((kind for kind in (session, UNLABELLED) if kind in by_kind), None)
    if author is None:
        return None
    groups = by_kind[author].groups
    by = "" if author == UNLABELLED else author
    return tuple(NamedBox(box, group.label or group.code, by) for group in groups for box in group.boxes)


def _region(box: PixelBox, slide: SizePx) -> Area:
    area = area_of(box, slide)
    beyond = max(-box.left, -box.top, box.right - slide.width, box.bottom - slide.height)
    if beyond > OUTSIDE_PX or not (area.size.width and area.size.height):
        raise DatasetError("region-outside", f"a region lies beyond its slide of {slide.width} x {slide.height} px")
    return area


def _pieces(region: Area, cut: Cut, side: int) -> tuple[Area, ...]:
    return (region,) if cut is Cut.REGIONS else tiles_over(region, side)


def _outside(objects: Sequence[NamedBox], regions: Sequence[Area]) -> int:
    inside = {one for region in regions for one in objects if region.holds(one.box.centre)}
    return sum(one not in inside for one in objects)


def _pseudonym(path: Path) -> str:
    """The same for the same Patient ID and issuer; a hash hides a number from view, not from somebody who tries all."""
    identifier, issuer = read_patient_key(path)
    return hashlib.sha256(f"{issuer}\x1f{identifier}".encode()).hexdigest()[:PSEUDONYM_LENGTH] if identifier else ""


@contextmanager
def _slide_faults(path: Path) -> Generator[None]:
    """A slide's refusal as a data set's fault."""
    try:
        yield
    except SlideError as error:
        raise DatasetError(error.code, f"the slide that {path.name} belongs to: {error.message}") from error
