"""What people see of a slide, and what they decide about it, at the command line."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from marrowcount.slides.expectations import Expectation, ExpectationSource, ExpectedInstance
from marrowcount.slides.geometry import SizePx, SpacingMm
from marrowcount.slides.states import SlideState
from marrowcount.testing import made_up_instance
from marrowcount_adapters.sql import SqlExpectations, open_ledger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SLIDE = "1.2.3"
SIGNED = ("--by", "A. Person", "--reason", "the scanner is broken")
NOW = datetime.now(UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "settings.toml"
    file.write_text(f'[node]\ndata_folder = "{tmp_path}/node"\n[receive]\nincomplete_s = 86400\n', encoding="utf-8")
    return file


@pytest.fixture
def command(run_command: Callable[..., tuple[int, str, str]], settings: Path) -> Callable[..., tuple[int, str, str]]:
    return lambda *words: run_command(*words, "--settings", settings)


@pytest.fixture
def ledger_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/node/ledger.sqlite"


def receive_half(url: str, *, base_whole: bool) -> None:
    """Half of a concatenation, and a level beside it; and a list that names one instance more."""
    whole = made_up_instance(SLIDE, 1, NOW)
    half = made_up_instance(SLIDE, 2, NOW)
    lower = {"matrix": SizePx(1024, 1024), "spacing": SpacingMm(0.0005, 0.0005), "number_of_frames": 2}
    cut = {"concatenation_uid": "1.2.3.99", "concatenation_number": 2, "concatenation_offset": 2}
    broken = lower if base_whole else {"number_of_frames": 8}
    facts = replace(half.facts, **cut, **broken)
    said = tuple(ExpectedInstance(f"{SLIDE}.{number}", "", SLIDE) for number in (1, 2, 7))
    with closing(open_ledger(url)) as ledger:
        if base_whole:
            ledger.record_instance(whole)
        ledger.record_instance(replace(half, facts=facts))
        SqlExpectations(ledger).expect(Expectation(ExpectationSource.WORKITEM, "2.25.1", "SCHEDULER", said, NOW))


def make_incomplete(url: str) -> None:
    with closing(open_ledger(url)) as ledger:
        slide = ledger.slide(SLIDE)
        assert slide is not None
        assert ledger.mark_incomplete(SLIDE, slide.revision, "a part is missing", NOW + timedelta(seconds=1))


def state_of(url: str) -> SlideState:
    with closing(open_ledger(url)) as ledger:
        slide = ledger.slide(SLIDE)
        assert slide is not None
        return slide.state


def test_one_slide_in_detail(command: Callable[..., tuple[int, str, str]], ledger_url: str) -> None:
    """Each level with frames held and needed, the parts, the list with what is missing, until when it waits."""
    receive_half(ledger_url, base_whole=True)
    status, text, _ = command("status", SLIDE)
    assert status == 0
    for said in ("2048 x 2048", "1 of ?", "parts 1", "workitem", "SCHEDULER", f"{SLIDE}.7", "until", "opened"):
        assert said in text


def test_one_slide_as_data(command: Callable[..., tuple[int, str, str]], ledger_url: str) -> None:
    """The evidence is data, not only a sentence."""
    receive_half(ledger_url, base_whole=True)
    document: dict[str, Any] = json.loads(command("status", SLIDE, "--json")[1])
    found = document["assessment"]
    assert (found["verdict"], found["basis"]) == ("waiting", "gap")
    base, lower = found["levels"]
    assert (base["frames_held"], base["frames_needed"], base["counted_whole"]) == (16, 16, True)
    assert (lower["parts_held"], lower["parts_missing"], lower["counted_whole"]) == ([2], [1], False)
    assert found["lists"][0]["missing"] == [f"{SLIDE}.7"]
    assert 0 < found["waits_s"] <= found["needed_s"] == 86400
    assert found["decides_at"] > document["slide"]["changed_at"]
    assert [event["kind"] for event in document["events"]] == ["opened"]


def test_all_slides_tell_what_they_wait_for(command: Callable[..., tuple[int, str, str]], ledger_url: str) -> None:
    """Without naming a slide."""
    receive_half(ledger_url, base_whole=True)
    (slide,) = json.loads(command("status", "--json")[1])["slides"]
    assert "concatenation lacks 1 part (1)" in slide["evidence"]


def test_a_slide_that_nobody_knows(command: Callable[..., tuple[int, str, str]]) -> None:
    """Status 1 and a line that says where slides are listed."""
    for arguments in (("status", "1.2.9"), ("slide", "resume", "1.2.9", *SIGNED)):
        status, _, said = command(*arguments)
        assert status == 1
        assert "[unknown-slide]" in said


def test_an_incomplete_slide_is_resumed(command: Callable[..., tuple[int, str, str]], ledger_url: str) -> None:
    """It is waited for again, and the history says who wanted it."""
    receive_half(ledger_url, base_whole=True)
    make_incomplete(ledger_url)
    assert command("slide", "resume", SLIDE, *SIGNED)[:2] == (0, f"{SLIDE} is receiving now, revision 1\n")
    assert state_of(ledger_url) is SlideState.RECEIVING
    events = json.loads(command("status", SLIDE, "--json")[1])["events"]
    assert "by A. Person: the scanner is broken" in events[-1]["detail"]


def test_a_slide_with_a_whole_base_is_counted_as_it_is(
    command: Callable[..., tuple[int, str, str]], ledger_url: str
) -> None:
    """The evidence keeps what it was accepted without."""
    receive_half(ledger_url, base_whole=True)
    make_incomplete(ledger_url)
    assert command("slide", "resume", SLIDE, "--as-it-is", *SIGNED)[0] == 0
    assert state_of(ledger_url) is SlideState.READY
    (slide,) = json.loads(command("status", "--json")[1])["slides"]
    assert slide["evidence"].startswith("level 2048 x 2048 px is whole; accepted without: level 1024 x 1024 px:")


def test_a_slide_without_a_whole_base_is_never_counted(
    command: Callable[..., tuple[int, str, str]], ledger_url: str
) -> None:
    """Nobody can accept what cannot be counted."""
    receive_half(ledger_url, base_whole=False)
    make_incomplete(ledger_url)
    status, _, said = command("slide", "resume", SLIDE, "--as-it-is", *SIGNED)
    assert status == 1
    assert "[nothing-whole]" in said
    assert state_of(ledger_url) is SlideState.INCOMPLETE


def test_a_discarded_slide_is_taken_back(command: Callable[..., tuple[int, str, str]], ledger_url: str) -> None:
    """Twice discarded is once too often; resuming takes it back."""
    receive_half(ledger_url, base_whole=True)
    assert command("slide", "discard", SLIDE, *SIGNED)[0] == 0
    assert state_of(ledger_url) is SlideState.DISCARDED
    status, _, said = command("slide", "discard", SLIDE, *SIGNED)
    assert (status, "[wrong-state]" in said) == (1, True)
    assert command("slide", "resume", SLIDE, *SIGNED)[0] == 0
    assert state_of(ledger_url) is SlideState.RECEIVING


def test_only_what_has_ended_is_recounted(command: Callable[..., tuple[int, str, str]], ledger_url: str) -> None:
    """A slide that is being received is counted anyway when it is whole."""
    receive_half(ledger_url, base_whole=True)
    status, _, said = command("slide", "recount", SLIDE, *SIGNED)
    assert (status, "[wrong-state]" in said) == (1, True)


def test_a_decision_needs_a_name_and_a_reason(command: Callable[..., tuple[int, str, str]], ledger_url: str) -> None:
    """An empty one is no decision."""
    receive_half(ledger_url, base_whole=True)
    status, _, said = command("slide", "discard", SLIDE, "--by", " ", "--reason", "x")
    assert (status, "[decision-unsigned]" in said) == (1, True)
    assert command("slide", "discard", SLIDE)[0] == 2
