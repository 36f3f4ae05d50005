"""Whatever became of a slide's earlier results, no archive shows one of them beside or in place of the last outcome."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import ComprehensiveSRStorage, MicroscopyBulkSimpleAnnotationsStorage
from structlog.testing import capture_logs

from given_instances import write_instance
from made_up_result import MODELS
from marrowcount.main.result_files import CELLS_ANN, DIFFERENTIAL_SR, NOTE_ENDING, RESULT_FILE, ROI_ANN, dicom_files_in
from marrowcount.main.result_folders import place_of
from marrowcount.main.taking_back import REPLACED, WITHDRAWN, GivenOut, TakingBack, write_notes
from marrowcount.ports import (
    CountedOutcome,
    Delivery,
    DeliveryKind,
    DeliveryOrder,
    FailureReason,
    FileState,
    Job,
    RefusedOutcome,
    Settlement,
    TakenFile,
)
from marrowcount.slides.states import DeliveryState
from marrowcount.testing import InMemoryLedger, made_up_instance
from marrowcount.workflow.leases import LeaseLostError
from marrowcount.workflow.withdrawing import with_notes
from marrowcount_adapters.structured_report.rejection import taken_back

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
SLIDE = "1.2.3"
LEASE_S = 60.0
ARCHIVES = {"pacs": DeliveryKind.DICOM, "cloud": DeliveryKind.STOW}
CLASSES = {
    CELLS_ANN: MicroscopyBulkSimpleAnnotationsStorage,
    ROI_ANN: MicroscopyBulkSimpleAnnotationsStorage,
    DIFFERENTIAL_SR: ComprehensiveSRStorage,
}


@dataclass
class Archive:
    """Shows what it was given, but for what a note names (IHE RAD IOCM), whichever came first."""

    given: dict[str, str] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def take(self, file: Path) -> TakenFile:
        dataset = dcmread(file)
        uid = str(dataset.SOPInstanceUID)
        if file.name.endswith(NOTE_ENDING):
            self.hidden.update(taken_back(dataset))
        else:
            self.given[uid] = file.name
        return TakenFile("", str(dataset.SOPClassUID), uid)

    @property
    def shown(self) -> set[str]:
        return self.given.keys() - self.hidden


class Node:
    """A ledger, a folder of results and archives; counts what it is told to."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.ledger = InMemoryLedger()
        self.archives = {name: Archive() for name in ARCHIVES}
        self.taking_back = TakingBack(self.ledger, results, MODELS)
        self.now = NOW
        self.revision = 0
        self.in_flight: list[Delivery] = []

    def job(self) -> Job:
        """A late instance opens the next revision, and a worker takes it up."""
        self.revision += 1
        self.ledger.record_instance(made_up_instance(SLIDE, self.revision, self.now))
        assert self.ledger.mark_ready(SLIDE, self.revision, "complete", self.now)
        return self.taken_up()

    def taken_up(self) -> Job:
        job = self.ledger.lease_job("worker", self.now, LEASE_S)
        assert job is not None
        return job

    def count(
        self, found: str, names: Collection[str] = tuple(CLASSES), *, wanted_by: Collection[str] | None = None
    ) -> set[str]:
        """Give a result out under UIDs made of what was found, new ones where they were taken back; those."""
        job = self.job()
        place = place_of(job, self.results)
        (self.results / place).mkdir(parents=True)
        uids = self._uids(found, names)
        for name, uid in uids.items():
            write_instance(self.results / place / name, CLASSES[name], uid)
        (self.results / place / RESULT_FILE).write_text("{}")
        files = tuple(f"{place}/{name}" for name in dicom_files_in(self.results / place))
        orders = [DeliveryOrder(ARCHIVES[each], each, files) for each in wanted_by or self.archives]
        owed = with_notes(orders, self.taking_back.notes(job, place, REPLACED, self.now))
        assert self.ledger.finish(job, CountedOutcome(place, "{}", owed), self.now)
        return set(uids.values())

    def _uids(self, found: str, names: Collection[str]) -> Mapping[str, str]:
        never = self.taking_back.given_out(SLIDE).taken_back()
        issues = (
            {name: f"2.25.{ord(found)}.{issue}.{number}" for number, name in enumerate(CLASSES)}
            for issue in range(1, 99)
        )
        return next({name: uids[name] for name in names} for uids in issues if not never & set(uids.values()))

    def refuse(self) -> set[str]:
        """Refuse it: nothing holds."""
        job = self.job()
        place = place_of(job, self.results)
        (self.results / place).mkdir(parents=True)
        (self.results / place / RESULT_FILE).write_text("{}")
        owed = with_notes((), self.taking_back.notes(job, place, f"{WITHDRAWN} (no-cells).", self.now))
        assert self.ledger.refuse(job, RefusedOutcome("no-cells", "none", "{}", owed), self.now)
        return set()

    def lease(self, destination: str) -> Delivery | None:
        return self.ledger.lease_delivery("sender", self.now, LEASE_S, destination)

    def send(self, delivery: Delivery, most: int = 99) -> None:
        """So many of its files."""
        for file in delivery.unsent[:most]:
            said = self.archives[delivery.order.destination].take(self.results / file)
            self.ledger.file_taken(delivery, TakenFile(file, said.sop_class_uid, said.sop_instance_uid))

    def deliver(self, destination: str) -> None:
        """All that waits."""
        self.now += timedelta(seconds=2 * LEASE_S)
        while delivery := self.lease(destination):
            self.send(delivery)
            self.ledger.delivered(delivery, self.now)

    def deliver_all(self) -> None:
        for destination in self.archives:
            self.deliver(destination)

    def notes(self, destination: str) -> Iterator[str]:
        """Files of notes that are or were owed to a destination, the oldest first."""
        for delivery in self.ledger.deliveries(SLIDE):
            if delivery.order.destination == destination:
                yield from (file for file in delivery.order.files if file.endswith(NOTE_ENDING))

    def named(self, destination: str) -> set[str]:
        """What the last note for a destination names."""
        *_, last = self.notes(destination)
        return set(taken_back(dcmread(self.results / last)))


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_a_first_result_takes_nothing_back(node: Node) -> None:
    """There is nothing to take."""
    first = node.count("a")
    node.deliver_all()
    assert [archive.shown for archive in node.archives.values()] == [first, first]
    assert [list(node.notes(each)) for each in ARCHIVES] == [[], []]


def test_what_was_superseded_unsent_leaves_nothing_visible_of_what_it_would_have_taken_back(node: Node) -> None:
    """The second result, with its note, never left the node; the third takes the first one back."""
    first = node.count("a")
    node.deliver_all()
    node.count("b")
    third = node.count("c")
    node.deliver_all()
    assert [archive.shown for archive in node.archives.values()] == [third, third]
    assert node.named("pacs") == first


def test_destinations_hear_of_what_they_have_alone(node: Node) -> None:
    """One that was away when others got the first result has nothing to hide; strict archives refuse unknown names."""
    first = node.count("a")
    node.deliver("pacs")
    node.count("b")
    assert node.named("pacs") == first
    assert list(node.notes("cloud")) == []


def test_a_result_that_left_in_part_is_taken_back_in_part(node: Node) -> None:
    """Of a delivery that broke off only what was taken is named."""
    node.count("a")
    delivery = node.lease("pacs")
    assert delivery is not None
    node.send(delivery, most=1)
    node.ledger.retry_delivery(delivery, "no answer", node.now + timedelta(days=1), node.now)
    second = node.count("b")
    assert node.named("pacs") == set(node.archives["pacs"].given)
    assert len(node.named("pacs")) == 1
    node.deliver_all()
    assert node.archives["pacs"].shown == second


def test_what_is_on_its_way_is_taken_back_whole(node: Node) -> None:
    """The sender goes on while the newer result is recorded; the note comes behind it."""
    first = node.count("a")
    delivery = node.lease("pacs")
    assert delivery is not None
    second = node.count("b")
    assert node.named("pacs") == first
    node.send(delivery)
    node.ledger.delivered(delivery, node.now)
    node.deliver_all()
    assert node.archives["pacs"].shown == second


def test_a_note_on_its_way_is_not_relied_on(node: Node) -> None:
    """It may yet fail: what it names is named again."""
    first = node.count("a")
    node.deliver_all()
    node.count("b")
    assert node.lease("pacs") is not None
    node.count("c")
    assert first < node.named("pacs")


def test_a_note_that_was_taken_is_not_repeated(node: Node) -> None:
    """Each is named once to each destination that heard it."""
    node.count("a")
    node.deliver_all()
    second = node.count("b")
    node.deliver_all()
    node.count("c")
    assert node.named("pacs") == second


def test_what_holds_still_is_not_taken_back(node: Node) -> None:
    """A report that is made no more goes, the annotations stay."""
    first = node.count("a")
    node.deliver_all()
    second = node.count("a", (CELLS_ANN, ROI_ANN))
    assert second < first
    assert node.named("pacs") == first - second


def test_a_refusal_takes_all_back(node: Node) -> None:
    """However many results ago it was; a count that finds the same again later is shown, under new UIDs."""
    first = node.count("a")
    node.deliver_all()
    node.count("b")
    node.refuse()
    node.deliver_all()
    assert [archive.shown for archive in node.archives.values()] == [set(), set()]
    again = node.count("a")
    node.deliver_all()
    assert not first & again
    assert [archive.shown for archive in node.archives.values()] == [again, again]


def test_a_destination_that_wants_no_more_still_hears_what_to_hide(node: Node) -> None:
    """Its rule was changed after it got the first result."""
    node.count("a")
    node.deliver_all()
    second = node.count("b", wanted_by=["pacs"])
    node.deliver_all()
    assert {name: archive.shown for name, archive in node.archives.items()} == {"pacs": second, "cloud": set()}


def test_what_the_archive_says_it_lacks_is_not_named(node: Node) -> None:
    """By storage commitment; archives refuse a note that names what they do not have."""
    first = node.count("a")
    node.deliver("pacs")
    (delivery,) = (each for each in node.ledger.deliveries(SLIDE) if each.order.destination == "pacs")
    lost, *rest = delivery.taken
    gone = TakenFile(
        lost.file, lost.sop_class_uid, lost.sop_instance_uid, FileState.FAILED, FailureReason.NO_SUCH_INSTANCE
    )
    dead = Settlement(DeliveryState.DEAD, (gone, *rest), "0112H")
    assert node.ledger.settle(delivery, dead, node.now)
    node.count("b")
    assert node.named("pacs") == first - {lost.sop_instance_uid}


def test_a_lost_job_takes_nothing_back(node: Node) -> None:
    """The worker that has the job now does."""
    node.count("a")
    job = node.job()
    node.now += timedelta(seconds=LEASE_S)
    node.taken_up()
    before = node.ledger.deliveries(SLIDE)
    with pytest.raises(LeaseLostError):
        node.taking_back.notes(job, f"{SLIDE}/2.1", REPLACED, node.now)
    assert node.ledger.deliveries(SLIDE) == before


def test_nothing_leaves_while_notes_are_made(node: Node) -> None:
    """What waits is let go before what is there is read: else a sender could give it out meanwhile, unseen."""

    class Overtaken(TakingBack):
        def given_out(self, series_uid: str) -> GivenOut:
            read = super().given_out(series_uid)
            node.deliver_all()
            return read

    node.count("a")
    node.taking_back = Overtaken(node.ledger, node.results, MODELS)
    node.refuse()
    node.deliver_all()
    assert [archive.shown for archive in node.archives.values()] == [set(), set()]


DAMAGES = {
    "gone": lambda file: file.unlink(),
    "empty": lambda file: file.write_bytes(b""),
    "no DICOM": lambda file: file.write_bytes(b"x" * 4096),
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:400]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_told_of_and_stops_nothing(node: Node, damage: str) -> None:
    """What can be named is taken back; of the rest a person hears which instance stays visible where."""
    first = node.count("a")
    node.deliver_all()
    lost = next(uid for uid, name in node.archives["pacs"].given.items() if name == ROI_ANN)
    DAMAGES[damage](node.results / SLIDE / "1.1" / ROI_ANN)
    with capture_logs() as logs:
        node.count("b")
    assert node.named("pacs") == first - {lost}
    told = [
        (each["destination"], each["sop_instance_uid"]) for each in logs if each["event"] == "result.not_taken_back"
    ]
    assert told == [("pacs", lost), ("cloud", lost)]


def test_a_damaged_file_of_an_instance_that_still_holds_is_no_matter(node: Node) -> None:
    """Nothing is to be taken back of it."""
    node.count("a")
    node.deliver_all()
    (node.results / SLIDE / "1.1" / ROI_ANN).write_bytes(b"")
    with capture_logs() as logs:
        node.count("a")
    assert logs == []
    assert list(node.notes("pacs")) == []


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_damaged_note_may_have_named_is_not_used_again(node: Node, damage: str) -> None:
    """Nobody knows which of the instances before it archives hide."""
    first = node.count("a")
    node.deliver_all()
    node.count("b")
    node.deliver_all()
    for note in {*node.notes("pacs"), *node.notes("cloud")}:
        DAMAGES[damage](node.results / note)
    again = node.count("a")
    assert not again & first
    node.deliver_all()
    assert [archive.shown for archive in node.archives.values()] == [again, again]


def test_notes_of_older_versions_are_known(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """They wrote one for all destinations: what it named stays hidden and is not named again."""
    first = node.count("a")
    node.deliver_all()
    with monkeypatch.context() as older:
        older.setattr("marrowcount.main.taking_back._note_name", lambda _: "rejection.ko.dcm")
        second = node.count("b")
        node.deliver_all()
    again = node.count("a")
    assert not first & again
    assert node.named("pacs") == second


def test_notes_are_named_by_a_digest_of_the_destination(tmp_path: Path) -> None:
    """Its name may hold anything; who has nothing to hear gets none."""
    write_instance(tmp_path / "a.dcm", ComprehensiveSRStorage, "1.2.5")
    old = [dcmread(tmp_path / "a.dcm")]
    names = write_notes(tmp_path, {"../x/y": old, "pacs": old, "none": []}, MODELS, REPLACED, NOW)
    assert set(names) == {"../x/y", "pacs"}
    assert len(set(names.values())) == 2
    assert {path.name for path in tmp_path.glob("rejection.????????.ko.dcm")} == set(names.values())


# The law


@dataclass(frozen=True)
class Fate:
    """What happens to one destination between two outcomes.

    Attributes:
        whole: deliveries that it takes.
        part: files that it takes of the next one.
        ending: what becomes of that one then.
    """

    whole: int
    part: int
    ending: str


fates = st.builds(
    Fate,
    st.integers(0, 1),
    st.integers(0, 4),
    st.sampled_from(["nothing", "postponed", "buried", "in flight", "dead sender", "held", "dropped"]),
)
outcomes = st.sampled_from(["a", "b", "c", "a without report", "refused"])
steps = st.lists(st.tuples(outcomes, st.fixed_dictionaries(dict.fromkeys(ARCHIVES, fates))), min_size=1, max_size=6)


def outcome(node: Node, which: str) -> set[str]:
    if which == "refused":
        return node.refuse()
    return node.count(which[0], (CELLS_ANN, ROI_ANN) if "without" in which else tuple(CLASSES))


def befall(node: Node, destination: str, fate: Fate) -> None:
    for _ in range(fate.whole):
        if delivery := node.lease(destination):
            node.send(delivery)
            node.ledger.delivered(delivery, node.now)
    if fate.ending in {"held", "dropped"}:
        put = node.ledger.hold_delivery if fate.ending == "held" else node.ledger.drop_delivery
        for each in node.ledger.deliveries(SLIDE):
            if each.order.destination == destination:
                put(each.delivery_id, node.now, "A. Person")
    elif fate.ending != "nothing" and (delivery := node.lease(destination)):
        break_off(node, delivery, fate)


def break_off(node: Node, delivery: Delivery, fate: Fate) -> None:
    node.send(delivery, fate.part)
    if fate.ending == "postponed":
        node.ledger.retry_delivery(delivery, "no answer", node.now + timedelta(hours=1), node.now)
    elif fate.ending == "buried":
        node.ledger.bury_delivery(delivery, "refused", node.now)
    elif fate.ending == "in flight":
        node.in_flight.append(delivery)


def arrive(node: Node) -> None:
    """What was on its way when the outcome was recorded."""
    while node.in_flight:
        delivery = node.in_flight.pop()
        node.send(delivery)
        node.ledger.delivered(delivery, node.now)


def revive(node: Node) -> None:
    """A person mends what stands in the last result's way; older ones cannot be revived."""
    node.now += timedelta(hours=2)
    for each in node.ledger.deliveries(SLIDE):
        if each.state in {DeliveryState.DEAD, DeliveryState.HELD, DeliveryState.DROPPED}:
            node.ledger.revive_delivery(each.delivery_id, node.now)


def check(story: Sequence[tuple[str, Mapping[str, Fate]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        node, last = Node(Path(folder)), set[str]()
        for which, fates_of in story:
            last = outcome(node, which)
            arrive(node)
            for destination, fate in fates_of.items():
                befall(node, destination, fate)
        arrive(node)
        revive(node)
        node.deliver_all()
        assert {name: archive.shown for name, archive in node.archives.items()} == dict.fromkeys(ARCHIVES, last)


@given(steps)
@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking on a disk takes minutes
)
def test_each_archive_shows_the_last_outcome_and_nothing_else(
    story: Sequence[tuple[str, Mapping[str, Fate]]],
) -> None:
    """After any results and refusals, each delivered, superseded, held, dropped, dead or on its way in any part."""
    check(story)
