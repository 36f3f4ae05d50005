"""A result and a slide header of known content: for tests of what encodes them, and for the conformance statement."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, VLWholeSlideMicroscopyImageStorage

from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.convergence import Stopping, StoppingReason
from marrowcount.cytology.differential import differential_of
from marrowcount.cytology.histogram import Histogram
from marrowcount.result import CountResult, ModelIdentity, ModelTask, Patient, PersonName, SlideContext, Specimen
from marrowcount.slides.detections import Detection, LookedAtTile
from marrowcount.slides.geometry import PixelBox, SizePx, SpacingMm
from marrowcount.slides.tiles import Tile

if TYPE_CHECKING:
    from collections.abc import Mapping

STUDY_UID = "2.25.111"
SERIES_UID = "2.25.112"
BASE_UID = "2.25.113"
FRAME_OF_REFERENCE_UID = "2.25.114"
SPECIMEN_UID = "2.25.115"

TYPICAL_COUNTS: Mapping[CellType, int] = {
    CellType.NEUTROPHIL: 612,
    CellType.METAMYELOCYTE: 141,
    CellType.MYELOCYTE: 203,
    CellType.PROMYELOCYTE: 61,
    CellType.BLAST: 27,
    CellType.ERYTHROBLAST: 447,
    CellType.MEGAKARYOCYTE_NUCLEUS: 6,
    CellType.LYMPHOCYTE: 233,
    CellType.MONOCYTE: 52,
    CellType.PLASMA_CELL: 19,
    CellType.EOSINOPHIL: 58,
    CellType.BASOPHIL: 3,
    CellType.MEGAKARYOCYTE: 9,
    CellType.OTHER_CELL: 31,
    CellType.DEBRIS: 804,
    CellType.HISTIOCYTE: 12,
    CellType.PLATELET: 377,
    CellType.PLATELET_CLUMP: 24,
    CellType.MAST_CELL: 1,
}

MODELS = (
    ModelIdentity(ModelTask.ROI, "densenet121-roi", "1.0.0", "a" * 64, 0.85, "4,750 tiles of 250 slides, one site."),
    ModelIdentity(ModelTask.CELLS, "yolo-cells", "2.1.0", "b" * 64, 0.75, "24,735 objects, one site."),
)

CONTEXT = SlideContext(
    study_uid=STUDY_UID,
    series_uid=SERIES_UID,
    base_instance_uid=BASE_UID,
    base_sop_class_uid=str(VLWholeSlideMicroscopyImageStorage),
    frame_of_reference_uid=FRAME_OF_REFERENCE_UID,
    patient_id="MRN00017",
    patient_id_issuer="HOSP",
    patient_id_system="",
    accession_number="ACC26-1234",
    accession_issuer="HEMLAB",
    acquired=datetime(2026, 9, 30, 9, 0, tzinfo=timezone(timedelta(hours=2))),
    specimen=Specimen("B26-1234-A1", "HEMLAB", "B26-1234-A", SPECIMEN_UID),
    patient=Patient((PersonName("Müller", "Zoë"),), date(1960, 1, 1), "F"),
)


def make_result(counts: Mapping[CellType, int] = TYPICAL_COUNTS, **changes: Any) -> CountResult:  # noqa: ANN401 - any field of a result
    """A result that found exactly these objects, on a slide of 12 x 10 tiles of which a third was rejected."""
    size = SizePx(12 * 512 + 300, 10 * 512 + 100)
    tiles = tuple(
        LookedAtTile(Tile(row, column), 0.3 if (row + column) % 3 == 0 else 0.97, (row + column) % 3 != 0)
        for row in range(10)
        for column in range(12)
    )
    grounds = [looked_at.tile for looked_at in tiles if looked_at.accepted]
    kinds = [cell_type for cell_type in CellType for _ in range(counts.get(cell_type, 0))]
    detections = tuple(
        _detection(number, cell_type, grounds[number % len(grounds)]) for number, cell_type in enumerate(kinds)
    )
    histogram = Histogram.from_counts(counts)
    result = CountResult(
        context=CONTEXT,
        size=size,
        spacing=SpacingMm(0.00025, 0.00025),
        tiles=tiles,
        detections=detections,
        histogram=histogram,
        differential=differential_of(histogram),
        stopping=Stopping(
            StoppingReason.CONVERGED, "chi-square<0.0001 for 20 tiles after 80", len(grounds), 4.3217e-05
        ),
        models=MODELS,
        counted_at=datetime(2026, 10, 1, 9, 59, 30, 250000, tzinfo=UTC),
    )
    return replace(result, **changes)


def _detection(number: int, cell_type: CellType, tile: Tile) -> Detection:
    left, top = tile.left + (number * 37) % 470, tile.top + (number * 53) % 470
    width, height = 28 + number % 13 + 0.25, 30 + number % 11 + 0.5
    return Detection(
        cell_type, PixelBox(left, top, left + width, top + height), 0.76 + 0.23 * ((number * 7) % 100) / 100
    )


def make_source_header(character_set: str = "ISO_IR 100") -> Dataset:
    """A complete header of a base level (PS3.3 A.32.8), without pixels, as read from a file."""
    file = BytesIO()
    _source_header(character_set).save_as(file, enforce_file_format=True)
    file.seek(0)
    return pydicom.dcmread(file)


def _source_header(character_set: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SpecificCharacterSet = character_set
    ds.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    ds.SOPClassUID, ds.SOPInstanceUID = VLWholeSlideMicroscopyImageStorage, BASE_UID
    ds.StudyDate, ds.StudyTime = "20260930", "083000"
    ds.ContentDate, ds.ContentTime = "20260930", "090000"
    ds.AcquisitionDateTime = "20260930090000+0200"
    ds.TimezoneOffsetFromUTC = "+0200"
    ds.AccessionNumber = "ACC26-1234"
    ds.Modality = "SM"
    ds.Manufacturer, ds.ManufacturerModelName = "Scanner works", "Scanner 40"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "S-17", "3.2"
    ds.ReferringPhysicianName = ""
    ds.PatientName, ds.PatientID, ds.IssuerOfPatientID = "Müller^Zoë", "MRN00017", "HOSP"
    ds.PatientBirthDate, ds.PatientSex = "19600101", "F"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = STUDY_UID, SERIES_UID
    ds.StudyID, ds.SeriesNumber, ds.InstanceNumber = "S1", 1, 1
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = FRAME_OF_REFERENCE_UID, "SLIDE_CORNER"
    ds.DimensionOrganizationType = "TILED_FULL"
    ds.Rows = ds.Columns = 512
    ds.NumberOfFrames = 13 * 11
    ds.TotalPixelMatrixColumns, ds.TotalPixelMatrixRows = 12 * 512 + 300, 10 * 512 + 100
    ds.ContainerIdentifier = "B26-1234-A1"
    ds.IssuerOfTheContainerIdentifierSequence = [_issuer()]
    ds.ContainerTypeCodeSequence = [_code("433466003", "Microscope slide")]
    ds.ContainerComponentSequence = []
    ds.SpecimenDescriptionSequence = [_specimen()]
    ds.AcquisitionContextSequence = []
    return ds


def _issuer() -> Dataset:
    issuer = Dataset()
    issuer.LocalNamespaceEntityID = "HEMLAB"
    return issuer


def _specimen() -> Dataset:
    specimen = Dataset()
    specimen.SpecimenIdentifier, specimen.SpecimenUID = "B26-1234-A", SPECIMEN_UID
    specimen.IssuerOfTheSpecimenIdentifierSequence = []
    specimen.SpecimenTypeCodeSequence = [_code("396997002", "Specimen from bone marrow obtained by aspiration")]
    specimen.SpecimenShortDescription = "Knochenmarkausstrich für Zytologie"
    specimen.SpecimenPreparationSequence = []
    return specimen


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    return code
