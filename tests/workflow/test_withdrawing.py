"""What a destination may show of a slide is known to the file, and no rule keeps it from hearing what to hide."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.ports import Delivery, DeliveryKind, DeliveryOrder, FailureReason, FileState, TakenFile
from marrowcount.slides.states import DeliveryState
from marrowcount.workflow.withdrawing import files_taken, files_there, kinds_of_destinations, with_notes

NOW = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
ORDER = DeliveryOrder(DeliveryKind.DICOM, "pacs", ("1/a", "1/b", "1/note"))
NOTE = DeliveryOrder(DeliveryKind.DICOM, "pacs", ("2/note",))
UNSENT = [state for state in DeliveryState if state is not DeliveryState.SENDING]


def delivery(state: DeliveryState, *taken: TakenFile, order: DeliveryOrder = ORDER, **changes: Any) -> Delivery:  # noqa: ANN401 - any field
    return replace(Delivery(1, "1.2.3", 1, order, state, 1, NOW, "", None, "", NOW, taken), **changes)


def said(file: str, state: FileState = FileState.TAKEN, code: int = 0) -> TakenFile:
    return TakenFile(file, "1.2", f"1.2.{file}", state, code)


@pytest.mark.parametrize("state", UNSENT)
def test_what_was_taken_is_there_whatever_became_of_the_delivery(state: DeliveryState) -> None:
    """Superseded, dropped or dead: what the destination took before stays there."""
    given_in_part = [delivery(state, said("1/b"), said("1/note", FileState.COMMITTED))]
    assert files_there(given_in_part, "pacs") == files_taken(given_in_part, "pacs") == ("1/b", "1/note")


def test_all_of_what_is_being_sent_may_be_there() -> None:
    """Nobody knows at this moment; what counts as a certainty is what was told."""
    sending = [delivery(DeliveryState.SENDING, said("1/a"))]
    assert files_there(sending, "pacs") == ORDER.files
    assert files_taken(sending, "pacs") == ("1/a",)


def test_what_is_sent_anew_was_there_once() -> None:
    """A person revived a delivery without commitment: what was recorded of its files is gone, the files are not."""
    revived = [delivery(DeliveryState.SUPERSEDED, delivered_at=NOW)]
    assert files_there(revived, "pacs") == ORDER.files
    assert files_taken(revived, "pacs") == ()


@pytest.mark.parametrize("code", FailureReason)
def test_an_instance_is_absent_only_where_the_destination_says_so(code: FailureReason) -> None:
    """One for which it does not answer may still be shown."""
    failed = [delivery(DeliveryState.DEAD, said("1/a"), said("1/b", FileState.FAILED, code), delivered_at=NOW)]
    absent = {"1/b"} if code is FailureReason.NO_SUCH_INSTANCE else set()
    assert set(files_there(failed, "pacs")) == {*ORDER.files} - absent
    assert files_taken(failed, "pacs") == ("1/a",)


@pytest.mark.parametrize("kind", [DeliveryKind.FHIR, DeliveryKind.HL7V2])
def test_each_destination_has_its_own(kind: DeliveryKind) -> None:
    """And a bundle or a message is nothing that a note could name."""
    bundle = DeliveryOrder(kind, "ehr", ("1/fhir.json",))
    both = [
        delivery(DeliveryState.DELIVERED, said("1/a")),
        delivery(DeliveryState.DELIVERED, said("1/b"), order=replace(ORDER, destination="other")),
        delivery(DeliveryState.SENDING, said("1/fhir.json"), order=bundle),
    ]
    assert [files_there(both, name) for name in ("pacs", "other", "ehr")] == [("1/a",), ("1/b",), ()]
    assert [files_taken(both, name) for name in ("pacs", "other", "ehr")] == [("1/a",), ("1/b",), ()]
    assert kinds_of_destinations(both) == {"pacs": DeliveryKind.DICOM, "other": DeliveryKind.DICOM}


def test_a_note_comes_behind_the_result_that_takes_the_place_of_what_it_names() -> None:
    """In the same delivery, so that neither goes without the other."""
    assert with_notes([ORDER], [NOTE]) == (replace(ORDER, files=(*ORDER.files, "2/note")),)


def test_who_gets_nothing_else_gets_the_note() -> None:
    """A rule that was changed, or a refusal, leaves nothing for a destination but the note."""
    bundle = DeliveryOrder(DeliveryKind.FHIR, "ehr", ("2/fhir.json",))
    assert with_notes([bundle], [NOTE]) == (bundle, NOTE)
    assert with_notes([], [NOTE]) == (NOTE,)


names = st.sampled_from(["a", "b", "c"])


@given(st.sets(names), st.sets(names))
def test_every_note_is_owed_once(wanted: set[str], noted: set[str]) -> None:
    """To its destination, whoever gets the result; and no order is lost."""
    orders = [DeliveryOrder(DeliveryKind.STOW, name, ("2/a",)) for name in sorted(wanted)]
    notes = [DeliveryOrder(DeliveryKind.STOW, name, (f"2/note-{name}",)) for name in sorted(noted)]
    owed = with_notes(orders, notes)
    assert sorted(order.destination for order in owed) == sorted(wanted | noted)
    for order in owed:
        expected = [
            *["2/a"] * (order.destination in wanted),
            *[f"2/note-{order.destination}"] * (order.destination in noted),
        ]
        assert list(order.files) == expected
