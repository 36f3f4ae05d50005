"""The note that takes earlier instances back: a Key Object Selection (PS3.3 A.35.4).

Archives read it as IHE RAD's Imaging Object Change Management (IOCM) says.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from highdicom.sr import (
    CodedConcept,
    DeviceObserverIdentifyingAttributes,
    ObserverContext,
)
from pydicom.valuerep import DA, TM

from marrowcount.workflow.identity import (
    MANUFACTURER,
    PRODUCT,
    REJECTION_SERIES,
    device_uuid,
    result_uid,
    uid_of,
    withdrawal_uid,
)
from marrowcount.zones import zone_of_offset
from marrowcount_adapters.structured_report.document import DEVICE, take_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult

__all__ = ["encode_rejection", "taken_back"]

PATIENT_SAFETY: Final = ("113037", "DCM", "Rejected for Patient Safety Reasons")
"""The title by which archives never show what is withdrawn: somebody might act on a count that no longer holds."""

PATIENT_GROUP: Final = 0x0010
STUDY: Final = ("StudyDescription", "IssuerOfAccessionNumberSequence")
REFERENCES: Final = frozenset({"IMAGE", "COMPOSITE"})

REPLACED: Final = "Taken back: a later count of the same slide takes the place of these results."
WITHDRAWN: Final = "Taken back: the slide, looked at again, cannot be counted, so these results no longer hold"


def encode_rejection(result: CountResult, annotation: Dataset, superseded: Sequence[Dataset]) -> Dataset:
    """The note of a later count; archives that do not know such notes store it as one more document.

    Args:
        result: the count that takes the place of the earlier one.
        annotation: one of its annotation instances, from which times and software are taken over.
        superseded: headers of the instances taken back, one at least, all of one study.
    """
    dataset = _note(superseded, partial(result_uid, result), device_uuid(result), REPLACED)
    take_over(dataset, annotation)
    _complete(dataset, superseded[0])
    return dataset


def encode_withdrawal(superseded: Sequence[Dataset], code: str, moment: datetime) -> Dataset:
    """The note of a slide that was counted and is refused now: nothing takes the place of what it takes back.

    Args:
        superseded: headers of the instances taken back, one at least, all of one study.
        code: why the slide is refused.
        moment: of the refusal.
    """
    uids = [str(header.SOPInstanceUID) for header in superseded]
    device = UUID(str(superseded[0].DeviceSerialNumber))
    dataset = _note(superseded, partial(withdrawal_uid, uids), device, f"{WITHDRAWN} ({code})")
    take_over(dataset, superseded[0])
    _complete(dataset, superseded[0])
    local = moment.astimezone(zone_of_offset(superseded[0].get("TimezoneOffsetFromUTC")) or moment.tzinfo)
    for kind in ("Series", "Content", "InstanceCreation"):
        setattr(dataset, f"{kind}Date", DA(local.date()))
        setattr(dataset, f"{kind}Time", TM(local.time()))
    return dataset


def _note(superseded: Sequence[Dataset], uid: Callable[[str], str], device: UUID, why: str) -> Dataset:
    observer = DeviceObserverIdentifyingAttributes(
        uid=uid_of(device), name=PRODUCT, manufacturer_name=MANUFACTURER, serial_number=str(device)
    )
    content = KeyObjectSelection(
        document_title=CodedConcept(*PATIENT_SAFETY),
        referenced_objects=superseded,
        observer_device_context=ObserverContext(CodedConcept(*DEVICE), observer),
        description=why,
    )
    dataset = KeyObjectSelectionDocument(
        evidence=superseded,
        content=content,
        series_instance_uid=uid(REJECTION_SERIES.part),
        series_number=REJECTION_SERIES.number,
        series_description=REJECTION_SERIES.description,
        sop_instance_uid=uid("rejection"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=PRODUCT,
        device_serial_number=str(device),
        specific_character_set="ISO_IR 192",
    )
    for item in dataset.ContentSequence:
        if item.ValueType in REFERENCES:  # TID 2010 knows no concept name there; highdicom writes one
            del item.ConceptNameCodeSequence
    return dataset


def _complete(dataset: Dataset, header: Dataset) -> None:
    """What else the earlier instances say of patient and study, such as who issued the identifiers."""
    more = [*header.group_dataset(PATIENT_GROUP), *(header[each] for each in STUDY if each in header)]
    for element in more:
        if element.tag not in dataset:
            dataset[element.tag] = element


def taken_back(note: Dataset) -> Iterator[str]:
    """SOP Instance UIDs that a note names."""
    for study in note.CurrentRequestedProcedureEvidenceSequence:
        for series in study.ReferencedSeriesSequence:
            yield from (str(item.ReferencedSOPInstanceUID) for item in series.ReferencedSOPSequence)
