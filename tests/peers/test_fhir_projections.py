"""Every projection of a report stands before the validators that know nothing of marrowcount."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fhir_sites import SITE
from made_up_reports import reports
from marrowcount_adapters.fhir import Projection, encode

if TYPE_CHECKING:
    from fhir_validators import Validators
    from marrowcount.review import Report

DOCUMENT = b"%PDF-1.4 of a report"

pytestmark = pytest.mark.peer


@pytest.mark.parametrize(
    ("projection", "release", "guides"),
    [
        (Projection.R4_FLAT, "R4", ("us-core",)),
        (Projection.EU_LAB_DOCUMENT, "R4", ("eu-lab", "us-core")),
        (Projection.R5_GRAPH, "R5", ()),
    ],
)
@pytest.mark.parametrize("report", reports().values(), ids=reports())
def test_every_projection_is_valid(
    report: Report, projection: Projection, release: str, guides: tuple[str, ...], fhir_validators: Validators
) -> None:
    """No checker finds a fault, nor do the rules of the guides that a projection is made for."""
    text = encode(report, SITE, DOCUMENT, projection)
    assert fhir_validators.faults(text, release, guides=guides) == []
