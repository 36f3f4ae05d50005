"""Input that nobody sends is fetched from the archives that the workitem names and the settings know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from marrowcount.errors import PeerError
from marrowcount.main import input_fetching
from marrowcount.main.input_fetching import InputFetching
from marrowcount.main.parts import Parts, open_parts
from marrowcount.ports import ListedInstance, ListedSeries
from marrowcount.settings import ArchiveSection, NodeSection, Settings
from marrowcount.slides.instances import WSM_SOP_CLASS_UID
from marrowcount.testing import HeldArchive, made_up_instance
from marrowcount.workitems import InstanceReference, ReferencedSeries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STUDY, SLIDE = "1.2", "1.2.3"
BY_DIMSE = ArchiveSection(name="near", how="move", ae_title="NEAR", host="near.example.org")
BY_WEB = ArchiveSection(name="far", how="web", url="https://far.example.org/dicom-web")


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    settings = Settings(node=NodeSection(data_folder=tmp_path), archive=(BY_DIMSE, BY_WEB))
    with open_parts(settings) as opened:
        yield opened


@pytest.fixture
def archives(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> dict[str, HeldArchive]:
    """Stand-ins in the place of both archives; what they give comes as by the listener."""
    slide = ListedSeries(STUDY, SLIDE, tuple(ListedInstance(WSM_SOP_CLASS_UID, f"{SLIDE}.{n}") for n in (1, 2, 3)))

    def deliver(uid: str) -> None:
        received = made_up_instance(SLIDE, int(uid.rpartition(".")[2]), parts.clock.now())
        path = parts.store.path(received.file.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        parts.ledger.record_instance(received)

    held = {name: HeldArchive(name, slides=[slide], deliver=deliver) for name in ("near", "far")}
    monkeypatch.setattr(input_fetching, "archive_of", lambda section, *_: held[section.name])
    return held


def named(*numbers: int, aes: tuple[str, ...] = (), urls: tuple[str, ...] = ()) -> ReferencedSeries:
    instances = tuple(InstanceReference(WSM_SOP_CLASS_UID, f"{SLIDE}.{n}") for n in numbers)
    return ReferencedSeries(STUDY, SLIDE, instances, aes, urls)


def test_what_the_workitem_lists_is_fetched(parts: Parts, archives: dict[str, HeldArchive]) -> None:
    """From the archive that it names by its AE title; no more than is listed, and nothing twice."""
    fetch = InputFetching(parts)
    fetch(named(1, 2, aes=("ELSEWHERE", "NEAR")))
    fetch(named(1, 2, aes=("NEAR",)))
    assert archives["near"].asked == [(f"{SLIDE}.1", f"{SLIDE}.2")]
    assert archives["far"].asked == []


def test_an_archive_is_named_by_its_url(parts: Parts, archives: dict[str, HeldArchive]) -> None:
    """A retrieve URL below its service base; another host that begins alike is another."""
    fetch = InputFetching(parts)
    fetch(named(1, urls=("https://far.example.org/dicom-web.evil.org/studies/1.2",)))
    assert archives["far"].asked == []
    fetch(named(1, urls=(f"https://far.example.org/dicom-web/studies/{STUDY}",)))
    assert archives["far"].asked == [(f"{SLIDE}.1",)]


def test_a_series_without_a_list_is_fetched_whole(parts: Parts, archives: dict[str, HeldArchive]) -> None:
    """As the archive lists it."""
    InputFetching(parts)(named(aes=("NEAR",)))
    assert len(archives["near"].asked[0]) == 3


def test_nobody_that_the_settings_do_not_know_is_called(parts: Parts, archives: dict[str, HeldArchive]) -> None:
    """A workitem cannot send the node elsewhere."""
    InputFetching(parts)(named(1, aes=("STRANGER",), urls=("https://stranger.example.org/studies/1",)))
    assert not archives["near"].asked
    assert not archives["far"].asked


def test_where_one_archive_fails_the_next_is_asked(parts: Parts, archives: dict[str, HeldArchive]) -> None:
    """And where all do, that is said."""
    archives["near"].failing = {f"{SLIDE}.1": "lost"}
    both = named(1, aes=("NEAR",), urls=(f"{BY_WEB.url}/studies/{STUDY}",))
    InputFetching(parts)(both)
    assert archives["far"].asked == [(f"{SLIDE}.1",)]
    archives["near"].failing = {f"{SLIDE}.2": "lost"}
    with pytest.raises(PeerError, match="pull-incomplete"):
        InputFetching(parts)(named(2, aes=("NEAR",)))
