"""Completeness against a model of the sender: a pyramid, cut into instances, sent in any order, in whole or in part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_pyramids import SENDERS, Sender, concatenated, facts_of
from marrowcount.slides.completeness import Assessment, Basis, Completeness, CompletenessSettings, assess
from marrowcount.slides.evidence import evidence_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from marrowcount.slides.instances import InstanceFacts

SETTINGS = CompletenessSettings(settle_s=10, quiet_s=120, incomplete_s=1800)
FOREVER_S = 1e9


def judged(instances: Sequence[InstanceFacts], quiet_s: float, **also: Sequence[InstanceFacts]) -> Assessment:
    evidence = evidence_of(instances, SETTINGS.coarsest_um_per_px, **also)
    return assess(evidence, quiet_s=quiet_s, settings=SETTINGS)


def verdict(instances: Sequence[InstanceFacts], quiet_s: float) -> Completeness:
    return judged(instances, quiet_s).verdict


@given(SENDERS, st.randoms(use_true_random=False))
def test_whole_slide_is_complete_after_settling_in_whatever_order_it_came(sender: Sender, random: Random) -> None:
    """A slide whose frames and levels are all there waits for the settling time only, whatever the order."""
    instances = sender.instances()
    random.shuffle(instances)
    assert verdict(instances, SETTINGS.settle_s) is Completeness.COMPLETE
    assert verdict(instances, SETTINGS.settle_s - 0.1) is Completeness.WAITING


@given(SENDERS, st.data())
def test_known_gap_never_becomes_complete(sender: Sender, data: st.DataObject) -> None:
    """While a part of any level is missing, no quiet is long enough; in the end the slide is given up."""
    instances = sender.instances()
    parts = [facts for facts in instances if facts.concatenation_uid]
    if not parts:
        return
    lost = data.draw(st.lists(st.sampled_from(parts), min_size=1, unique=True))
    there = [facts for facts in instances if facts not in lost]
    images_left = {facts.image_key for facts in there}
    if not any(facts.image_key in images_left for facts in lost):
        return  # nothing is left of those levels, so nothing says that they should be there
    assert verdict(there, SETTINGS.incomplete_s - 1) is Completeness.WAITING
    assert verdict(there, FOREVER_S) is Completeness.INCOMPLETE


@given(SENDERS, st.data())
def test_missing_levels_cost_time_but_are_not_mistaken_for_a_whole_pyramid(sender: Sender, data: st.DataObject) -> None:
    """Without its base a slide is not taken up by the short settling time: the levels left say they were resampled."""
    instances = sender.instances()
    base = {facts.sop_instance_uid for facts in instances if facts.image_type[3] == "NONE" and facts.is_level}
    there = [facts for facts in instances if facts.sop_instance_uid not in base]
    there = data.draw(st.permutations(there))
    assert verdict(there, SETTINGS.quiet_s - 1) is Completeness.WAITING


@given(SENDERS, st.data(), st.floats(0, 4000), st.floats(0, 4000))
def test_quiet_only_ever_ends_the_waiting(sender: Sender, data: st.DataObject, one: float, other: float) -> None:
    """A verdict other than waiting stays as it is however long it stays quiet."""
    there = data.draw(st.lists(st.sampled_from(sender.instances()), unique=True))
    earlier, later = sorted((one, other))
    before = verdict(there, earlier)
    assert before in {Completeness.WAITING, verdict(there, later)}


@given(SENDERS, st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(sender: Sender, random: Random) -> None:
    """The same instances in another order give the same verdict and the same words."""
    instances = sender.instances()
    shuffled = random.sample(instances, len(instances))
    assert judged(shuffled, 60) == judged(instances, 60)


def test_one_missing_frame_is_a_gap_that_is_told_in_numbers() -> None:
    """A TILED_FULL level with a frame too few is not whole, and the evidence counts the frames."""
    lacking = facts_of("1.2.3.1", 2048, 1024, number_of_frames=7)
    assessment = judged([lacking], 0)
    assert (assessment.verdict, assessment.basis) == (Completeness.WAITING, Basis.GAP)
    assert "level 2048 x 1024 px: 7 of 8 frames" in assessment.sentence
    (level,) = assessment.evidence.levels
    assert (level.frames_held, level.frames_needed, level.counted_whole) == (7, 8, False)


def test_focal_planes_and_optical_paths_multiply_the_frames() -> None:
    """A level of 3 focal planes and 2 optical paths needs six times the tiles (PS3.3 C.7.6.17.3)."""
    stack = facts_of("1.2.3.1", 2048, 1024, focal_planes=3, optical_paths=2)
    assert verdict([stack], FOREVER_S) is Completeness.INCOMPLETE
    assert verdict([replace(stack, number_of_frames=48)], SETTINGS.settle_s) is Completeness.COMPLETE


def test_last_part_of_a_concatenation_without_total_is_missed_by_its_frames() -> None:
    """Senders may leave out how many parts there are; the frames tell that one is missing."""
    parts = concatenated(facts_of("1.2.3.1", 4096, 4096), 4, total_known=False)
    assert verdict(parts[:-1], FOREVER_S) is Completeness.INCOMPLETE
    assert verdict(parts, SETTINGS.settle_s) is Completeness.COMPLETE


def test_sparse_level_waits_for_the_long_quiet() -> None:
    """How many frames a sparse level should have stands nowhere, so only the long quiet completes it."""
    sparse = facts_of("1.2.3.1", 4096, 4096, tiled_full=False, number_of_frames=5)
    assert verdict([sparse], SETTINGS.quiet_s - 1) is Completeness.WAITING
    assert verdict([sparse], SETTINGS.quiet_s) is Completeness.COMPLETE


def test_sparse_concatenation_of_known_length_misses_its_parts() -> None:
    """Where the number of parts is known, a missing one is a known gap even of a sparse level."""
    sparse = facts_of("1.2.3.1", 4096, 4096, tiled_full=False, number_of_frames=8)
    parts = concatenated(sparse, 4, total_known=True)
    assert verdict([parts[0], parts[1], parts[3]], FOREVER_S) is Completeness.INCOMPLETE
    assert "lacks 1 part (3)" in judged([*parts[:2], parts[3]], 0).sentence
    assert verdict(parts, SETTINGS.settle_s) is Completeness.COMPLETE


def test_parts_without_offsets_are_timed() -> None:
    """Parts that do not say which frames they hold cannot be counted."""
    parts = [
        replace(part, concatenation_offset=None)
        for part in concatenated(facts_of("1.2.3.1", 4096, 4096), 3, total_known=False)
    ]
    assert verdict(parts, SETTINGS.settle_s) is Completeness.WAITING
    assert verdict(parts, SETTINGS.quiet_s) is Completeness.COMPLETE


def test_large_base_alone_waits_for_its_lower_levels() -> None:
    """Senders often begin with the base; its smaller levels follow, so the short settling time is not enough."""
    base = facts_of("1.2.3.1", 50_000, 40_000)
    assert verdict([base], SETTINGS.quiet_s - 1) is Completeness.WAITING
    assert verdict([base], SETTINGS.quiet_s) is Completeness.COMPLETE


def test_hole_in_the_ladder_of_levels_waits_for_the_long_quiet() -> None:
    """A step of sixteen between two levels says that one between them is still on its way."""
    levels = [facts_of("1.2.3.1", 48_000, 48_000), facts_of("1.2.3.2", 3_000, 3_000)]
    assert verdict(levels, SETTINGS.quiet_s - 1) is Completeness.WAITING
    assert verdict(levels, SETTINGS.quiet_s) is Completeness.COMPLETE


def test_missing_spacing_is_no_gap_but_a_doubt() -> None:
    """A slide without pixel spacing comes to be counted, after the long quiet, so that counting can refuse it."""
    unknown = facts_of("1.2.3.1", 2048, 2048, spacing=None)
    assert verdict([unknown], SETTINGS.settle_s) is Completeness.WAITING
    assert verdict([unknown], SETTINGS.quiet_s) is Completeness.COMPLETE


@pytest.mark.parametrize("flavour", ["LABEL", "OVERVIEW", "THUMBNAIL"])
def test_series_without_a_level_never_becomes_complete(flavour: str) -> None:
    """A label alone is no slide: it waits for its level, and is given up when none comes."""
    alone = facts_of("1.2.3.1", 600, 300, image_type=("ORIGINAL", "PRIMARY", flavour, "NONE"))
    assert verdict([alone], SETTINGS.incomplete_s - 1) is Completeness.WAITING
    assert verdict([alone], FOREVER_S) is Completeness.INCOMPLETE


def test_series_of_documents_is_set_aside_after_the_long_quiet() -> None:
    """Annotations and reports may be sent to the node; there is nothing to count in them."""
    report = facts_of("1.2.3.1", 1, 1, sop_class_uid="1.2.840.10008.5.1.4.1.1.88.33", image_type=(), matrix=None)
    assessment = judged([report], SETTINGS.quiet_s)
    assert (assessment.verdict, assessment.basis) == (Completeness.NOTHING, Basis.NO_SLIDE)
    assert "nothing to count" in assessment.sentence
