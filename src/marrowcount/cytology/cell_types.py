"""The 19 kinds of objects, their codes and the named sets of classes.

The order is that of the paper's own class list (Tayebi 2022), and is the order of the cell model's outputs.
Each code carries its grade of verification: how sure we are that the code means what we use it for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CHI_SQUARE_CLASSES",
    "CODES",
    "ERYTHROID_CLASSES",
    "MYELOID_CLASSES",
    "NDC_CLASSES",
    "NUCLEATED_CLASSES",
    "PAPER_MYELOID_CLASSES",
    "PAPER_SCORED_CLASSES",
    "CellCodes",
    "CellType",
    "Code",
    "Grade",
]


class CellType(IntEnum):
    """One of the 19 kinds of objects that the cell model tells apart."""

    NEUTROPHIL = 0
    METAMYELOCYTE = 1
    MYELOCYTE = 2
    PROMYELOCYTE = 3
    BLAST = 4
    ERYTHROBLAST = 5
    MEGAKARYOCYTE_NUCLEUS = 6
    LYMPHOCYTE = 7
    MONOCYTE = 8
    PLASMA_CELL = 9
    EOSINOPHIL = 10
    BASOPHIL = 11
    MEGAKARYOCYTE = 12
    OTHER_CELL = 13
    DEBRIS = 14
    HISTIOCYTE = 15
    PLATELET = 16
    PLATELET_CLUMP = 17
    MAST_CELL = 18

    @property
    def label(self) -> str:
        """The class name in words, as in the paper: ``"megakaryocyte nucleus"``."""
        return self.name.lower().replace("_", " ")

    @classmethod
    def from_label(cls, label: str) -> CellType:
        """The class of a name in words.

        Raises:
            ValueError: no class has that name.
        """
        try:
            return cls[label.strip().upper().replace(" ", "_").replace("-", "_")]
        except KeyError:
            names = ", ".join(cell_type.label for cell_type in cls)
            msg = f"no cell class is called {label!r}; the classes are: {names}"
            raise ValueError(msg) from None


class Grade(StrEnum):
    """How far a code's meaning was verified; anything below A wants a terminologist's eye before clinical use."""

    A = "A"
    """Two or more independent public sources, or an export of the terminology itself."""
    B = "B"
    """One public source."""
    C = "C"
    """Unverified, or verified with doubt."""
    LOCAL = "local"
    """marrowcount's own code; it means what marrowcount says."""


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept: value, coding scheme designator (PS3.16 section 8), meaning, grade of verification."""

    value: str
    scheme: str
    meaning: str
    grade: Grade


@dataclass(frozen=True, slots=True)
class CellCodes:
    """All codes of one class.

    Attributes:
        primary: what stands in DICOM as the property type (CID 8135, extensible) and as SR finding.
        modifier: property type modifier, where one code does not say it all (megakaryocyte nucleus).
        category: DICOM property category (CID 7150).
        local: marrowcount's own code, present for every class; beside a LOINC term (:mod:`marrowcount.cytology.loinc`)
            in health records, or alone.
        cell_ontology: OBO Cell Ontology class, None for what is not a cell.
    """

    primary: Code
    modifier: Code | None
    category: Code
    local: Code
    cell_ontology: Code | None


LOCAL_SCHEME: Final = "99MARROWCOUNT"
"""Private coding scheme designator (PS3.16 section 8: begins with 99, at most 16 characters)."""

_ANATOMICAL_STRUCTURE = Code("91723000", "SCT", "Anatomical structure", Grade.A)
_SUBSTANCE = Code("105590001", "SCT", "Substance", Grade.A)
_PHYSICAL_OBJECT = Code("260787004", "SCT", "Physical object", Grade.A)
_MEGAKARYOCYTE = Code("23592000", "SCT", "Megakaryocyte", Grade.A)


def _local(value: str, meaning: str) -> Code:
    return Code(value, LOCAL_SCHEME, meaning, Grade.LOCAL)


def _cl(number: str, meaning: str) -> Code:
    return Code(f"CL:{number}", "CL", meaning, Grade.A)


def _cell(primary: Code, local: Code, cell_ontology: Code) -> CellCodes:
    return CellCodes(primary, None, _ANATOMICAL_STRUCTURE, local, cell_ontology)


# SNOMED CT: grade A where a public DICOM conversion of real marrow slides uses the code with this meaning
# (IDC BoneMarrowWSI-PediatricLeukemia), B where one public value set does.
CODES: Final[Mapping[CellType, CellCodes]] = MappingProxyType(
    {
        CellType.NEUTROPHIL: _cell(
            # The class merges bands and segmented forms. The SNOMED code for a neutrophil in general is unverified,
            # that for the segmented form alone is too narrow: hence the Cell Ontology's general class.
            Code("CL:0000775", "CL", "Neutrophil", Grade.A),
            _local("NEUTROPHIL", "Neutrophil, band or segmented"),
            _cl("0000775", "neutrophil"),
        ),
        CellType.METAMYELOCYTE: _cell(
            Code("50134008", "SCT", "Neutrophilic metamyelocyte", Grade.A),
            _local("METAMYELOCYTE", "Metamyelocyte"),
            _cl("0002192", "metamyelocyte"),
        ),
        CellType.MYELOCYTE: _cell(
            Code("4717004", "SCT", "Neutrophilic myelocyte", Grade.A),
            _local("MYELOCYTE", "Myelocyte"),
            _cl("0002193", "myelocyte"),
        ),
        CellType.PROMYELOCYTE: _cell(
            Code("43446009", "SCT", "Promyelocyte", Grade.A),
            _local("PROMYELOCYTE", "Promyelocyte"),
            _cl("0000836", "promyelocyte"),
        ),
        CellType.BLAST: _cell(
            Code("312256009", "SCT", "Blast cell", Grade.A),
            _local("BLAST", "Blast, lineage not told apart"),
            _cl("0000000", "cell"),
        ),
        CellType.ERYTHROBLAST: _cell(
            # SNOMED CT codes exist for the stages only; the class holds all of them.
            Code("CL:0000765", "CL", "Erythroblast", Grade.A),
            _local("ERYTHROBLAST", "Erythroblast, all stages"),
            _cl("0000765", "erythroblast"),
        ),
        CellType.MEGAKARYOCYTE_NUCLEUS: CellCodes(
            Code("84640000", "SCT", "Nucleus", Grade.A),
            _MEGAKARYOCYTE,
            _ANATOMICAL_STRUCTURE,
            _local("MEGA_NUCLEUS", "Bare megakaryocyte nucleus"),
            None,
        ),
        CellType.LYMPHOCYTE: _cell(
            Code("56972008", "SCT", "Lymphocyte", Grade.A),
            _local("LYMPHOCYTE", "Lymphocyte"),
            _cl("0000542", "lymphocyte"),
        ),
        CellType.MONOCYTE: _cell(
            Code("55918008", "SCT", "Monocyte", Grade.A),
            _local("MONOCYTE", "Monocyte"),
            _cl("0000576", "monocyte"),
        ),
        CellType.PLASMA_CELL: _cell(
            Code("113335003", "SCT", "Plasma cell", Grade.A),
            _local("PLASMA_CELL", "Plasma cell"),
            _cl("0000786", "plasma cell"),
        ),
        CellType.EOSINOPHIL: _cell(
            Code("14793004", "SCT", "Eosinophil", Grade.A),
            _local("EOSINOPHIL", "Eosinophil"),
            _cl("0000771", "eosinophil"),
        ),
        CellType.BASOPHIL: _cell(
            Code("30061004", "SCT", "Basophil", Grade.A),
            _local("BASOPHIL", "Basophil"),
            _cl("0000767", "basophil"),
        ),
        CellType.MEGAKARYOCYTE: _cell(
            _MEGAKARYOCYTE,
            _local("MEGAKARYOCYTE", "Megakaryocyte"),
            _cl("0000556", "megakaryocyte"),
        ),
        CellType.OTHER_CELL: CellCodes(
            Code("4421005", "SCT", "Cell", Grade.A),
            Code("74964007", "SCT", "Other", Grade.A),
            _ANATOMICAL_STRUCTURE,
            _local("OTHER_CELL", "Cell not classified with certainty"),
            _cl("0000000", "cell"),
        ),
        CellType.DEBRIS: CellCodes(
            Code("257159000", "SCT", "Debris", Grade.A),
            None,
            _SUBSTANCE,
            _local("DEBRIS", "Debris, smudged cell or artefact"),
            None,
        ),
        CellType.HISTIOCYTE: _cell(
            Code("14295007", "SCT", "Histiocyte", Grade.B),
            _local("HISTIOCYTE", "Histiocyte or macrophage"),
            _cl("0000235", "macrophage"),
        ),
        CellType.PLATELET: _cell(
            Code("16378004", "SCT", "Platelet", Grade.A),
            _local("PLATELET", "Platelet"),
            _cl("0000233", "platelet"),
        ),
        CellType.PLATELET_CLUMP: CellCodes(
            # SNOMED CT 60649002 names the process of aggregation, not the thing seen.
            _local("PLATELET_CLUMP", "Platelet clump"),
            None,
            _PHYSICAL_OBJECT,
            _local("PLATELET_CLUMP", "Platelet clump"),
            None,
        ),
        CellType.MAST_CELL: _cell(
            Code("6445007", "SCT", "Mast cell", Grade.A),
            _local("MAST_CELL", "Mast cell"),
            _cl("0000097", "mast cell"),
        ),
    }
)
"""The one table of codes; read it, do not repeat it."""

NDC_CLASSES: Final = (
    CellType.BLAST,
    CellType.PROMYELOCYTE,
    CellType.MYELOCYTE,
    CellType.METAMYELOCYTE,
    CellType.NEUTROPHIL,
    CellType.EOSINOPHIL,
    CellType.BASOPHIL,
    CellType.MAST_CELL,
    CellType.MONOCYTE,
    CellType.LYMPHOCYTE,
    CellType.PLASMA_CELL,
    CellType.ERYTHROBLAST,
)
"""The denominator of the nucleated differential count (ICSH 2008), in the order of a laboratory report."""

CHI_SQUARE_CLASSES: Final = (
    CellType.NEUTROPHIL,
    CellType.METAMYELOCYTE,
    CellType.MYELOCYTE,
    CellType.PROMYELOCYTE,
    CellType.BLAST,
    CellType.ERYTHROBLAST,
    CellType.LYMPHOCYTE,
    CellType.MONOCYTE,
    CellType.PLASMA_CELL,
    CellType.EOSINOPHIL,
    CellType.BASOPHIL,
    CellType.MEGAKARYOCYTE,
)
"""The classes of the chi-square distance (Tayebi 2022, Eq. 1): the megakaryocyte in, the mast cell out."""

MYELOID_CLASSES: Final = (
    CellType.BLAST,
    CellType.PROMYELOCYTE,
    CellType.MYELOCYTE,
    CellType.METAMYELOCYTE,
    CellType.NEUTROPHIL,
    CellType.EOSINOPHIL,
    CellType.BASOPHIL,
    CellType.MONOCYTE,
)
"""Numerator of the ICSH 2008 M:E ratio; blasts are counted here without knowing their lineage."""

PAPER_MYELOID_CLASSES: Final = (
    CellType.BLAST,
    CellType.PROMYELOCYTE,
    CellType.MYELOCYTE,
    CellType.METAMYELOCYTE,
    CellType.NEUTROPHIL,
    CellType.EOSINOPHIL,
)
"""Numerator of BMME (Tayebi 2022, Eq. 2)."""

ERYTHROID_CLASSES: Final = (CellType.ERYTHROBLAST,)
"""Denominator of both ratios."""

PAPER_SCORED_CLASSES: Final = tuple(
    cell_type for cell_type in CellType if cell_type not in {CellType.BASOPHIL, CellType.MAST_CELL, CellType.OTHER_CELL}
)
"""The 16 classes over which the paper averages its detection scores (table 3)."""

NUCLEATED_CLASSES: Final = tuple(
    cell_type
    for cell_type in CellType
    if cell_type not in {CellType.DEBRIS, CellType.PLATELET, CellType.PLATELET_CLUMP}
)
"""What a nucleated cell of unstated class ("WBC") may be."""
