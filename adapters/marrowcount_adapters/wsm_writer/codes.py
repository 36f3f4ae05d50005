"""Coded concepts of a scanned marrow smear (PS3.16), and the small datasets that hold them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

__all__ = ["Concept", "code_item", "coded", "text_item"]


@dataclass(frozen=True, slots=True)
class _Code:
    value: str
    scheme: str
    meaning: str


class Concept(Enum):
    """Value, coding scheme and meaning of what a smear's header says."""

    ASPIRATE = _Code("396997002", "SCT", "Specimen from bone marrow obtained by aspiration")
    BONE_MARROW = _Code("14016003", "SCT", "Bone marrow structure")
    SLIDE = _Code("433466003", "SCT", "Microscope slide")
    BRIGHTFIELD = _Code("111744", "DCM", "Brightfield illumination")
    FULL_SPECTRUM = _Code("414298005", "SCT", "Full Spectrum")
    SPECIMEN_IDENTIFIER = _Code("121041", "DCM", "Specimen Identifier")
    PROCESSING_TYPE = _Code("111701", "DCM", "Processing type")
    COLLECTION = _Code("17636008", "SCT", "Specimen collection")
    ASPIRATION = _Code("14766002", "SCT", "Aspiration")
    STAINING = _Code("127790008", "SCT", "Staining")
    SUBSTANCE = _Code("424361007", "SCT", "Using substance")
    MAY_GRUNWALD_GIEMSA = _Code("255803006", "SCT", "May-Grunwald Giemsa stain")


def coded(concept: Concept) -> Dataset:
    """A code sequence item."""
    item = Dataset()
    item.CodeValue = concept.value.value
    item.CodingSchemeDesignator = concept.value.scheme
    item.CodeMeaning = concept.value.meaning
    return item


def text_item(name: Concept, text: str) -> Dataset:
    """A TEXT content item of a specimen preparation step (TID 8001)."""
    item = Dataset()
    item.ValueType = "TEXT"
    item.ConceptNameCodeSequence = Sequence([coded(name)])
    item.TextValue = text
    return item


def code_item(name: Concept, concept: Concept) -> Dataset:
    """A CODE content item of a specimen preparation step (TID 8001)."""
    item = Dataset()
    item.ValueType = "CODE"
    item.ConceptNameCodeSequence = Sequence([coded(name)])
    item.ConceptCodeSequence = Sequence([coded(concept)])
    return item
