"""The header of each instance of a slide's series, after the modules of the VL WSM image IOD (PS3.3 A.32.8.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from PIL import ImageCms
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    JPEGBaseline8Bit,
    VLWholeSlideMicroscopyImageStorage,
)

from marrowcount_adapters.wsm_writer.codes import Concept, code_item, coded, text_item

if TYPE_CHECKING:
    from marrowcount.slides.geometry import SizePx
    from marrowcount_adapters.wsm_writer.header import SlideHeader

__all__ = ["Flavor", "Instance", "instance_dataset"]

IMPLEMENTATION: Final = UID("2.25.200718336183410298651947011259430188532")
"""Implementation Class UID (PS3.7 D.3.3.2), made once at random."""

RATIO_WIDTH: Final = 7
"""Characters of the compression ratio, fixed so that the header keeps its length when the ratio is known."""

THICKNESS_UM: Final = 2.0
"""Thickness of a smear, for the slice thickness that the pixel measures must give."""

ORIGIN_MM: Final = (20.0, 60.0)
"""Where on the slide the scanned area begins, x and y in the slide coordinate system (PS3.3 C.8.12.2.1)."""

ICC_DATE: Final = slice(24, 36)
"""Creation date and time in an ICC profile's header (ICC.1:2022, 7.2.8)."""


class Flavor(StrEnum):
    """Value 3 of the image type (PS3.3 C.8.12.4.1.1)."""

    VOLUME = "VOLUME"
    THUMBNAIL = "THUMBNAIL"
    LABEL = "LABEL"
    OVERVIEW = "OVERVIEW"


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of the series.

    Attributes:
        name: what its UID and file are called after.
        number: Instance Number.
        flavor: what it shows.
        factor: base pixels that one of its pixels spans along a side.
        matrix: its total pixel matrix.
        frame: size of one frame.
        spacing_mm: between its pixel centres.
    """

    name: str
    number: int
    flavor: Flavor
    factor: float
    matrix: SizePx
    frame: SizePx
    spacing_mm: float

    @property
    def frames(self) -> int:
        """How many frames tile the matrix."""
        return -(-self.matrix.width // self.frame.width) * -(-self.matrix.height // self.frame.height)

    @property
    def image_type(self) -> list[str]:
        """Original for the scanned level, label and overview; derived for what was computed from it."""
        computed = self.flavor in (Flavor.VOLUME, Flavor.THUMBNAIL) and self.factor > 1
        origin, change = ("DERIVED", "RESAMPLED") if computed else ("ORIGINAL", "NONE")
        return [origin, "PRIMARY", str(self.flavor), change]


def instance_dataset(header: SlideHeader, instance: Instance, imaged: SizePx, ratio: float) -> Dataset:
    """All of an instance but its pixels.

    Args:
        header: of the slide.
        instance: which of its images.
        imaged: total pixel matrix of the base level.
        ratio: compression ratio reached.
    """
    dataset = Dataset()
    dataset.file_meta = _file_meta(header, instance)
    _common(dataset, header, instance)
    _patient_and_study(dataset, header)
    _series_and_equipment(dataset, header)
    _image(dataset, header, instance)
    _matrix(dataset, header, instance, imaged)
    _pixels(dataset, instance, ratio)
    _functional_groups(dataset, instance)
    _specimen(dataset, header)
    _optical_path(dataset, header)
    return dataset


def _file_meta(header: SlideHeader, instance: Instance) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = VLWholeSlideMicroscopyImageStorage
    meta.MediaStorageSOPInstanceUID = header.uid(instance.name)
    meta.TransferSyntaxUID = JPEGBaseline8Bit
    meta.ImplementationClassUID = IMPLEMENTATION
    meta.ImplementationVersionName = "MARROWCOUNT"
    return meta


def _common(dataset: Dataset, header: SlideHeader, instance: Instance) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = VLWholeSlideMicroscopyImageStorage
    dataset.SOPInstanceUID = header.uid(instance.name)
    dataset.TimezoneOffsetFromUTC = header.acquired.strftime("%z")


def _patient_and_study(dataset: Dataset, header: SlideHeader) -> None:
    patient = header.patient
    dataset.PatientName = patient.name
    dataset.PatientID = patient.identifier
    dataset.IssuerOfPatientID = patient.issuer
    dataset.IssuerOfPatientIDQualifiersSequence = Sequence([_entity(patient.issuer_uri, "URI")])
    dataset.PatientBirthDate = patient.birth_date.strftime("%Y%m%d")
    dataset.PatientSex = patient.sex
    dataset.StudyInstanceUID = header.uid("study")
    dataset.StudyDate = header.acquired.strftime("%Y%m%d")
    dataset.StudyTime = header.acquired.strftime("%H%M%S")
    dataset.ReferringPhysicianName = ""
    dataset.StudyID = "1"
    dataset.StudyDescription = header.study_description
    dataset.AccessionNumber = header.accession_number
    issuer = Dataset()
    issuer.LocalNamespaceEntityID = header.accession_issuer
    dataset.IssuerOfAccessionNumberSequence = Sequence([issuer])


def _entity(identifier: str, kind: str) -> Dataset:
    item = Dataset()
    item.UniversalEntityID = identifier
    item.UniversalEntityIDType = kind
    return item


def _series_and_equipment(dataset: Dataset, header: SlideHeader) -> None:
    dataset.Modality = "SM"
    dataset.SeriesInstanceUID = header.uid("series")
    dataset.SeriesNumber = 1
    dataset.SeriesDescription = "Bone marrow aspirate smear, May-Gruenwald-Giemsa"
    dataset.FrameOfReferenceUID = header.uid("frame of reference")
    dataset.PositionReferenceIndicator = "SLIDE_CORNER"
    dataset.Manufacturer = header.manufacturer
    dataset.ManufacturerModelName = header.model_name
    dataset.DeviceSerialNumber = header.serial_number
    dataset.SoftwareVersions = header.software_version


def _image(dataset: Dataset, header: SlideHeader, instance: Instance) -> None:
    with_label = "YES" if instance.flavor in (Flavor.LABEL, Flavor.OVERVIEW) else "NO"
    dataset.ImageType = instance.image_type
    dataset.InstanceNumber = instance.number
    dataset.ContentDate = header.acquired.strftime("%Y%m%d")
    dataset.ContentTime = header.acquired.strftime("%H%M%S")
    dataset.AcquisitionDateTime = header.acquired.strftime("%Y%m%d%H%M%S.%f%z")
    dataset.BurnedInAnnotation = with_label
    dataset.SpecimenLabelInImage = with_label
    dataset.VolumetricProperties = "VOLUME"
    dataset.FocusMethod = "AUTO"
    dataset.ExtendedDepthOfField = "NO"
    dataset.AcquisitionContextSequence = Sequence()
    if instance.flavor in (Flavor.VOLUME, Flavor.THUMBNAIL):
        dataset.PyramidUID = header.uid("pyramid")
        dataset.PyramidLabel = "Smear"
    if instance.flavor is Flavor.LABEL:
        dataset.LabelText = "\r\n".join(header.label_text)
        dataset.BarcodeValue = header.container_identifier


def _matrix(dataset: Dataset, header: SlideHeader, instance: Instance, imaged: SizePx) -> None:
    """Where the picture lies: image x runs along -y of the slide and image y along -x, as most scanners write."""
    dataset.TotalPixelMatrixColumns = instance.matrix.width
    dataset.TotalPixelMatrixRows = instance.matrix.height
    dataset.TotalPixelMatrixFocalPlanes = 1
    dataset.NumberOfOpticalPaths = 1
    shift_mm = (instance.spacing_mm - header.spacing_mm) / 2
    origin = Dataset()
    origin.XOffsetInSlideCoordinateSystem = round(ORIGIN_MM[0] - shift_mm, 6)
    origin.YOffsetInSlideCoordinateSystem = round(ORIGIN_MM[1] - shift_mm, 6)
    dataset.TotalPixelMatrixOriginSequence = Sequence([origin])
    dataset.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    width_mm, height_mm = _extent_mm(header, instance, imaged)
    dataset.ImagedVolumeWidth = width_mm
    dataset.ImagedVolumeHeight = height_mm
    dataset.ImagedVolumeDepth = THICKNESS_UM
    organization = Dataset()
    organization.DimensionOrganizationUID = header.uid("dimension organization")
    dataset.DimensionOrganizationSequence = Sequence([organization])
    dataset.DimensionOrganizationType = "TILED_FULL"


def _extent_mm(header: SlideHeader, instance: Instance, imaged: SizePx) -> tuple[float, float]:
    """Width and height imaged: that of the base level for all made from it, their own for label and overview."""
    if instance.flavor in (Flavor.VOLUME, Flavor.THUMBNAIL):
        return round(imaged.width * header.spacing_mm, 6), round(imaged.height * header.spacing_mm, 6)
    return instance.matrix.width * instance.spacing_mm, instance.matrix.height * instance.spacing_mm


def _pixels(dataset: Dataset, instance: Instance, ratio: float) -> None:
    dataset.Rows = instance.frame.height
    dataset.Columns = instance.frame.width
    dataset.NumberOfFrames = instance.frames
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "YBR_FULL_422"
    dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = 8
    dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = f"{ratio:0{RATIO_WIDTH}.2f}"
    dataset.LossyImageCompressionMethod = "ISO_10918_1"


def _functional_groups(dataset: Dataset, instance: Instance) -> None:
    """What all frames share; none has a group of its own, since they tile the matrix in full (PS3.3 C.7.6.16)."""
    measures = Dataset()
    measures.PixelSpacing = [instance.spacing_mm, instance.spacing_mm]
    measures.SliceThickness = THICKNESS_UM / 1000
    measures.SpacingBetweenSlices = THICKNESS_UM / 1000
    kind = Dataset()
    kind.FrameType = instance.image_type
    path = Dataset()
    path.OpticalPathIdentifier = "1"
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.WholeSlideMicroscopyImageFrameTypeSequence = Sequence([kind])
    shared.OpticalPathIdentificationSequence = Sequence([path])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])


def _specimen(dataset: Dataset, header: SlideHeader) -> None:
    issuer = Dataset()
    issuer.LocalNamespaceEntityID = header.container_issuer
    dataset.ContainerIdentifier = header.container_identifier
    dataset.IssuerOfTheContainerIdentifierSequence = Sequence([issuer])
    dataset.ContainerTypeCodeSequence = Sequence([coded(Concept.SLIDE)])
    specimen = Dataset()
    specimen.SpecimenIdentifier = header.specimen_identifier
    specimen.SpecimenUID = header.uid("specimen")
    specimen.IssuerOfTheSpecimenIdentifierSequence = Sequence()
    specimen.SpecimenTypeCodeSequence = Sequence([coded(Concept.ASPIRATE)])
    specimen.SpecimenShortDescription = "Bone marrow aspirate smear"
    specimen.PrimaryAnatomicStructureSequence = Sequence([coded(Concept.BONE_MARROW)])
    specimen.SpecimenPreparationSequence = Sequence(_preparation(header))
    dataset.SpecimenDescriptionSequence = Sequence([specimen])


def _preparation(header: SlideHeader) -> list[Dataset]:
    """Aspiration, then staining."""
    steps = (
        (Concept.COLLECTION, Concept.COLLECTION, Concept.ASPIRATION),
        (Concept.STAINING, Concept.SUBSTANCE, Concept.MAY_GRUNWALD_GIEMSA),
    )
    items: list[Dataset] = []
    for kind, name, value in steps:
        item = Dataset()
        item.SpecimenPreparationStepContentItemSequence = Sequence(
            [
                text_item(Concept.SPECIMEN_IDENTIFIER, header.specimen_identifier),
                code_item(Concept.PROCESSING_TYPE, kind),
                code_item(name, value),
            ]
        )
        items.append(item)
    return items


def _optical_path(dataset: Dataset, header: SlideHeader) -> None:
    path = Dataset()
    path.OpticalPathIdentifier = "1"
    path.OpticalPathDescription = "Brightfield"
    path.IlluminationTypeCodeSequence = Sequence([coded(Concept.BRIGHTFIELD)])
    path.IlluminationColorCodeSequence = Sequence([coded(Concept.FULL_SPECTRUM)])
    path.ObjectiveLensPower = header.objective_power
    path.ICCProfile = _srgb()
    path.ColorSpace = "SRGB"
    dataset.OpticalPathSequence = Sequence([path])


def _srgb() -> bytes:
    """An sRGB profile without its date of creation, so that the same slide is the same bytes, padded to even length."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[ICC_DATE] = bytes(ICC_DATE.stop - ICC_DATE.start)
    return bytes(profile) + bytes(len(profile) % 2)
