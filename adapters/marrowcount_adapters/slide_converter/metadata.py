"""What a slide file does not say, given by a person: a TOML file beside it."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marrowcount.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["UNIDENTIFIED", "SlideMetadata", "read_metadata", "unidentified"]

UNIDENTIFIED: Final = "UNIDENTIFIED"

UID: Final = r"^([0-9]+(\.[0-9]+)+)?$"
DATE: Final = r"^([0-9]{8})?$"
TIME: Final = r"^([0-9]{6})?$"
MOMENT: Final = r"^([0-9]{14}([+-][0-9]{4})?)?$"

ShortText = Annotated[str, Field(max_length=16)]
LongText = Annotated[str, Field(max_length=64)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class PatientTable(_Table):
    """Whose it is."""

    id: LongText = Field(min_length=1)
    issuer: LongText = ""
    name: Annotated[str, Field(max_length=324)] = ""
    birth_date: Annotated[str, Field(pattern=DATE)] = ""
    sex: Annotated[str, Field(pattern="^[MFO]?$")] = ""


class StudyTable(_Table):
    """What it belongs to; without a UID it becomes a study of its own."""

    uid: Annotated[str, Field(pattern=UID, max_length=64)] = ""
    accession_number: ShortText = ""
    id: ShortText = ""
    date: Annotated[str, Field(pattern=DATE)] = ""
    time: Annotated[str, Field(pattern=TIME)] = ""
    description: LongText = ""


class SlideTable(_Table):
    """The glass, and what its file may leave unsaid."""

    container: LongText = Field(min_length=1)
    specimen: LongText = ""
    acquired: Annotated[str, Field(pattern=MOMENT)] = ""
    um_per_px: Annotated[float, Field(gt=0.01, lt=10)] | None = None


class SlideMetadata(_Table):
    """All of it."""

    patient: PatientTable
    study: StudyTable = StudyTable()
    slide: SlideTable

    @property
    def is_unidentified(self) -> bool:
        """Whether a placeholder stands for the patient."""
        return self.patient.issuer == UNIDENTIFIED

    @property
    def specimen(self) -> str:
        """Where one glass holds one specimen, both may have the same identifier (PS3.3 C.7.6.22)."""
        return self.slide.specimen or self.slide.container

    def attributes(self) -> dict[str, dict[str, Any]]:
        """As DICOM JSON (PS3.18 Annex F); what may not be empty is left out where nothing was given."""
        patient, study = self.patient, self.study
        always = {
            "00100010": _element("PN", {"Alphabetic": patient.name} if patient.name else None),
            "00100020": _element("LO", patient.id),
            "00100030": _element("DA", patient.birth_date),
            "00100040": _element("CS", patient.sex),
            "00080050": _element("SH", study.accession_number),
            "00200010": _element("SH", study.id),
            "00080020": _element("DA", study.date),
            "00080030": _element("TM", study.time),
            "00400512": _element("LO", self.slide.container),
        }
        given = {
            "00100021": _element("LO", patient.issuer),
            "00081030": _element("LO", study.description),
            "0020000D": _element("UI", study.uid),
        }
        return always | {tag: element for tag, element in given.items() if "Value" in element}


def read_metadata(file: Path) -> SlideMetadata:
    """Read a file.

    Raises:
        SettingsError: ``no-metadata``, it is not there; ``bad-metadata``, it lacks something, with what. No value is
            repeated: it may be a patient's.
    """
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError("no-metadata", NEEDED) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError("bad-metadata", f"The metadata are no TOML: {type(error).__name__}.") from None
    try:
        return SlideMetadata.model_validate(table)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise SettingsError("bad-metadata", f"The metadata are not whole: {faults}.") from None


NEEDED: Final = (
    "A slide file does not say whose it is: put FILE.toml beside it, with [patient] id and [slide] container at least, "
    "or say --unidentified to have a placeholder that no health record takes."
)


def unidentified(sha256: str) -> SlideMetadata:
    """Placeholders that nobody can take for a patient; no patient_id_systems entry names their issuer."""
    name = f"{UNIDENTIFIED}-{re.sub('[^0-9a-f]', '', sha256)[:12]}"
    patient = PatientTable(id=name, issuer=UNIDENTIFIED, name=UNIDENTIFIED)
    study = StudyTable(description="Unidentified slide, converted for research")
    return SlideMetadata(patient=patient, study=study, slide=SlideTable(container=name))


def _element(vr: str, value: object) -> dict[str, Any]:
    return {"vr": vr, "Value": [value]} if value else {"vr": vr}
