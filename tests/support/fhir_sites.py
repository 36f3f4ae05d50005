"""A site's settings, and reports as it writes them in FHIR."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from made_up_result import MODELS
from marrowcount.cytology.loinc import CodePolicy
from marrowcount_adapters.fhir import FhirSettings, Projection, encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from marrowcount.review import Report

SITE: Final = FhirSettings(
    patient_id_systems={"HOSP": "urn:oid:1.2.3.4"},
    organisation="Haematology laboratory",
    timezone="Europe/Berlin",
    accession_systems={"HEMLAB": "urn:oid:1.2.3.5"},
    model_cards={MODELS[1].sha256: "# yolo-cells 2.1.0\n\nFor tests \u2013 **nothing else**.\n".encode()},
)
NEAREST: Final = replace(SITE, code_policy=CodePolicy.NEAREST)
"""A site whose laboratory wants terms "by Manual count" on what a person answers for."""


GUIDES: Final[Mapping[Projection, Sequence[str]]] = MappingProxyType(
    {
        Projection.R4_GRAPH: ("eu-lab", "us-core-graph", "us-core"),
        Projection.R4_FLAT: ("us-core",),
        Projection.EU_LAB_DOCUMENT: ("eu-lab", "eu-lab-document"),
        Projection.R5_GRAPH: (),
    }
)
"""Whose rules each projection keeps (``tests/peers/node/validating/guides.mjs``); they are all of R4."""


def release_of(projection: Projection) -> str:
    """Of FHIR."""
    return "R5" if projection is Projection.R5_GRAPH else "R4"


def bundle_of(
    report: Report,
    document: bytes | None = None,
    site: FhirSettings = SITE,
    projection: Projection = Projection.R4_GRAPH,
) -> str:
    """A report as the site sends it."""
    return encode(report, site, document, projection)
