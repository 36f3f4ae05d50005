"""What a site must say before its results can go to an electronic health record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from marrowcount.cytology.loinc import CodePolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FhirSettings"]


@dataclass(frozen=True, slots=True)
class FhirSettings:
    """How the site's identifiers and names are written in FHIR.

    Attributes:
        patient_id_systems: URI of the patient identifier system for each text of Issuer of Patient ID (0010,0021);
            ``""`` for headers that name no issuer. A header's own universal entity id needs no entry.
        organisation: the laboratory, as performer of the observations.
        timezone: IANA zone of times in headers that give none.
        accession_systems: URI of the accession number's system for each text of its issuer; ``""`` for none.
        hold_unidentified: refuse to encode where the patient cannot be told; else the subject stands without an
            identifier system, for files that people look at, and no delivery may take it to a health record.
        code_policy: which LOINC terms a class carries once a person answers for the count.
        model_cards: card of each model, Markdown in UTF-8, by the SHA-256 of its weights; a model without one has
            none in the record.
    """

    patient_id_systems: Mapping[str, str]
    organisation: str
    timezone: str = "UTC"
    accession_systems: Mapping[str, str] = field(default_factory=dict)
    hold_unidentified: bool = True
    code_policy: CodePolicy = CodePolicy.STRICT
    model_cards: Mapping[str, bytes] = field(default_factory=dict)
