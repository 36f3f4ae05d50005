from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.errors import PeerError
from marrowcount.ports import FoundStudy, ListedInstance, ListedSeries, WantedStudy
from marrowcount.slides.instances import WSM_SOP_CLASS_UID
from marrowcount.testing import HeldArchive, HeldClock, InMemoryLedger, TemporaryStore, made_up_instance
from marrowcount.workflow.pull import Pulling

SERIES, STUDY = "1.2.3", "1.2.3.0"


def listed(count: int, unlisted: int = 0) -> ListedSeries:
    instances = tuple(ListedInstance(WSM_SOP_CLASS_UID, f"{SERIES}.{number}") for number in range(1, count + 1))
    return ListedSeries(STUDY, SERIES, instances, unlisted)


@dataclass
class Node:
    """A node, and an archive that delivers to it."""

    folder: Path

    def __post_init__(self) -> None:
        self.ledger, self.store, self.clock = InMemoryLedger(), TemporaryStore(self.folder), HeldClock()
        self.archive = HeldArchive("vault", deliver=self.take)
        self.pulling = Pulling(self.ledger, self.store)
        self.seen: list[tuple[int, int]] = []

    def take(self, uid: str) -> None:
        instance = made_up_instance(SERIES, int(uid.rpartition(".")[2]), self.clock.now())
        path = self.store.path(instance.file.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(uid.encode())
        self.ledger.record_instance(instance)

    def pull(self, slide: ListedSeries):  # noqa: ANN201 - PulledSlide
        return self.pulling.pull(self.archive, slide, lambda done, total: self.seen.append((done, total)))


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_what_is_lacking_comes(node: Node) -> None:
    """Everything listed is held afterwards, and progress was told of each instance."""
    pulled = node.pull(listed(3))
    assert (pulled.whole, pulled.fetched, pulled.held_before, pulled.fault) == (True, 3, 0, None)
    assert node.seen == [(1, 3), (2, 3), (3, 3)]


def test_what_is_held_is_not_fetched_again(node: Node) -> None:
    """A second pull asks for nothing."""
    node.pull(listed(3))
    pulled = node.pull(listed(3))
    assert (pulled.whole, pulled.fetched, pulled.held_before) == (True, 0, 3)
    assert len(node.archive.asked) == 1


def test_a_file_that_went_away_is_fetched_again(node: Node) -> None:
    """An entry in the ledger without its file is no possession."""
    node.pull(listed(2))
    held = node.ledger.instance(f"{SERIES}.1")
    assert held is not None
    node.store.path(held.file.path).unlink()
    assert node.pull(listed(2)).fetched == 1


@given(broken=st.lists(st.integers(min_value=0, max_value=5), max_size=6), count=st.integers(min_value=1, max_value=5))
def test_a_pull_goes_on_where_it_broke_off(
    tmp_path_factory: pytest.TempPathFactory, broken: list[int], count: int
) -> None:
    """However often the connection is lost, no instance is asked for again once it came, and at last all are there."""
    node = Node(tmp_path_factory.mktemp("node"))
    came = 0
    for after in broken:
        node.archive.breaks_after = after
        pulled = node.pull(listed(count))
        assert pulled.held_before == came
        came += pulled.fetched
        assert (pulled.fault is None) == (came == count)
        assert pulled.fault is None or pulled.fault.code == "association-lost"
    node.archive.breaks_after = None
    assert node.pull(listed(count)).whole
    assert sum(len(asked) for asked in node.archive.asked) <= count * (len(broken) + 1)


def test_instances_that_fail_are_named_with_their_reason(node: Node) -> None:
    """The slide is not whole; the fault says how many are lacking and why the first."""
    node.archive.failing[f"{SERIES}.2"] = "it lies on tape"
    pulled = node.pull(listed(3))
    assert [(lack.sop_instance_uid, lack.reason) for lack in pulled.lacking] == [(f"{SERIES}.2", "it lies on tape")]
    assert pulled.fault is not None
    assert (pulled.fault.code, pulled.fetched) == ("pull-incomplete", 2)
    assert "1 of 3 instances" in pulled.fault.message
    assert "tape" in pulled.fault.message


def test_success_is_not_believed(node: Node) -> None:
    """An archive that reports no failure, yet whose instance is not in the ledger, has not delivered it."""
    node.archive._deliver = lambda _: None
    pulled = node.pull(listed(1))
    assert not pulled.whole
    assert "did not arrive" in pulled.lacking[0].reason


def test_a_list_shorter_than_the_archives_own_count_is_not_trusted(node: Node) -> None:
    """All named instances are held, but the archive counts two more: the slide may still be being stored."""
    pulled = node.pull(listed(2, unlisted=2))
    assert (pulled.lacking, pulled.whole) == ((), False)
    assert pulled.fault is not None
    assert (pulled.fault.code, pulled.fault.retryable) == ("list-incomplete", True)


def test_an_archive_that_is_away_is_told_of(node: Node) -> None:
    """Its failure is the fault of the slide, and everything is lacking for that reason."""
    node.archive.breaks_after = 0
    pulled = node.pull(listed(2))
    assert isinstance(pulled.failure, PeerError)
    assert [lack.reason for lack in pulled.lacking] == ["vault ended the association."] * 2


def test_patient_data_stay_out_of_what_is_printed_by_accident() -> None:
    """The representation of what was asked for and found names the study alone."""
    wanted = WantedStudy("ID-SECRET", "ISSUER-SECRET", "ACC-SECRET", STUDY)
    found = FoundStudy(STUDY, *["SECRET"] * 6)
    assert "SECRET" not in f"{wanted!r} {found!r} {replace(found, modalities=('SM',))}"


def test_the_stand_in_finds_what_matches() -> None:
    """Each field that is given must match."""
    studies = [FoundStudy("1.1", "A", "X", accession_number="7"), FoundStudy("1.2", "A", "Y", accession_number="8")]
    archive = HeldArchive("vault", studies, [listed(1)])
    assert archive.find_studies(WantedStudy(patient_id="A")) == studies
    assert archive.find_studies(WantedStudy(patient_id="A", issuer="Y")) == studies[1:]
    assert archive.find_studies(WantedStudy(accession_number="9")) == []
    assert archive.list_slides(STUDY, "1.9") == []
    assert archive.list_slides(STUDY) == [listed(1)]
