"""result.json tells programs what came of a slide, and nothing of the patient."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowcount import __version__
from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.errors import Refusal, SlideError
from marrowcount.result import RESEARCH_USE_ONLY
from marrowcount.review import counted
from marrowcount_adapters.result_json import encode_refusal, encode_result

if TYPE_CHECKING:
    from collections.abc import Callable

    from marrowcount.result import CountResult


def test_holds_the_result(result: CountResult) -> None:
    """Counts of all 19 classes, the differential, ratios, tiles, stopping, models, version."""
    content = json.loads(encode_result(counted(result)))
    assert (content["state"], content["reason"]) == ("counted", "converged")
    assert content["counts"] == {cell_type.label: count for cell_type, count in result.histogram}
    assert list(content["ndc"]) == [cell_type.label for cell_type in NDC_CLASSES]
    assert content["ndc"]["blast"] == {"count": 27, "percent": 1.5, "low": 0.9, "high": 2.2}
    assert content["ndc_total"] == result.differential.total
    assert (content["me_ratio"], content["bmme"]) == (2.59, 2.47)
    assert (content["tiles_looked_at"], content["tiles_counted"]) == (120, 80)
    assert content["stopping"] == {
        "rule": result.stopping.rule,
        "distance": result.stopping.distance,
        "reason": "converged",
        "distances": [],
    }
    assert [model["sha256"] for model in content["models"]] == [model.sha256 for model in result.models]
    assert content["counted_at"] == "2026-10-01T09:59:30.250000+00:00"
    assert content["series_uid"] == result.context.series_uid
    assert content["marrowcount_version"] == __version__
    assert content["research_use_only"] == RESEARCH_USE_ONLY
    assert content["status"] == "preliminary"


def test_holds_the_convergence_curve(result: CountResult) -> None:
    """One distance for each tile counted, with three digits; null where the ratio was undefined."""
    stopping = replace(result.stopping, distances=(None, 0.123456, 4.3217e-05))
    content = json.loads(encode_result(counted(replace(result, stopping=stopping))))
    assert content["stopping"]["distances"] == [None, 0.123, 4.32e-05]


def test_holds_no_patient_data(result: CountResult) -> None:
    """Neither patient nor order nor specimen identifiers are in it."""
    text = encode_result(counted(result))
    context = result.context
    private = (
        context.patient_id,
        context.patient_id_issuer,
        context.accession_number,
        context.accession_issuer,
        context.specimen.container_identifier,
        context.specimen.specimen_identifier,
        context.specimen.specimen_uid,
    )
    assert not [value for value in private if value in text]


def test_undefined_is_null(result_of: Callable[..., CountResult]) -> None:
    """Without erythroblasts both ratios are null, not zero and not infinite."""
    content = json.loads(encode_result(counted(result_of({CellType.BLAST: 12}))))
    assert content["me_ratio"] is None
    assert content["bmme"] is None


@settings(deadline=None)
@given(counts=st.dictionaries(st.sampled_from(CellType), st.integers(1, 60)))
def test_is_sound_json_whatever_was_found(counts: dict[CellType, int], result_of: Callable[..., CountResult]) -> None:
    """Strict JSON without NaN; percentages sum to 100.0 where a cell of the differential was found."""
    content = json.loads(encode_result(counted(result_of(counts))), parse_constant=pytest.fail)
    tenths = sum(round(10 * share["percent"]) for share in content["ndc"].values())
    assert tenths == (1000 if content["ndc_total"] else 0)
    assert sum(content["counts"].values()) == sum(counts.values())


def test_refusal_has_its_code_and_reason(result: CountResult) -> None:
    """A refusal carries its stable code, its words and the models that would have counted."""
    error = SlideError(Refusal.NO_SUITABLE_REGION, "1 of 40 tiles looked at is fit for cytology")
    content = json.loads(encode_refusal(error, series_uid="1.2.3", models=result.models, tiles_looked_at=40))
    assert (content["state"], content["reason"]) == ("refused", "no-suitable-region")
    assert content["message"] == "1 of 40 tiles looked at is fit for cytology"
    assert (content["series_uid"], content["tiles_looked_at"], content["tiles_counted"]) == ("1.2.3", 40, 0)
    assert len(content["models"]) == 2


def test_both_outcomes_have_the_same_keys(result: CountResult) -> None:
    """A program can read every key without asking first how it went."""
    refusal = encode_refusal(SlideError(Refusal.NO_IMAGE, "no image"), series_uid=None, models=[])
    assert set(json.loads(refusal)) == set(json.loads(encode_result(counted(result))))
