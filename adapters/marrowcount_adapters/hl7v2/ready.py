"""The last step before a message leaves: whose it is in the site's terms, its number, its characters, its lengths.

A message that cannot be finished yet is kept as a draft, which holds the issuer of the patient's number as the slide's
header names it in a segment of our own. Once the settings know that issuer, the draft can be finished.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from marrowcount.errors import DeliveryHeldError, DeliveryRefusedError
from marrowcount_adapters.hl7v2.datatypes import patient_number
from marrowcount_adapters.hl7v2.er7 import CR, plain
from marrowcount_adapters.hl7v2.numbers import short_number
from marrowcount_adapters.hl7v2.profile import PROFILE, Usage
from marrowcount_adapters.hl7v2.settings import Authority

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from marrowcount_adapters.hl7v2.profile import FieldRule
    from marrowcount_adapters.hl7v2.settings import Hl7Settings

__all__ = ["UNRESOLVED", "ready"]

UNRESOLVED: Final = "ZMC"
"""Segment of a draft that never leaves: version of the report, Issuer of Patient ID, and the URI of the header's own
universal entity id."""

MESSAGE_NUMBER: Final = 9
"""Place of MSH-10 among a header's parts, since MSH-1 is what parts them."""


def ready(message: bytes, settings: Hl7Settings) -> bytes:
    """The message as it goes over the wire; one that went through here before stays as it is.

    Raises:
        DeliveryHeldError: ``missing-patient-id`` or ``unmapped-patient-issuer``.
        DeliveryRefusedError: ``field-missing``, ``field-too-long`` or ``character-not-in-set``.
    """
    if f"{CR}{UNRESOLVED}|".encode() not in message:
        return message
    segments = [line.split("|") for line in message.decode().split(CR) if line]
    finished = list(_identified(segments, settings))
    finished[0][MESSAGE_NUMBER] = _number_of([*finished, *segments])
    _check(finished)
    text = "".join(f"{'|'.join(fields)}{CR}" for fields in finished)
    return _encoded(text, settings)


def _identified(segments: Iterable[list[str]], settings: Hl7Settings) -> Iterator[list[str]]:
    """With the patient's number in the site's terms, and without our own segment."""
    held = list(segments)
    issuer, system = next((_field(fields, 2), _field(fields, 3)) for fields in held if fields[0] == UNRESOLVED)
    authority = _authority(plain(issuer), plain(system), settings)
    for fields in held:
        if fields[0] == "PID":
            identifier = plain(_field(fields, 3).partition("^")[0])
            yield [*fields[:3], _number(identifier, authority, plain(issuer)), *fields[4:]]
        elif fields[0] != UNRESOLVED:
            yield fields


def _field(fields: list[str], number: int) -> str:
    return fields[number] if number < len(fields) else ""


def _authority(issuer: str, system: str, settings: Hl7Settings) -> Authority:
    """The header's own universal id goes before the issuer's text; the site's names go before what a URI makes."""
    if system:
        return settings.authorities.get(system) or Authority.of_uri(system)
    named = settings.authorities.get(issuer)
    return named or Authority.of_uri(settings.patient_id_systems.get(issuer, ""))


def _number(identifier: str, authority: Authority, issuer: str) -> str:
    """Never without an authority: the same number means somebody else in another house."""
    if not identifier:
        raise DeliveryHeldError(
            "missing-patient-id", "The slide's header holds no Patient ID (0010,0020); send the slide anew with one."
        )
    if authority == Authority():
        raise DeliveryHeldError(
            "unmapped-patient-issuer",
            f"Issuer of Patient ID {issuer!r} stands for no assigning authority; "
            "name it in assigning_authorities of the destination, it is then looked at again.",
        )
    return patient_number(identifier, authority)


def _number_of(segments: Iterable[list[str]]) -> str:
    """Made of all that a message and its draft say: a repeated message is known by it, a new one is new."""
    said = CR.join("|".join(fields) for fields in segments)
    return short_number(hashlib.sha256(said.encode()).digest())


def _check(segments: Iterable[list[str]]) -> None:
    for name, *fields in segments:
        first = 2 if name == "MSH" else 1
        for rule in PROFILE[name].values():
            place = rule.number - first
            _check_field(name, rule, fields[place] if place < len(fields) else "")


def _check_field(name: str, rule: FieldRule, value: str) -> None:
    if rule.usage is Usage.REQUIRED and not value:
        raise DeliveryRefusedError("field-missing", f"{name}-{rule.number} ({rule.name}) would be empty")
    if rule.length and any(len(part) > rule.length for part in value.split("~")):
        message = f"{name}-{rule.number} ({rule.name}) holds more than {rule.length} characters"
        raise DeliveryRefusedError("field-too-long", message)


def _encoded(text: str, settings: Hl7Settings) -> bytes:
    try:
        return text.encode(settings.character_set.codec)
    except UnicodeEncodeError as error:
        name = text[: error.start].rpartition(CR)[2][:3]
        raise DeliveryRefusedError(
            "character-not-in-set",
            f"segment {name} holds a character that {settings.character_set} has not; set character_set to utf-8, "
            "if the receiver takes it, then have the delivery tried again",
        ) from None
