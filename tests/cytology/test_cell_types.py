"""The table of codes: complete, well formed, told apart."""

from __future__ import annotations

import re

import pytest

from marrowcount.cytology.cell_types import (
    CHI_SQUARE_CLASSES,
    CODES,
    ERYTHROID_CLASSES,
    LOCAL_SCHEME,
    MYELOID_CLASSES,
    NDC_CLASSES,
    PAPER_MYELOID_CLASSES,
    PAPER_SCORED_CLASSES,
    CellType,
    Code,
    Grade,
)

DIHEDRAL = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)

ALL_CODES = [
    code
    for codes in CODES.values()
    for code in (codes.primary, codes.modifier, codes.category, codes.local, codes.cell_ontology)
    if code is not None
]


def verhoeff_holds(number: str) -> bool:
    """Check digit of SNOMED CT identifiers (Verhoeff 1969)."""
    check = 0
    for place, digit in enumerate(reversed(number)):
        turned = int(digit)
        for _ in range(place % 8):
            turned = PERMUTATION[turned]
        check = DIHEDRAL[check][turned]
    return check == 0


def test_the_check_digit_is_computed_right() -> None:
    """The algorithm knows right numbers from wrong ones."""
    assert verhoeff_holds("14016003")
    assert not verhoeff_holds("14016004")
    assert not verhoeff_holds("41016003")


def test_every_class_has_its_codes() -> None:
    """The table holds all 19 classes, each with a local code."""
    assert len(CellType) == 19
    assert set(CODES) == set(CellType)
    assert all(codes.local.scheme == LOCAL_SCHEME and codes.local.grade is Grade.LOCAL for codes in CODES.values())


def test_the_order_is_that_of_the_model() -> None:
    """Class numbers are the outputs of the cell model, from 0 without gap."""
    assert [int(cell_type) for cell_type in CellType] == list(range(19))
    assert CellType.NEUTROPHIL == 0
    assert CellType.MAST_CELL == 18


@pytest.mark.parametrize("cell_type", CellType)
def test_a_label_leads_back_to_its_class(cell_type: CellType) -> None:
    """Names in words, however written, name the class."""
    assert CellType.from_label(cell_type.label) is cell_type
    assert CellType.from_label(f" {cell_type.label.upper().replace(' ', '-')} ") is cell_type


def test_an_unknown_label_names_the_known_ones() -> None:
    """The message about an unknown class lists all."""
    with pytest.raises(ValueError, match="mast cell"):
        CellType.from_label("red cell")


@pytest.mark.parametrize("code", ALL_CODES, ids=lambda code: f"{code.scheme}:{code.value}")
def test_codes_fit_dicom(code: Code) -> None:
    """Value and scheme are at most 16 characters (VR SH), the meaning at most 64 (VR LO)."""
    assert 0 < len(code.value) <= 16
    assert 0 < len(code.scheme) <= 16
    assert 0 < len(code.meaning) <= 64
    assert code.value.strip() == code.value


@pytest.mark.parametrize("code", [code for code in ALL_CODES if code.scheme == "SCT"], ids=lambda code: code.value)
def test_snomed_codes_pass_their_check_digit(code: Code) -> None:
    """A mistyped SNOMED CT identifier fails Verhoeff."""
    assert code.value.isdecimal()
    assert verhoeff_holds(code.value)


@pytest.mark.parametrize("code", [code for code in ALL_CODES if code.scheme == "CL"], ids=lambda code: code.value)
def test_cell_ontology_codes_are_well_formed(code: Code) -> None:
    """A Cell Ontology class is CL and seven digits."""
    assert re.fullmatch(r"CL:\d{7}", code.value)


def test_schemes_are_known() -> None:
    """Nothing but SNOMED CT, the Cell Ontology and our own scheme codes a class in DICOM."""
    assert {code.scheme for code in ALL_CODES} == {"SCT", "CL", LOCAL_SCHEME}
    assert LOCAL_SCHEME.startswith("99")


def test_local_codes_are_told_apart() -> None:
    """No two classes share a local code or its meaning."""
    assert len({codes.local.value for codes in CODES.values()}) == 19
    assert len({codes.local.meaning for codes in CODES.values()}) == 19


def test_classes_are_told_apart_in_dicom() -> None:
    """Primary code and modifier together name one class only."""
    named = {(codes.primary.value, codes.modifier.value if codes.modifier else None) for codes in CODES.values()}
    assert len(named) == 19


def test_the_sets_of_classes() -> None:
    """ICSH counts the mast cell and not the megakaryocyte; Eq. 1 does the reverse; ratios count NDC classes only."""
    assert len(NDC_CLASSES) == len(set(NDC_CLASSES)) == 12
    assert len(CHI_SQUARE_CLASSES) == len(set(CHI_SQUARE_CLASSES)) == 12
    assert set(NDC_CLASSES) - set(CHI_SQUARE_CLASSES) == {CellType.MAST_CELL}
    assert set(CHI_SQUARE_CLASSES) - set(NDC_CLASSES) == {CellType.MEGAKARYOCYTE}
    assert set(MYELOID_CLASSES) - set(PAPER_MYELOID_CLASSES) == {CellType.BASOPHIL, CellType.MONOCYTE}
    assert set(PAPER_MYELOID_CLASSES) < set(MYELOID_CLASSES) < set(NDC_CLASSES)
    assert ERYTHROID_CLASSES == (CellType.ERYTHROBLAST,)
    assert set(CellType) - set(PAPER_SCORED_CLASSES) == {CellType.BASOPHIL, CellType.MAST_CELL, CellType.OTHER_CELL}


def test_what_is_no_cell_has_no_cell_ontology() -> None:
    """Debris, clumps and bare nuclei are no cells."""
    without = {cell_type for cell_type in CellType if CODES[cell_type].cell_ontology is None}
    assert without == {CellType.DEBRIS, CellType.PLATELET_CLUMP, CellType.MEGAKARYOCYTE_NUCLEUS}
