"""Levels put together from their instances, against plain sets of frames."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_pyramids import SENDERS, Sender, concatenated, facts_of
from marrowcount.slides.levels import levels_of, without_gaps

if TYPE_CHECKING:
    from marrowcount.slides.instances import InstanceFacts

WHOLE = facts_of("1.2.3.1", 4096, 4096)


@given(
    st.lists(st.tuples(st.integers(0, 70), st.integers(1, 40)), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_frames_held_are_the_union_of_the_parts(spans: list[tuple[int, int]], random: object) -> None:
    """Parts may overlap, reach beyond the image and come in any order; each frame counts once."""
    parts = [
        replace(
            WHOLE,
            sop_instance_uid=f"1.2.3.1.{number}",
            concatenation_uid="1.9",
            concatenation_number=number,
            concatenation_offset=start,
            number_of_frames=count,
        )
        for number, (start, count) in enumerate(spans, 1)
    ]
    random.shuffle(parts)  # type: ignore[attr-defined]
    (level,) = levels_of(parts)
    frames = {frame for start, count in spans for frame in range(start, start + count)} & set(range(64))
    assert (level.frames_held, level.frames_needed) == (len(frames), 64)
    assert bool(level.gap) is (len(frames) < 64)


@given(st.integers(1, 9), st.booleans(), st.data())
def test_missing_parts_are_named(parts: int, known: bool, data: st.DataObject) -> None:  # noqa: FBT001 - drawn
    """By number; the last ones where the total is known, else by their frames."""
    sent = concatenated(replace(WHOLE, number_of_frames=64), parts + 1, total_known=known)
    lost = data.draw(st.sets(st.integers(1, parts + 1), min_size=1, max_size=parts))
    (level,) = levels_of([part for part in sent if part.concatenation_number not in lost])
    last = parts + 1 if known else max(set(range(1, parts + 2)) - lost)
    assert level.parts_missing == tuple(sorted(number for number in lost if number <= last))
    assert level.missing_parts == len(level.parts_missing)
    assert level.gap
    assert not level.whole


def test_a_total_of_billions_costs_nothing() -> None:
    """A damaged or hostile header names a gap, not a heap of numbers."""
    (part,) = concatenated(WHOLE, 1, total_known=False)
    (level,) = levels_of([replace(part, concatenation_total=4_000_000_000)])
    assert level.missing_parts == 3_999_999_999
    assert len(level.parts_missing) == 100
    assert "lacks 3999999999 parts (2, 3, 4, 5, 6)" in level.gap


def test_a_sparse_level_with_all_frames_of_a_full_one_is_whole() -> None:
    """There is nothing left that could come; with fewer nobody can tell."""
    (full,) = levels_of([replace(WHOLE, tiled_full=False)])
    (fewer,) = levels_of([replace(WHOLE, tiled_full=False, number_of_frames=63)])
    assert (full.counted_whole, fewer.counted_whole) == (True, False)
    assert (full.gap, fewer.gap, fewer.frames_needed) == ("", "", None)


def test_one_sparse_instance_can_be_read_but_not_a_part_of_unknown_many() -> None:
    """An instance comes with all that it has; a part says nothing of the others."""
    sparse = replace(WHOLE, tiled_full=False, number_of_frames=5)
    (alone,) = levels_of([sparse])
    (part,) = levels_of(concatenated(sparse, 2, total_known=False)[:1])
    assert (alone.whole, part.whole) == (True, False)


@given(SENDERS, st.data())
def test_only_levels_with_gaps_are_left_out(sender: Sender, data: st.DataObject) -> None:
    """All parts of a level that lacks one, and nothing else."""
    there: list[InstanceFacts] = data.draw(st.lists(st.sampled_from(sender.instances()), unique=True))
    broken = {facts.image_key for facts in sender.instances()} - {
        facts.image_key
        for facts in sender.instances()
        if {f for f in sender.instances() if f.image_key == facts.image_key} <= set(there)
    }
    sound = {facts.sop_instance_uid for facts in there if facts.image_key not in broken}
    assert without_gaps(there) == sound


@pytest.mark.parametrize("planes", [1, 3])
def test_planes_and_paths_multiply_the_frames(planes: int) -> None:
    """In the implicit order of PS3.3 C.7.6.17.3."""
    (level,) = levels_of([replace(WHOLE, focal_planes=planes, optical_paths=2)])
    assert level.frames_needed == 64 * planes * 2
    assert level.gap
