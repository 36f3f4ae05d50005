"""A count kept whole in a file."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_reports import UNCOUNTED
from made_up_result import CONTEXT, make_result
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import StorageError
from marrowcount.result import NameScript, Patient, PersonName
from marrowcount.slides.geometry import SpacingMm
from marrowcount.slides.placement import Placement
from marrowcount_adapters.count_file import encode_count, read_count

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 10, 2, 12, tzinfo=UTC)


@given(
    counts=st.dictionaries(st.sampled_from(CellType), st.integers(0, 9)),
    placed=st.booleans(),
    issue=st.integers(0, 3),
    warnings=st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
)
def test_what_is_read_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    counts: dict[CellType, int],
    *,
    placed: bool,
    issue: int,
    warnings: list[str],
) -> None:
    """Equal in every field, with the same digest, so that later reports speak of the very same count."""
    placement = Placement(1.5, 2.25, (0.0, -1.0, 0.0), (-1.0, 0.0, 0.0), SpacingMm(0.1 + 0.2, 0.00025))
    placement_or_none = placement if placed else None
    result = make_result(counts, placement=placement_or_none, issue=issue, warnings=tuple(warnings))
    file = tmp_path_factory.mktemp("count") / "count.npz"
    file.write_bytes(encode_count(result))
    again = read_count(file)
    assert again == result
    assert again.digest == result.digest


@pytest.mark.parametrize(
    "context",
    [
        CONTEXT,
        replace(CONTEXT, acquired=None, patient=Patient()),
        replace(CONTEXT, patient=Patient((PersonName("山田", "太郎", script=NameScript.IDEOGRAPHIC),), None, "O")),
    ],
)
def test_a_slide_that_was_not_counted_is_kept_as_well(tmp_path: Path, context: object) -> None:
    """With its reason."""
    file, uncounted = tmp_path / "count.npz", replace(UNCOUNTED, context=context)
    file.write_bytes(encode_count(uncounted))
    assert read_count(file) == uncounted


def test_a_file_that_is_gone_is_said_to_be_lost(tmp_path: Path) -> None:
    """Nobody takes a missing count for an empty one."""
    with pytest.raises(StorageError, match="count-lost"):
        read_count(tmp_path / "count.npz")


def test_a_damaged_file_is_never_half_believed(tmp_path: Path) -> None:
    """Whatever byte is wrong or missing, it reads as it was written or is called damaged."""
    file, result = tmp_path / "count.npz", make_result({CellType.BLAST: 3, CellType.ERYTHROBLAST: 5})
    whole, dice = encode_count(result), random.Random(5)  # noqa: S311 - of what is broken
    for _ in range(300):
        broken = bytearray(whole)
        if dice.random() < 0.3:
            del broken[dice.randrange(len(broken)) :]
        else:
            broken[dice.randrange(len(broken))] ^= 1 << dice.randrange(8)
        file.write_bytes(broken)
        assert _read_or_code(file) in (result, "count-damaged")


def _read_or_code(file: Path) -> object:
    try:
        return read_count(file)
    except StorageError as error:
        return error.code


def test_other_objects_than_were_counted_are_noticed(tmp_path: Path) -> None:
    """The digest binds the objects to the rest."""
    file = tmp_path / "count.npz"
    file.write_bytes(encode_count(make_result({CellType.BLAST: 3})))
    with np.load(file) as arrays:
        changed = {name: arrays[name] for name in arrays.files}
    changed["detections"] = changed["detections"][:-1]
    np.savez(file, **changed)
    with pytest.raises(StorageError, match="count-damaged"):
        read_count(file)
