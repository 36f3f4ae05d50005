"""What is to be done about a workitem follows from its slides alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.errors import Refusal
from marrowcount.ports import CountProgress, Delivery, DeliveryKind, DeliveryOrder, SlideRecord
from marrowcount.slides.states import DeliveryState, SlideState
from marrowcount.workflow.task_plans import Cancel, Complete, Report, SlideStanding, plan
from marrowcount.workitems import Code, Discontinuation
from marrowcount.workitems.codes import Reasons

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
WISH = Discontinuation(Code("110500", "DCM", "Doctor canceled procedure"), "ordered twice")
WAIT_S = 600.0


def standing(
    state: SlideState | None = SlideState.READY,
    *deliveries: Delivery,
    lacking: int = 0,
    code: str = "",
    progress: CountProgress | None = None,
) -> SlideStanding:
    record = None
    if state is not None:
        record = SlideRecord("1.2.3", "1.2", state, 1, 4, 9, "", code, "", "1.2.3/1", "PACS", NOW, NOW, NOW)
    return SlideStanding("1.2.3", record, 4, lacking, deliveries, progress)


def delivery(state: DeliveryState, commitment_uid: str = "", kind: DeliveryKind = DeliveryKind.DICOM) -> Delivery:
    order = DeliveryOrder(kind, "pacs", ("a.dcm",))
    return Delivery(1, "1.2.3", 1, order, state, 1, NOW, "", None, commitment_uid, NOW)


def planned(*slides: SlideStanding, wish: Discontinuation | None = None, waited_s: float = 1.0) -> object:
    return plan(slides, wish, waited_s=waited_s, input_wait_s=WAIT_S)


def cancelled(*slides: SlideStanding, wish: Discontinuation | None = None, waited_s: float = 1.0) -> Discontinuation:
    made = planned(*slides, wish=wish, waited_s=waited_s)
    assert isinstance(made, Cancel)
    return made.why


def reported(*slides: SlideStanding, waited_s: float = 1.0) -> Report:
    made = planned(*slides, waited_s=waited_s)
    assert isinstance(made, Report)
    return made


def test_without_a_slide_there_is_nothing_to_do() -> None:
    """The requestor hears that the input is of the wrong type."""
    assert cancelled().reason == Reasons.WRONG_TYPE


def test_input_is_waited_for_as_long_as_agreed() -> None:
    """Then it is given up, with how much was missing."""
    lacking = standing(None, lacking=3)
    waiting = reported(lacking, waited_s=WAIT_S - 1)
    assert waiting.lacks_input
    assert waiting.progress.percent == 0
    assert "3 of 4" in waiting.progress.words
    given_up = cancelled(lacking, waited_s=WAIT_S)
    assert (given_up.reason, "3 of 4" in given_up.words) == (Reasons.OBJECTS_MISSING, True)


@pytest.mark.parametrize(
    ("state", "code", "reason"),
    [
        (SlideState.REFUSED, Refusal.WRONG_RESOLUTION, Reasons.WRONG_TYPE),
        (SlideState.REFUSED, Refusal.DAMAGED, Reasons.WRONG_FORMAT),
        (SlideState.REFUSED, Refusal.NO_SUITABLE_REGION, Reasons.UNSPECIFIED),
        (SlideState.INCOMPLETE, "", Reasons.OBJECTS_MISSING),
        (SlideState.FAILED, "worker-lost", Reasons.EQUIPMENT_FAILURE),
        (SlideState.DISCARDED, "", Reasons.UNSPECIFIED),
    ],
)
def test_what_cannot_be_counted_is_given_up(state: SlideState, code: str, reason: Code) -> None:
    """With a concept of PS3.16 CID 9300 and the node's own code."""
    why = cancelled(standing(state, code=code))
    assert why.reason == reason
    assert code in why.words


def test_a_series_without_anything_to_count_holds_up_no_workitem() -> None:
    """A label in a series of its own: the workitem is complete with the slide; alone it is of the wrong type."""
    assert isinstance(planned(standing(SlideState.ASIDE), standing(SlideState.COUNTED)), Complete)
    assert cancelled(standing(SlideState.ASIDE)).reason == Reasons.WRONG_TYPE


@pytest.mark.parametrize("state", [SlideState.READY, SlideState.COUNTING, SlideState.COUNTED])
def test_what_was_found_whole_is_not_waited_for(state: SlideState) -> None:
    """A workitem may name a label that the archive keeps to itself; the count goes on whatever the hour."""
    assert not isinstance(planned(standing(state, lacking=1), waited_s=2 * WAIT_S), Cancel)


def test_a_refused_slide_that_lacks_instances_may_still_become_good() -> None:
    """What comes late opens a new revision, so it is waited for."""
    assert reported(standing(SlideState.REFUSED, lacking=1, code=Refusal.NO_IMAGE)).lacks_input


@pytest.mark.parametrize(
    ("deliveries", "done"),
    [
        ((), True),
        ((delivery(DeliveryState.DELIVERED),), True),
        ((delivery(DeliveryState.DELIVERED, "2.25.5"),), False),
        ((delivery(DeliveryState.COMMITTED, "2.25.5"),), True),
        ((delivery(DeliveryState.WAITING),), False),
        ((delivery(DeliveryState.SENDING),), False),
        ((delivery(DeliveryState.DEAD),), False),
        ((delivery(DeliveryState.HELD),), False),
        ((delivery(DeliveryState.UNCOMMITTED, "2.25.5"),), False),
        ((delivery(DeliveryState.DROPPED),), True),
        ((delivery(DeliveryState.WAITING, kind=DeliveryKind.STOW),), False),
        ((delivery(DeliveryState.DELIVERED), delivery(DeliveryState.WAITING)), False),
        ((delivery(DeliveryState.WAITING, kind=DeliveryKind.FHIR),), True),
        ((delivery(DeliveryState.WAITING, kind=DeliveryKind.HL7V2),), True),
    ],
)
def test_a_workitem_is_completed_when_the_results_are_there(deliveries: tuple[Delivery, ...], done: bool) -> None:  # noqa: FBT001
    """Delivered, and committed where that was asked for; a health record's server does not hold it up."""
    assert isinstance(planned(standing(SlideState.COUNTED, *deliveries)), Complete) == done


@pytest.mark.parametrize("state", [DeliveryState.DEAD, DeliveryState.HELD, DeliveryState.UNCOMMITTED])
def test_what_could_not_be_delivered_is_told(state: DeliveryState) -> None:
    """The workitem stays open until a person has seen to it."""
    assert "person" in reported(standing(SlideState.COUNTED, delivery(state))).progress.words


def test_a_wish_to_cancel_is_granted_until_the_count_is_done() -> None:
    """With the reason proposed; afterwards the results are on their way, and it is completed."""
    for state in (None, SlideState.RECEIVING, SlideState.READY, SlideState.COUNTING, SlideState.REFUSED):
        assert cancelled(standing(state, lacking=int(state is None)), wish=WISH) == WISH
    counted = standing(SlideState.COUNTED)
    assert isinstance(planned(counted, wish=WISH), Complete)
    assert cancelled(counted, standing(SlideState.COUNTING), wish=WISH) == WISH


def test_progress_follows_the_count() -> None:
    """From the first instance to the last delivery it only grows."""
    counts = [CountProgress("1.2.3", tiles, tiles * 9, tiles / 800, NOW) for tiles in (10, 400, 800)]
    way = [
        standing(None, lacking=4),
        standing(SlideState.RECEIVING),
        standing(SlideState.READY),
        standing(SlideState.COUNTING),
        *(standing(SlideState.COUNTING, progress=progress) for progress in counts),
        standing(SlideState.COUNTED, delivery(DeliveryState.WAITING)),
    ]
    figures = [reported(step).progress.percent for step in way]
    assert figures == sorted(figures)
    assert figures[0] == 0
    assert figures[-1] == 90
    assert "400 tiles, 3600 cells" in reported(way[5]).progress.words


STANDINGS = st.builds(
    lambda state, lacking, deliveries: standing(state, *deliveries, lacking=max(lacking, int(state is None))),
    st.one_of(st.none(), st.sampled_from(SlideState)),
    st.integers(0, 4),
    st.lists(st.builds(delivery, st.sampled_from(DeliveryState), st.sampled_from(["", "2.25.5"])), max_size=3),
)


@given(st.lists(STANDINGS, min_size=1, max_size=4), st.sampled_from([None, WISH]), st.floats(0, 2 * WAIT_S))
def test_whatever_happens_there_is_one_thing_to_do(
    slides: list[SlideStanding], wish: Discontinuation | None, waited_s: float
) -> None:
    """Completed only where all is counted and delivered; figures between 0 and 90; nothing waits for input for ever."""
    made = planned(*slides, wish=wish, waited_s=waited_s)
    if isinstance(made, Complete):
        assert all(slide.counted and not slide.owed for slide in slides)
    elif isinstance(made, Cancel):
        assert not all(slide.counted for slide in slides)
        assert made.why.reason.scheme == "DCM"
    else:
        assert isinstance(made, Report)
        assert 0 <= made.progress.percent <= 90
        assert not (made.lacks_input and waited_s >= WAIT_S)


@given(st.lists(STANDINGS, min_size=1, max_size=4), st.permutations(range(4)))
def test_the_order_of_the_slides_does_not_matter_to_the_end(slides: list[SlideStanding], order: list[int]) -> None:
    """Whether it goes on, is completed or given up."""
    shuffled = [slides[index] for index in order if index < len(slides)]
    assert type(planned(*slides)) is type(planned(*shuffled))


def test_one_bad_slide_of_many_ends_the_workitem() -> None:
    """A workitem is done whole or not at all; what was counted is delivered all the same."""
    bad = standing(SlideState.REFUSED, code=Refusal.DAMAGED)
    assert cancelled(standing(SlideState.COUNTED), bad).reason == Reasons.WRONG_FORMAT
    assert replace(bad).record is not None
