"""What is read of one instance's header."""

# ruff: noqa: ANN401 - fixtures of conftest, whose types cannot be imported in importlib mode

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ComprehensiveSRStorage, VLWholeSlideMicroscopyImageStorage

from given_instances import write_instance
from marrowcount.errors import InstanceError
from marrowcount.result import NameScript, Patient, PersonName
from marrowcount.slides.geometry import SizePx, SpacingMm
from marrowcount.slides.instances import Flavour
from marrowcount_adapters.wsi.header import IDENTIFIERS, read_context, read_facts, read_header, read_identity

if TYPE_CHECKING:
    from pathlib import Path


def test_facts_of_a_level(series: Any, picture: Any) -> None:
    """Size, frames, spacing (rows first in DICOM) and identity are what the header says."""
    (path,) = series.level(picture(600, 300), spacing=(0.00026, 0.00024))
    facts = read_facts(path)
    assert facts.sop_instance_uid == path.stem
    assert facts.sop_class_uid == VLWholeSlideMicroscopyImageStorage
    assert (facts.series_uid, facts.study_uid) == (series.series_uid, series.study_uid)
    assert facts.flavour is Flavour.VOLUME
    assert facts.is_level
    assert facts.matrix == SizePx(600, 300)
    assert facts.frame == SizePx(256, 256)
    assert facts.spacing == SpacingMm(x_mm=0.00024, y_mm=0.00026)
    assert facts.number_of_frames == facts.tiles == 6
    assert facts.tiled_full
    assert facts.concatenation_uid is None
    assert facts.image_uid == facts.image_key == path.stem
    assert facts.container_identifier == "GLASS-1"


def test_facts_of_a_concatenation(series: Any, picture: Any) -> None:
    """Each member says where it stands, and all name the image that they make."""
    first, second = (read_facts(path) for path in series.level(picture(600, 300), parts=2))
    assert (first.concatenation_number, second.concatenation_number) == (1, 2)
    assert (first.concatenation_offset, second.concatenation_offset) == (0, 3)
    assert first.concatenation_total == 2
    assert first.image_key == second.image_key
    assert first.image_uid == second.image_uid == first.concatenation_source_uid
    assert first.tiles == 6


def test_facts_hold_nothing_of_the_patient(series: Any, picture: Any) -> None:
    """Facts may be logged: no name, no number, no accession in them."""
    (path,) = series.level(picture(512, 512))
    shown = repr(read_facts(path))
    for secret in ("Phantom", "PHANTOM-1", "HOSPITAL", "A-1"):
        assert secret not in shown


def test_the_header_stops_before_the_frames(series: Any, picture: Any) -> None:
    """Encoders get all but the per-frame groups and the pixels."""
    (path,) = series.level(picture(600, 300), sparse=True)
    header = read_header(path)
    assert header.PatientID == "PHANTOM-1"
    assert header.file_meta.TransferSyntaxUID
    assert "SharedFunctionalGroupsSequence" in header
    assert "PerFrameFunctionalGroupsSequence" not in header
    assert "PixelData" not in header


def test_an_identity_ends_before_the_content(tmp_path: Path) -> None:
    """Names, patient and study are there; what makes a document or annotations large is not read."""
    write_instance(tmp_path / "x.dcm", ComprehensiveSRStorage, "1.2.3.4")
    whole = dcmread(tmp_path / "x.dcm")
    whole.AnnotationGroupSequence = [Dataset()]
    whole.save_as(tmp_path / "x.dcm")
    identity = read_identity(tmp_path / "x.dcm")
    assert (identity.SOPInstanceUID, identity.PatientID, identity.StudyInstanceUID) == ("1.2.3.4", "P1", "1.2")
    assert "ContentSequence" in whole
    assert not {"ContentSequence", "AnnotationGroupSequence"} & {element.keyword for element in identity}


@pytest.mark.parametrize("keyword", [*IDENTIFIERS, "StudyID"])
def test_an_identity_is_whole(tmp_path: Path, keyword: str) -> None:
    """One that breaks off, or lacks a name, is none."""
    write_instance(tmp_path / "x.dcm", ComprehensiveSRStorage, "1.2.3.4")
    dataset = dcmread(tmp_path / "x.dcm")
    delattr(dataset, keyword)
    dataset.save_as(tmp_path / "x.dcm")
    with pytest.raises(InstanceError) as caught:
        read_identity(tmp_path / "x.dcm")
    assert caught.value.code == "missing-attribute"


def test_each_value_of_an_identity_is_sound(tmp_path: Path) -> None:
    """It is copied to a note later on, where a value that cannot be read would stop the work."""
    write_instance(tmp_path / "x.dcm", ComprehensiveSRStorage, "1.2.3.4")
    dataset = dcmread(tmp_path / "x.dcm")
    dataset.SamplesPerPixel = 3
    dataset.save_as(tmp_path / "x.dcm")
    (tmp_path / "x.dcm").write_bytes((tmp_path / "x.dcm").read_bytes().replace(b"US\2\0\3\0", b"US\3\0\3\0\0"))
    with pytest.raises(InstanceError) as caught:
        read_identity(tmp_path / "x.dcm")
    assert caught.value.code == "invalid-attribute"


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SOPClassUID", "SeriesInstanceUID", "StudyInstanceUID"])
def test_an_instance_names_itself(series: Any, picture: Any, keyword: str, tmp_path: Path) -> None:
    """Without the identifiers that every instance has, it is refused by the name of the one that lacks."""
    (path,) = series.level(picture(512, 512))
    dataset = dcmread(path)
    delattr(dataset, keyword)
    dataset.save_as(tmp_path / "x.dcm")
    with pytest.raises(InstanceError) as caught:
        read_facts(tmp_path / "x.dcm")
    assert caught.value.code == "missing-attribute"
    assert keyword in caught.value.message


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.parametrize("uid", ["../../etc/passwd", "1.2.3/4", "1", "1." + "2" * 70, "1..2", "C:\\1.2"])
def test_a_uid_that_is_none_names_no_file(series: Any, picture: Any, uid: str) -> None:
    """Identifiers become file names further on, so only digits and dots pass."""
    (path,) = series.level(picture(512, 512))
    data = path.read_bytes()
    length = len(series.series_uid) + len(series.series_uid) % 2
    path.write_bytes(
        data.replace(series.series_uid.encode().ljust(length, b"\0"), uid.encode()[:length].ljust(length, b"\0"))
    )
    if len(uid) > 64:
        dataset = dcmread(path)
        dataset["SeriesInstanceUID"]._value = uid
        dataset.save_as(path)
    with pytest.raises(InstanceError) as caught:
        read_facts(path)
    assert caught.value.code == "invalid-attribute"


@pytest.mark.parametrize("content", [b"", b"DICM", b"\0" * 128 + b"DICM", b"plain text" * 50])
def test_what_is_no_dicom_is_told(tmp_path: Path, content: bytes) -> None:
    """Anything else than a DICOM file is one refusal."""
    path = tmp_path / "x.dcm"
    path.write_bytes(content)
    for read in (read_facts, read_header, read_context):
        with pytest.raises(InstanceError) as caught:
            read(path)
        assert caught.value.code == "not-dicom"


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"AcquisitionDateTime": "20260102093000+0200"}, datetime(2026, 1, 2, 7, 30, tzinfo=UTC)),
        (
            {"AcquisitionDateTime": "20260102093000", "TimezoneOffsetFromUTC": "-0330"},
            datetime(2026, 1, 2, 13, tzinfo=UTC),
        ),
        ({"AcquisitionDateTime": None}, datetime(2026, 1, 2, 9, 15, tzinfo=UTC)),
        ({"AcquisitionDateTime": None, "StudyTime": None}, datetime(2026, 1, 1, 23, tzinfo=UTC)),
    ],
)
def test_the_moment_of_acquisition_has_its_zone(
    series: Any, picture: Any, attributes: dict[str, str | None], expected: datetime
) -> None:
    """The value's own zone, else the header's; the study's date where the scanner gave no other."""
    (path,) = series.level(picture(512, 512), **attributes)
    acquired = read_context(path).acquired
    assert acquired is not None
    assert acquired == expected


def test_without_a_zone_none_is_made_up(series: Any, picture: Any) -> None:
    """A time without zone stays without; without date there is no time."""
    (path,) = series.level(picture(512, 512), TimezoneOffsetFromUTC=None)
    acquired = read_context(path).acquired
    assert acquired is not None
    assert acquired.tzinfo is None
    (path,) = series.level(picture(512, 512), AcquisitionDateTime=None, StudyDate=None)
    assert read_context(path).acquired is None


@pytest.mark.parametrize(
    ("kind", "entity", "system"),
    [
        ("ISO", "1.2.3", "urn:oid:1.2.3"),
        ("UUID", "0b2f", "urn:uuid:0b2f"),
        ("URI", "http://hospital.example/ids", "http://hospital.example/ids"),
        ("DNS", "hospital.example", ""),
    ],
)
def test_the_issuer_becomes_a_system(series: Any, picture: Any, kind: str, entity: str, system: str) -> None:
    """The universal entity id of the patient's issuer becomes the URI that FHIR asks for."""
    qualifier = Dataset()
    qualifier.UniversalEntityID, qualifier.UniversalEntityIDType = entity, kind
    (path,) = series.level(picture(512, 512), IssuerOfPatientIDQualifiersSequence=[qualifier])
    assert read_context(path).patient_id_system == system


def test_the_zone_is_an_offset(series: Any, picture: Any) -> None:
    """Timezone Offset From UTC holds hours and minutes."""
    (path,) = series.level(picture(512, 512), TimezoneOffsetFromUTC="+0545")
    acquired = read_context(path).acquired
    assert acquired is not None
    assert acquired.utcoffset() == timedelta(hours=5, minutes=45)


def described(path: Path, **values: str) -> Patient:
    """Who the context of a file says the patient is, after its header was given these values."""
    dataset = dcmread(path)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)
    return read_context(path).patient


def test_the_patient_is_named_in_every_script(series: Any, picture: Any) -> None:
    """Names come in their parts and scripts, decoded; prefix before suffix, as DICOM has them."""
    (path,) = series.level(picture(512, 512))
    patient = described(
        path,
        SpecificCharacterSet="ISO_IR 192",
        PatientName="Yamada^Tarou^X^Dr.^Jr.=山田^太郎=やまだ^たろう",
        PatientBirthDate="19600102",
        PatientSex="M",
    )
    assert patient == Patient(
        (
            PersonName("Yamada", "Tarou", "X", "Dr.", "Jr."),
            PersonName("山田", "太郎", script=NameScript.IDEOGRAPHIC),
            PersonName("やまだ", "たろう", script=NameScript.PHONETIC),
        ),
        date(1960, 1, 2),
        "M",
    )


@pytest.mark.filterwarnings("ignore:Invalid value")
@pytest.mark.parametrize("birth_date", ["1960", "19601332", "1960W011", "x"])
def test_what_the_header_does_not_say_of_the_patient_stays_open(series: Any, picture: Any, birth_date: str) -> None:
    """Empty names, odd dates and sexes are left out; no day is made up, and the slide can be counted."""
    (path,) = series.level(picture(512, 512))
    patient = described(path, PatientName="^^=", PatientBirthDate=birth_date, PatientSex="Q")
    assert patient == Patient()
    named = described(path, PatientName="Doe", PatientBirthDate=birth_date)
    assert named == Patient((PersonName("Doe"),))


def test_the_context_shows_nobody(series: Any, picture: Any) -> None:
    """The text of a context, which may get into a log by a mistake, names no patient."""
    (path,) = series.level(picture(512, 512))
    described(path, PatientName="Secret^Name")
    assert "Secret" not in repr(read_context(path))
