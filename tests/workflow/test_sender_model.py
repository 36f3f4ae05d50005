"""A model of the sender: whatever it sends, in whatever order, with whatever pauses, the laws of completeness hold."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from made_up_pyramids import SENDERS, Sender
from marrowcount.errors import DecisionError
from marrowcount.ports import CountedOutcome, EventKind, KeptFile, ReceivedInstance, Recording, RefusedOutcome
from marrowcount.slides.completeness import CompletenessSettings
from marrowcount.slides.expectations import Expectation, ExpectationSource, ExpectedInstance
from marrowcount.slides.instances import WSM_SOP_CLASS_UID
from marrowcount.slides.states import SLIDE_TRANSITIONS, SlideState
from marrowcount.testing import HeldClock, InMemoryExpectations, InMemoryLedger
from marrowcount.workflow.deciding import Deciding
from marrowcount.workflow.expecting import expect, withdraw
from marrowcount.workflow.readiness import Readiness
from marrowcount_adapters.sql import SqlDecisions, SqlExpectations, SqlLedger, open_ledger

if TYPE_CHECKING:
    from marrowcount.ports import Job, SlideRecord
    from marrowcount.slides.instances import InstanceFacts

SERIES = "1.2.3"
SETTINGS = CompletenessSettings(settle_s=10, quiet_s=120, incomplete_s=1800)
UNSEEN = "1.2.3.77"
"""Named by a list, never sent."""

BEFORE_READY = {SlideState.RECEIVING, SlideState.INCOMPLETE}
DONE = {SlideState.READY, SlideState.COUNTING, SlideState.COUNTED}


class Sending(RuleBasedStateMachine):
    """A scanner sends a pyramid; lists come when they like; people decide; workers count."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HeldClock()
        self.open()
        self.to_send: list[InstanceFacts] = []
        self.sent: dict[str, InstanceFacts] = {}
        self.lists: dict[tuple[ExpectationSource, str], tuple[str, ...]] = {}
        self.state: SlideState | None = None
        self.revision = 0
        self.ready_of: set[int] = set()
        self.accepted_of: set[int] = set()
        self.job: Job | None = None

    def open(self) -> None:
        self.ledger: InMemoryLedger | SqlLedger = InMemoryLedger()
        self.expectations: InMemoryExpectations | SqlExpectations = InMemoryExpectations()
        self.readiness = Readiness(self.ledger, self.ledger, self.expectations, self.clock, SETTINGS)

    @initialize(sender=SENDERS, random=st.randoms(use_true_random=False))
    def begin(self, sender: Sender, random: object) -> None:
        self.all = sender.instances()
        self.to_send = random.sample(self.all, len(self.all))  # type: ignore[attr-defined]

    # The model's own arithmetic, kept apart from the program's

    def missing_frames(self) -> bool:
        """Whether a level of which something came lacks a frame."""
        held = {facts.image_key for facts in self.sent.values() if facts.is_level}
        needed = {facts.sop_instance_uid for facts in self.all if facts.image_key in held}
        return bool(needed - set(self.sent))

    def missing_listed(self) -> bool:
        known = {*self.sent, *(facts.image_uid for facts in self.sent.values())}
        return any(
            uid not in known
            for (source, _), uids in self.lists.items()
            for uid in uids
            if source is not ExpectationSource.COMMITMENT or set(uids) & set(self.sent)
        )

    def base_held(self) -> bool:
        return any(facts.is_level and facts.image_type[3] == "NONE" for facts in self.sent.values())

    def slide(self) -> SlideRecord | None:
        return self.ledger.slide(SERIES)

    # The sender

    def receive(self, facts: InstanceFacts) -> Recording:
        kept = KeptFile(f"{facts.sop_instance_uid}.dcm", facts.sop_instance_uid, 1000)
        return self.ledger.record_instance(ReceivedInstance(facts, kept, "SCANNER", self.clock.now()))

    @rule(number=st.integers(1, 3), then_s=st.sampled_from([0.0, 10.0, 120.0]))
    def send(self, number: int, then_s: float) -> None:
        self.send_some(number)
        self.time_passes(then_s)

    @rule(kept_back=st.sampled_from([0, 0, 0, 1, 2]), then_s=st.sampled_from([0.0, 10.0, 120.0, 1800.0]))
    def send_the_rest(self, kept_back: int, then_s: float) -> None:
        """The usual way: all of it, or nearly; and then a pause."""
        self.send_some(len(self.to_send) - kept_back)
        self.time_passes(then_s)

    @rule(then_s=st.sampled_from([10.0, 120.0]))
    def send_all_but_the_base(self, then_s: float) -> None:
        """Largest last, as some scanners do."""
        self.to_send.sort(key=lambda facts: not (facts.is_level and facts.image_type[3] == "NONE"))
        self.send_some(sum(not (facts.is_level and facts.image_type[3] == "NONE") for facts in self.to_send))
        self.time_passes(then_s)

    def send_some(self, number: int) -> None:
        for _ in range(min(number, len(self.to_send))):
            before = self.slide()
            facts = self.to_send.pop()
            assert self.receive(facts) is Recording.NEW
            self.sent[facts.sop_instance_uid] = facts
            self.late_instance_opens_a_revision(before)
            self.note_state()

    def late_instance_opens_a_revision(self, before: SlideRecord | None) -> None:
        """Save in a slide that a person discarded, which only a person takes back."""
        after = self.slide()
        assert after is not None
        if before is None:
            return
        late = before.state not in {SlideState.RECEIVING, SlideState.DISCARDED}
        assert after.revision == before.revision + late
        assert after.state is (SlideState.DISCARDED if before.state is SlideState.DISCARDED else SlideState.RECEIVING)
        assert after.instances == before.instances + 1

    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        """An identical re-send changes nothing at all."""
        if not self.sent:
            return
        uid = data.draw(st.sampled_from(sorted(self.sent)))
        before = (self.slide(), self.ledger.events(SERIES), self.readiness.assess(self.known()))
        assert self.receive(self.sent[uid]) is Recording.IDENTICAL
        assert before == (self.slide(), self.ledger.events(SERIES), self.readiness.assess(self.known()))

    def known(self) -> SlideRecord:
        slide = self.slide()
        assert slide is not None
        return slide

    @rule(seconds=st.sampled_from([1.0, 9.0, 10.0, 110.0, 1799.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        """And the node looks at its slides."""
        self.clock.advance(seconds)
        self.assess()

    # Who says what belongs to it

    @rule(source=st.sampled_from(ExpectationSource), unseen=st.booleans(), data=st.data())
    def somebody_lists(self, source: ExpectationSource, data: st.DataObject, *, unseen: bool) -> None:
        uids = [facts.sop_instance_uid for facts in self.all]
        some = data.draw(st.one_of(st.just(uids), st.just(uids), st.lists(st.sampled_from(uids), unique=True)))
        named = (*some, *([UNSEEN] if unseen else []))
        series = "" if source is ExpectationSource.COMMITMENT else SERIES
        items = tuple(ExpectedInstance(uid, WSM_SOP_CLASS_UID, series) for uid in named)
        self.lists[source, "2.25.1"] = named
        expect(self.expectations, Expectation(source, "2.25.1", "SOMEBODY", items, self.clock.now()))

    @rule(data=st.data())
    def a_list_is_withdrawn(self, data: st.DataObject) -> None:
        if not self.lists:
            return
        source, key = data.draw(st.sampled_from(sorted(self.lists)))
        del self.lists[source, key]
        assert withdraw(self.expectations, source, key, self.clock.now())

    # The node

    def assess(self) -> None:
        self.readiness.assess_slides()
        self.note_state()

    @rule()
    def look_again(self) -> None:
        """At what was given up, for a list that was withdrawn."""
        self.readiness.look_again()
        self.note_state()

    @rule(how=st.sampled_from(["finish", "refuse", "fail"]))
    def a_worker_counts(self, how: str) -> None:
        job = self.ledger.lease_job("worker", self.clock.now(), 60)
        slide = self.slide()
        assert (job is not None) is (slide is not None and slide.state is SlideState.COUNTING)
        self.note_state()
        if job is None:
            return
        assert job.revision == self.known().revision
        {
            "finish": lambda: self.ledger.finish(job, outcome(), self.clock.now()),
            "refuse": lambda: self.ledger.refuse(job, RefusedOutcome("no-cells", "none"), self.clock.now()),
            "fail": lambda: self.ledger.fail_job(job, "worker-lost", "gone", self.clock.now()),
        }[how]()
        self.note_state()

    # People

    @rule(act=st.sampled_from(["resume", "resume", "resume", "recount", "recount", "discard"]))
    def a_person_decides(self, act: str) -> None:
        if not self.sent:
            return
        deciding = Deciding(self.readiness)
        try:
            getattr(deciding, act)(SERIES, "A. Person", "because")
        except DecisionError as error:
            assert error.code == "wrong-state"  # noqa: PT017 - both ways are right, and the state says which
        self.note_state()

    @rule(willing=st.sampled_from([False, False, True]))
    def a_person_accepts(self, *, willing: bool) -> None:
        """Only where the base is there, whole."""
        if not willing or not self.sent or self.known().state not in BEFORE_READY:
            return
        base = {facts.sop_instance_uid for facts in self.all if facts.is_level and facts.image_type[3] == "NONE"}
        try:
            Deciding(self.readiness).accept(SERIES, "A. Person", "because")
        except DecisionError as error:
            assert error.code == "nothing-whole"  # noqa: PT017 - both ways are right, and the frames say which
            assert not base <= set(self.sent)
            return
        assert base <= set(self.sent)
        self.accepted_of.add(self.known().revision)
        self.note_state()

    # The laws

    def note_state(self) -> None:
        slide = self.slide()
        if slide is None or (slide.state, slide.revision) == (self.state, self.revision):
            return
        event(f"{self.state} -> {slide.state}")
        if self.state is not None:
            assert slide.state is self.state or slide.state in SLIDE_TRANSITIONS[self.state]
        if slide.state is SlideState.READY:
            self.becomes_ready(slide)
        self.state, self.revision = slide.state, slide.revision

    def becomes_ready(self, slide: SlideRecord) -> None:
        """Once in a revision, and never while a needed frame is missing, unless a person accepted that."""
        assert slide.revision not in self.ready_of
        self.ready_of.add(slide.revision)
        if slide.revision not in self.accepted_of:
            assert not self.missing_frames()
            assert not self.missing_listed()
            assert self.base_held()

    @invariant()
    def as_many_jobs_as_ready_revisions(self) -> None:
        kinds = [each.kind for each in self.ledger.events(SERIES)]
        assert kinds.count(EventKind.READY) == len(self.ready_of)
        assert kinds.count(EventKind.ACCEPTED) == len(self.accepted_of)

    @invariant()
    def the_waiting_ends(self) -> None:
        """However things stand, two looks after a day without news leave no slide waiting."""
        slide = self.slide()
        if slide is None or slide.state is not SlideState.RECEIVING:
            return
        found = self.readiness.assess(slide)
        assert 0 <= found.waits_s <= found.needed_s <= SETTINGS.incomplete_s

    @invariant()
    def the_order_of_arrival_does_not_matter(self) -> None:
        slide = self.slide()
        if slide is None:
            return
        again = InMemoryLedger()
        for facts in sorted(self.sent.values(), key=lambda facts: facts.sop_instance_uid):
            kept = KeptFile(f"{facts.sop_instance_uid}.dcm", facts.sop_instance_uid, 1000)
            again.record_instance(ReceivedInstance(facts, kept, "SCANNER", slide.last_received_at))
        ordered = Readiness(again, again, self.expectations, self.clock, SETTINGS)
        twin = again.slide(SERIES)
        assert twin is not None
        assert ordered.assess(twin).evidence == self.readiness.assess(slide).evidence

    def teardown(self) -> None:
        """In the end no slide is left waiting, nor given up for a list that was withdrawn."""
        self.clock.advance(86_400)
        self.readiness.assess_slides()
        self.readiness.look_again()
        self.note_state()
        slide = self.slide()
        assert slide is None or slide.state is not SlideState.RECEIVING
        if slide is not None and slide.state is SlideState.INCOMPLETE:
            assert self.missing_frames() or self.missing_listed() or not self.base_held()
        self.close()

    def close(self) -> None:
        """Nothing to let go of in memory."""


class SendingToSqlite(Sending):
    """The same on SQLite."""

    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = open_ledger(f"sqlite:///{Path(self.folder.name) / 'ledger.sqlite'}")
        self.expectations = SqlExpectations(self.ledger)
        self.readiness = Readiness(self.ledger, SqlDecisions(self.ledger), self.expectations, self.clock, SETTINGS)

    def close(self) -> None:
        assert isinstance(self.ledger, SqlLedger)
        self.ledger.close()
        self.folder.cleanup()


def outcome() -> CountedOutcome:
    return CountedOutcome("1.2.3/1", "{}", ())


TestInMemory = Sending.TestCase
TestInMemory.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestSqlite = SendingToSqlite.TestCase
TestSqlite.settings = settings(
    max_examples=8,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking on a disk takes minutes; memory shrinks faster
)
