"""What all instances made of a count say alike: who made them, with what, when, by which codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

from highdicom import AlgorithmIdentificationSequence
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom.valuerep import DA, TM

from marrowcount.cytology.cell_types import LOCAL_SCHEME
from marrowcount.cytology.concepts import LOCAL_SCHEME_NAME, LOCAL_SCHEME_UID
from marrowcount.workflow.identity import (
    MANUFACTURER,
    PRODUCT,
    ResultSeries,
    device_uuid,
    result_uid,
    software_versions,
)
from marrowcount_adapters.annotations.source import zone_of

if TYPE_CHECKING:
    from datetime import datetime

    from pydicom.dataset import Dataset

    from marrowcount.cytology.cell_types import Code
    from marrowcount.result import CountResult, ModelIdentity

__all__ = ["algorithm", "coded", "coding_schemes", "equipment", "finish", "moment_of", "series"]

ARTIFICIAL_INTELLIGENCE: Final = CodedConcept("123110", "DCM", "Artificial Intelligence")


def coded(code: Code) -> CodedConcept:
    """A code of the core as DICOM writes it."""
    return CodedConcept(code.value, code.scheme, code.meaning)


def algorithm(model: ModelIdentity) -> AlgorithmIdentificationSequence:
    """Which model decided, by name, version and the digest of its weights (PS3.3 10.16)."""
    return AlgorithmIdentificationSequence(
        name=model.name,
        family=ARTIFICIAL_INTELLIGENCE,
        version=model.version,
        source=MANUFACTURER,
        parameters={"sha256": model.sha256, "threshold": repr(float(model.threshold))},
    )


def moment_of(result: CountResult, header: Dataset) -> datetime:
    """When the count was made, in the zone of all times in the slide's header where that names one."""
    return result.counted_at.astimezone(zone_of(header) or result.counted_at.tzinfo)


class SeriesArguments(TypedDict):
    """highdicom's names."""

    series_instance_uid: str
    series_number: int
    series_description: str


class EquipmentArguments(TypedDict):
    """highdicom's names."""

    manufacturer: str
    manufacturer_model_name: str
    software_versions: str
    device_serial_number: str


def series(result: CountResult, which: ResultSeries) -> SeriesArguments:
    """The series of an instance, as highdicom's arguments."""
    return {
        "series_instance_uid": result_uid(result, which.part),
        "series_number": which.number,
        "series_description": which.description,
    }


def equipment(result: CountResult) -> EquipmentArguments:
    """Enhanced General Equipment (PS3.3 C.7.5.2), as highdicom's arguments."""
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": PRODUCT,
        "software_versions": PRODUCT,
        "device_serial_number": str(device_uuid(result.models)),
    }


def finish(dataset: Dataset, result: CountResult, header: Dataset) -> None:
    """Put right what highdicom takes from its own clock, and what it has no argument for."""
    moment = moment_of(result, header)
    # highdicom takes several versions but cannot write them.
    dataset["SoftwareVersions"].value = list(software_versions(result.models))
    for kind in ("Series", "Content", "InstanceCreation"):
        setattr(dataset, f"{kind}Date", DA(moment.date()))
        setattr(dataset, f"{kind}Time", TM(moment.time()))
    del dataset.ContributingEquipmentSequence[-1].ContributionDateTime  # highdicom's own, the time of encoding
    if zone_of(header) is not None:  # holds for the copied study time as well
        dataset.TimezoneOffsetFromUTC = header.TimezoneOffsetFromUTC


def coding_schemes() -> list[CodingSchemeIdentificationItem]:
    """Schemes that PS3.16 table 8-1 does not list (SOP Common, PS3.3 C.12.1.1.2)."""
    local = CodingSchemeIdentificationItem(LOCAL_SCHEME, LOCAL_SCHEME_NAME, responsible_organization=MANUFACTURER)
    local.CodingSchemeUID = LOCAL_SCHEME_UID  # highdicom writes it for registered schemes only
    return [local, CodingSchemeIdentificationItem("CL", "Cell Ontology", responsible_organization="OBO Foundry")]
