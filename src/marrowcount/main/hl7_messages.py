"""The differential as messages of HL7 v2: one file for each destination, as its settings want it."""

from __future__ import annotations

import hashlib
import re
from functools import partial
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.loinc import CodePolicy
from marrowcount.main.securing import hl7_context
from marrowcount_adapters.hl7v2 import (
    AccessionAs,
    Acknowledgement,
    Authority,
    CharacterSet,
    Hl7Settings,
    kept_oru,
    ready,
)
from marrowcount_adapters.mllp import MllpDestination

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from marrowcount.review import Report
    from marrowcount.settings import Hl7Section, Settings

__all__ = ["hl7_destination", "hl7_file", "hl7_messages", "hl7_settings"]

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9]+")
_LONGEST_NAME: Final = 24

_CHARACTER_SETS: Final = {"utf-8": CharacterSet.UTF_8, "iso-8859-1": CharacterSet.LATIN_1}


def hl7_file(destination: str) -> str:
    """Name of the file for a destination: its own name as far as files may be called so, and what tells it apart."""
    safe = _UNSAFE.sub("-", destination)[:_LONGEST_NAME].strip("-")
    return f"oru.{safe}-{hashlib.sha256(destination.encode()).hexdigest()[:8]}.hl7"


def hl7_messages(report: Report, settings: Settings, document: bytes | None) -> Mapping[str, bytes]:
    """A message for each destination by the name of its file; none where nobody takes messages.

    A message that cannot go out as it is, since the patient cannot be told from it, is kept as a draft: the delivery
    says what is missing. Of a count that waits for a person there is none.
    """
    if report.is_held:
        return {}
    return {
        hl7_file(section.name): kept_oru(report, hl7_settings(section, settings), document) for section in settings.hl7
    }


def hl7_destination(section: Hl7Section, settings: Settings) -> MllpDestination:
    """An interface engine by MLLP.

    Raises:
        SettingsError: the TLS files make no context.
    """
    finish = partial(ready, settings=hl7_settings(section, settings))
    tls = hl7_context(section, settings)
    return MllpDestination(section.name, section.host, section.port, finish, section.timeout_s, tls)


def hl7_settings(section: Hl7Section, settings: Settings) -> Hl7Settings:
    """The part of the settings that messages need."""
    return Hl7Settings(
        sending_application=Authority.parse(section.sending_application),
        sending_facility=Authority.parse(section.sending_facility),
        receiving_application=Authority.parse(section.receiving_application),
        receiving_facility=Authority.parse(section.receiving_facility),
        authorities=_parsed(section.assigning_authorities.items()),
        patient_id_systems=settings.patient_id_systems,
        organisation=settings.organisation,
        timezone=settings.timezone,
        processing_id=section.processing_id,
        character_set=_CHARACTER_SETS[section.character_set],
        acknowledgement=Acknowledgement(section.acknowledgement),
        accession_as=AccessionAs(section.accession_as),
        code_policy=CodePolicy(section.code_policy),
        ratio_as_number=section.me_ratio_as == "NM",
        with_details=section.with_details,
        with_document=section.with_pdf,
    )


def _parsed(authorities: Iterable[tuple[str, str]]) -> Mapping[str, Authority]:
    return {issuer: Authority.parse(text) for issuer, text in authorities}
