"""From files to the levels of one slide: which files are its images, and which of them belong together."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from marrowcount.errors import InstanceError, Refusal, SlideError, StorageError
from marrowcount_adapters.wsi.header import read_facts, read_patient_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from marrowcount.slides.geometry import SizePx
    from marrowcount.slides.instances import InstanceFacts

__all__ = ["Level", "Member", "levels_of", "slide_levels", "told_of"]

MAX_FILES: Final = 10_000
"""More files than any one slide has; a folder of more is another folder than was meant."""

MAX_SIDE_PX: Final = 1 << 19
"""131 mm at 0.25 um/px: longer than any glass, so such a matrix is a mistake in the header."""

DICOM_PREFIX_AT: Final = 128
DICOM_PREFIX: Final = b"DICM"
DICOM_SUFFIXES: Final = frozenset({".dcm", ".dicom", ".dic"})
MEDIA_DIRECTORY: Final = "DICOMDIR"
"""The one name that PS3.10 section 8.6 gives to a file-set's directory."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file and what it says of itself."""

    path: Path
    facts: InstanceFacts


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the pyramid.

    Attributes:
        members: one file, or those of a concatenation in the order of their frames.
        size: total pixel matrix.
    """

    members: tuple[Member, ...]
    size: SizePx

    @property
    def facts(self) -> InstanceFacts:
        """What its first file says."""
        return self.members[0].facts

    @property
    def paths(self) -> tuple[Path, ...]:
        """Its files."""
        return tuple(member.path for member in self.members)


def slide_levels(source: Path | Sequence[Path]) -> tuple[Level, ...]:
    """The levels of the one slide in a folder or among files, largest first.

    Files that are not DICOM are passed over unless their name says that they should be; instances other than slide
    images (annotations, reports) and label and overview pictures are passed over too.

    Raises:
        SlideError: ``NO_IMAGE``, ``NOT_DICOM``, ``SEVERAL_SLIDES``.
        StorageError: ``unreadable``: a file or the folder cannot be read.
    """
    members = tuple(_distinct(_members(_files(source))))
    images = [member for member in members if member.facts.is_slide_image]
    levels = [member for member in images if member.facts.is_level]
    if not levels:
        raise SlideError(Refusal.NO_IMAGE, _what_is_there(len(members), len(images)))
    _require_one_slide(images, levels)
    return levels_of(levels)


def levels_of(members: Iterable[Member]) -> tuple[Level, ...]:
    """Level images put together from their files, largest total pixel matrix first.

    The base level is the largest: Image Type does not tell it reliably (converted slides call it DERIVED).

    Raises:
        SlideError: ``NOT_DICOM``: a level has no total pixel matrix or no frames.
    """
    images: dict[str, list[Member]] = {}
    for member in members:
        images.setdefault(member.facts.image_key, []).append(member)
    levels = (_level(image) for image in images.values())
    return tuple(sorted(levels, key=lambda level: (-level.size.width * level.size.height, level.facts.image_uid)))


def _level(image: list[Member]) -> Level:
    ordered = tuple(sorted(image, key=lambda member: member.facts.concatenation_offset or 0))
    first = ordered[0]
    size = first.facts.matrix
    if size is None or first.facts.frame is None:
        raise SlideError(
            Refusal.NOT_DICOM, f"{first.path.name} is a slide level without Total Pixel Matrix or Rows and Columns."
        )
    if max(size.width, size.height) > MAX_SIDE_PX:
        raise SlideError(
            Refusal.NOT_DICOM,
            f"{first.path.name} claims {size.width} x {size.height} px; no glass is longer than {MAX_SIDE_PX} px.",
        )
    return Level(ordered, size)


def _files(source: Path | Sequence[Path]) -> tuple[Path, ...]:
    if not isinstance(source, Path):
        return tuple(source)
    if not source.is_dir():
        return (source,)
    files = tuple(islice((path for path in source.rglob("*") if path.is_file()), MAX_FILES + 1))
    if len(files) > MAX_FILES:
        raise SlideError(Refusal.SEVERAL_SLIDES, f"The folder holds more than {MAX_FILES} files; name one slide's.")
    return tuple(sorted(files))


def _members(paths: Iterable[Path]) -> Iterator[Member]:
    return (member for member in map(_member, paths) if member is not None)


def _member(path: Path) -> Member | None:
    """None for a file that is no DICOM and does not claim to be."""
    with told_of(path):
        return Member(path, read_facts(path)) if _claims_to_be_dicom(path) else None


@contextmanager
def told_of(path: Path) -> Iterator[None]:
    """What is wrong with one file, under its name without the folders.

    Raises:
        SlideError: ``NOT_DICOM``.
        StorageError: ``unreadable``.
    """
    try:
        yield
    except InstanceError as error:
        raise SlideError(Refusal.NOT_DICOM, f"{path.name}: {error.message}") from None
    except OSError as error:
        raise StorageError("unreadable", f"{path.name} cannot be read: {error.strerror}.") from None


def _claims_to_be_dicom(path: Path) -> bool:
    """Whether the content (PS3.10 section 7.1) or at least the name says so; the directory of a medium is no image."""
    if path.name == MEDIA_DIRECTORY:
        return False
    with path.open("rb") as file:
        file.seek(DICOM_PREFIX_AT)
        prefix = file.read(len(DICOM_PREFIX))
    return prefix == DICOM_PREFIX or path.suffix.lower() in DICOM_SUFFIXES


def _distinct(members: Iterable[Member]) -> Iterator[Member]:
    """The same instance may lie there twice; its first file will do."""
    seen: set[str] = set()
    for member in members:
        if member.facts.sop_instance_uid not in seen:
            seen.add(member.facts.sop_instance_uid)
            yield member


def _what_is_there(instances: int, images: int) -> str:
    if images:
        return "There are slide images, but no VOLUME level among them: label, overview or thumbnail only."
    if instances:
        return "There are DICOM instances, but no VL Whole Slide Microscopy image among them."
    return "There is no DICOM file."


def _require_one_slide(images: Iterable[Member], levels: Iterable[Member]) -> None:
    """One patient in all images, one series and one glass in all levels; older scanners file labels elsewhere."""
    if len({_patient_key(member) for member in images}) > 1:
        raise SlideError(Refusal.SEVERAL_SLIDES, "The images belong to more than one patient.")
    if len({(member.facts.study_uid, member.facts.series_uid) for member in levels}) > 1:
        raise SlideError(Refusal.SEVERAL_SLIDES, "The levels belong to more than one series; name one slide's files.")
    if len({member.facts.container_identifier for member in levels}) > 1:
        raise SlideError(Refusal.SEVERAL_SLIDES, "The levels of the series name more than one glass (0040,0512).")


def _patient_key(member: Member) -> tuple[str, str]:
    with told_of(member.path):
        return read_patient_key(member.path)
