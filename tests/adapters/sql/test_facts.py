"""Facts of instances in the database: what goes in comes out."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marrowcount.errors import StorageError
from marrowcount.slides.geometry import SizePx, SpacingMm
from marrowcount.slides.instances import InstanceFacts
from marrowcount.testing import made_up_instance
from marrowcount_adapters.sql import facts

SOME = made_up_instance("1.2.3", 1, datetime(2026, 1, 5, tzinfo=UTC)).facts
TEXTS = st.text(max_size=64)
NUMBERS = st.integers(0, 2**31)
MAYBE_TEXTS, MAYBE_NUMBERS = st.none() | TEXTS, st.none() | NUMBERS
SIZES = st.none() | st.builds(SizePx, NUMBERS, NUMBERS)
LENGTHS = st.floats(allow_nan=False, allow_infinity=False)

ALL_FACTS = st.builds(
    InstanceFacts,
    sop_instance_uid=TEXTS,
    sop_class_uid=TEXTS,
    series_uid=TEXTS,
    study_uid=TEXTS,
    modality=TEXTS,
    transfer_syntax_uid=TEXTS,
    image_type=st.lists(TEXTS, max_size=5).map(tuple),
    matrix=SIZES,
    frame=SIZES,
    number_of_frames=NUMBERS,
    focal_planes=NUMBERS,
    optical_paths=NUMBERS,
    tiled_full=st.booleans(),
    spacing=st.none() | st.builds(SpacingMm, LENGTHS, LENGTHS),
    concatenation_uid=MAYBE_TEXTS,
    concatenation_number=MAYBE_NUMBERS,
    concatenation_total=MAYBE_NUMBERS,
    concatenation_offset=MAYBE_NUMBERS,
    concatenation_source_uid=MAYBE_TEXTS,
    frame_of_reference_uid=MAYBE_TEXTS,
    pyramid_uid=MAYBE_TEXTS,
    container_identifier=TEXTS,
)


@given(ALL_FACTS)
def test_facts_survive_the_way_through_json(some: InstanceFacts) -> None:
    """Every field comes back with its value and its type."""
    assert facts.decode(json.loads(json.dumps(facts.encode(some)))) == some


@pytest.mark.parametrize("name", [field.name for field in fields(InstanceFacts)])
def test_a_missing_field_is_told(name: str) -> None:
    """A row that another program has touched is not guessed at."""
    stored = {key: value for key, value in facts.encode(SOME).items() if key != name}
    with pytest.raises(StorageError, match="ledger-damaged"):
        facts.decode(stored)


@pytest.mark.parametrize("wrong", [{"matrix": {"height": 1}}, {"spacing": 3}, {"image_type": 7}, {"surprise": 1}])
def test_a_wrong_field_is_told(wrong: dict[str, object]) -> None:
    """So is one of another shape, or one that nobody knows."""
    with pytest.raises(StorageError, match="ledger-damaged"):
        facts.decode({**facts.encode(SOME), **wrong})


def test_an_empty_size_is_kept() -> None:
    """None and zero are two things."""
    empty = replace(SOME, matrix=SizePx(0, 0), frame=None)
    assert facts.decode(facts.encode(empty)) == empty
