"""A report written in FHIR: one file for each form that a health record wants."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from marrowcount.main.fhir_forms import USUAL, form_of
from marrowcount.main.models import model_cards
from marrowcount_adapters.fhir import FhirSettings, Projection, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marrowcount.review import Report
    from marrowcount.settings import Settings

__all__ = ["fhir_files"]


def fhir_files(report: Report, settings: Settings, document: bytes | None) -> Mapping[str, bytes]:
    """The usual form, and each that a record wants, by the names of their files.

    Args:
        report: the version.
        settings: that name the records.
        document: the report as PDF; None where none was made.
    """
    site = FhirSettings(
        patient_id_systems=settings.patient_id_systems,
        organisation=settings.organisation,
        timezone=settings.timezone,
        hold_unidentified=False,  # the file is written in any case; the delivery holds it
        model_cards=model_cards(settings.count),
    )
    forms = dict.fromkeys([USUAL, *map(form_of, settings.ehr)])
    return {
        form.file: encode(
            report, replace(site, code_policy=form.policy), document, Projection(form.projection)
        ).encode()
        for form in forms
    }
