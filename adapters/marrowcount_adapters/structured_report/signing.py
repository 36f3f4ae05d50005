"""Who signed a report, as DICOM says it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from highdicom.sr import CodedConcept, ObserverContext, PersonObserverIdentifyingAttributes
from pydicom.valuerep import DA, DT, TM

from marrowcount.zones import zone_of_offset

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from marrowcount.review import Practitioner, Report, Signature

__all__ = ["date_signed", "observers", "organisation", "person_name"]

PERSON: Final = ("121006", "DCM", "Person")


def person_name(person: Practitioner) -> str:
    """Family name, then given name (PS3.5 6.2, VR PN)."""
    return f"{person.family_name}^{person.given_name}"


def organisation(person: Practitioner) -> str:
    """For whom they verified: never empty (PS3.3 C.17.2, Type 1)."""
    return person.organisation or "not stated"


def observers(report: Report) -> ObserverContext | None:
    """The person beside the software (TID 1003); None where nobody signed."""
    signature = report.verifier
    if signature is None:
        return None
    by = signature.by
    attributes = PersonObserverIdentifyingAttributes(
        person_name(by), login_name=by.number, organization_name=by.organisation or None
    )
    return ObserverContext(CodedConcept(*PERSON), attributes)


def date_signed(dataset: Dataset, signature: Signature) -> None:
    """Date the document as it was signed, in the zone that its other times have (PS3.3 C.17.2, C.12.1.1.8)."""
    at = signature.at.astimezone(zone_of_offset(dataset.get("TimezoneOffsetFromUTC")))
    for name in ("InstanceCreation", "Series", "Content"):
        setattr(dataset, f"{name}Date", DA(at.date()))
        setattr(dataset, f"{name}Time", TM(at.time()))
    (observer,) = dataset.VerifyingObserverSequence
    observer.VerificationDateTime = DT(at)
