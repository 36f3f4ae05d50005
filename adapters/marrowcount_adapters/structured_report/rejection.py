"""The note that takes earlier instances back: a Key Object Selection (PS3.3 A.35.4).

Archives read it as IHE RAD's Imaging Object Change Management (IOCM) says.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

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
    device_uid,
    device_uuid,
    software_versions,
    withdrawal_uid,
)
from marrowcount.zones import zone_of_offset
from marrowcount_adapters.structured_report.document import DEVICE, take_over

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from pydicom.dataset import Dataset

    from marrowcount.result import ModelIdentity

__all__ = ["encode_rejection", "taken_back"]

PATIENT_SAFETY: Final = ("113037", "DCM", "Rejected for Patient Safety Reasons")
"""The title by which archives never show what is withdrawn: somebody might act on a count that no longer holds."""

PATIENT_GROUP: Final = 0x0010
STUDY: Final = ("StudyDescription", "IssuerOfAccessionNumberSequence")
REFERENCES: Final = frozenset({"IMAGE", "COMPOSITE"})


def encode_rejection(
    outdated: Sequence[Dataset], destination: str, models: Sequence[ModelIdentity], why: str, moment: datetime
) -> Dataset:
    """The note for one destination; archives that do not know such notes store it as one more document.

    Its UID depends on the destination, on what it takes back and on why: a note that says something else is another
    instance.

    Args:
        outdated: headers of the instances taken back, one at least, all of one study.
        destination: its name in the settings.
        models: that looked at the slide last.
        why: in words, without patient data.
        moment: when it was found that they no longer hold, with zone.
    """
    uids = [str(header.SOPInstanceUID) for header in outdated]
    dataset = _note(outdated, partial(withdrawal_uid, uids, destination), models, why)
    take_over(dataset, outdated[0])
    dataset.SoftwareVersions = list(software_versions(models))
    _complete(dataset, outdated[0])
    local = moment.astimezone(zone_of_offset(outdated[0].get("TimezoneOffsetFromUTC")) or moment.tzinfo)
    for kind in ("Series", "Content", "InstanceCreation"):
        setattr(dataset, f"{kind}Date", DA(local.date()))
        setattr(dataset, f"{kind}Time", TM(local.time()))
    return dataset


def _note(outdated: Sequence[Dataset], uid: partial[str], models: Sequence[ModelIdentity], why: str) -> Dataset:
    serial_number = str(device_uuid(models))
    observer = DeviceObserverIdentifyingAttributes(
        uid=device_uid(models), name=PRODUCT, manufacturer_name=MANUFACTURER, serial_number=serial_number
    )
    content = KeyObjectSelection(
        document_title=CodedConcept(*PATIENT_SAFETY),
        referenced_objects=outdated,
        observer_device_context=ObserverContext(CodedConcept(*DEVICE), observer),
        description=why,
    )
    dataset = KeyObjectSelectionDocument(
        evidence=outdated,
        content=content,
        series_instance_uid=uid(REJECTION_SERIES.part),
        series_number=REJECTION_SERIES.number,
        series_description=REJECTION_SERIES.description,
        sop_instance_uid=uid(f"rejection/{why}"),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=PRODUCT,
        device_serial_number=serial_number,
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
    """SOP Instance UIDs that a note names in its evidence, which its header holds; none where it breaks off before."""
    for study in note.get("CurrentRequestedProcedureEvidenceSequence", ()):
        for series in study.ReferencedSeriesSequence:
            yield from (str(item.ReferencedSOPInstanceUID) for item in series.ReferencedSOPSequence)
