"""``marrowcount pull``: find a study, let its slides come, prove that they did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from marrowcount.errors import PeerError
from marrowcount.main.archives import archive_of, archive_party, section_of
from marrowcount.main.parts import audited_receiving, open_parts
from marrowcount.main.progress import progress_bar
from marrowcount.workflow.finding import find_studies_with_slides, list_and_remember
from marrowcount.workflow.pull import Pulling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from marrowcount.main.parts import Parts
    from marrowcount.ports import Archive, FoundStudy, ListedSeries, WantedStudy
    from marrowcount.settings import Settings
    from marrowcount.workflow.pull import PulledSlide

__all__ = ["pull_slides"]

LOOKS: Final = 3
"""Times that the archive is asked what it has of the slides."""


def pull_slides(
    settings: Settings, wanted: WantedStudy, console: Console, *, series_uid: str = "", source: str = "", how: str = ""
) -> None:
    """Pull the slides of the one study that matches, or one of them, and print what became of each.

    Raises:
        SettingsError: the archive is unknown, or what is asked for is no question.
        PeerError: the archive failed, several studies match, or something did not come.
        StorageError: the node's disk or database failed.
    """
    section = section_of(settings, source)
    party = archive_party(section)
    with open_parts(settings) as parts, audited_receiving(parts, parts.trail.fetching(party)) as receiving:
        archive = archive_of(section, parts, receiving, how)
        study_uid = _study_uid(archive, wanted, console)
        pulled = _pulled(parts, archive, study_uid, series_uid, console)
    console.print(_slides_table(archive.name, pulled))
    for slide in pulled:
        if slide.fault is not None:
            raise slide.fault


def _study_uid(archive: Archive, wanted: WantedStudy, console: Console) -> str:
    """Patient data go to the screen of whoever asked, and nowhere else."""
    if wanted.study_uid:
        return wanted.study_uid
    studies = find_studies_with_slides(archive, wanted)
    if len(studies) > 1:
        console.print(_studies_table(archive.name, studies))
        raise PeerError("several-studies", f"{len(studies)} studies with slides match; name one of them by --study.")
    return studies[0].study_uid


def _pulled(parts: Parts, archive: Archive, study_uid: str, series_uid: str, console: Console) -> Sequence[PulledSlide]:
    """Each slide; the archive is asked again until it names nothing new, since it may still be getting the slide."""
    pulling = Pulling(parts.ledger, parts.store)
    pulled: dict[str, PulledSlide] = {}
    for _ in range(LOOKS):
        slides = list_and_remember(archive, study_uid, series_uid, parts.expectations, parts.clock)
        if all(_is_known(slide, pulled) for slide in slides):
            break
        for slide in slides:
            earlier = pulled.get(slide.series_uid)
            one = _with_progress(pulling, archive, slide, console)
            pulled[slide.series_uid] = one.following(earlier) if earlier else one
    return tuple(pulled.values())


def _is_known(slide: ListedSeries, pulled: Mapping[str, PulledSlide]) -> bool:
    """Whether as much was listed before, or fetching failed, which asking again does not mend."""
    earlier = pulled.get(slide.series_uid)
    return earlier is not None and (bool(earlier.lacking) or len(slide.instances) <= earlier.listed)


def _with_progress(pulling: Pulling, archive: Archive, slide: ListedSeries, console: Console) -> PulledSlide:
    with progress_bar(console) as bar:
        task = bar.add_task(f"{slide.series_uid} from {archive.name}", total=None)
        return pulling.pull(archive, slide, lambda done, total: bar.update(task, completed=done, total=total))


def _studies_table(archive: str, studies: Sequence[FoundStudy]) -> Table:
    table = Table(title=f"Studies at {archive}", title_justify="left")
    for heading in ("study", "patient", "name", "accession", "date", "description"):
        table.add_column(heading, overflow="fold")
    for study in studies:
        patient = f"{study.patient_id} ({study.issuer})" if study.issuer else study.patient_id
        said = (patient, study.patient_name, study.accession_number, study.study_date, study.description)
        table.add_row(*(Text(cell) for cell in (study.study_uid, *said)))
    return table


def _slides_table(archive: str, slides: Sequence[PulledSlide]) -> Table:
    table = Table(title=f"Slides from {archive}", title_justify="left")
    for heading in ("series", "listed", "held before", "fetched", "lacking"):
        table.add_column(heading, overflow="fold")
    for slide in slides:
        counts = (slide.listed, slide.held_before, slide.fetched, len(slide.lacking) + slide.unlisted)
        table.add_row(slide.series_uid, *map(str, counts))
        for lack in slide.lacking:
            table.add_row(Text(f"  {lack.sop_instance_uid}: {lack.reason}", "red"))
    return table
