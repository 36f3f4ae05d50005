"""A site's settings, and reports as it writes them in FHIR."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from made_up_result import MODELS
from marrowcount.cytology.loinc import CodePolicy
from marrowcount_adapters.fhir import FhirSettings, encode_bundle

if TYPE_CHECKING:
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


def bundle_of(report: Report, document: bytes | None = None, site: FhirSettings = SITE) -> str:
    """The projection r4-graph."""
    return encode_bundle(report, site, document)
