"""The table of LOINC terms, and which of them a count may carry."""

from __future__ import annotations

import re

import pytest

from marrowcount.cytology.cell_types import ERYTHROID_CLASSES, MYELOID_CLASSES, NDC_CLASSES, CellType, Grade
from marrowcount.cytology.loinc import CodePolicy, LoincMethod, LoincTerm, loinc_code, loinc_terms

TERMS = tuple(loinc_terms().values())

TRAPS = {
    "11104-7",  # gets swapped with 11105-4
    "11131-0",  # deprecated
    "26098-4",  # an X-ray of the ankle
    "11103-9", "11128-6",  # bands or segmented forms alone; the class holds both
    "51580-9", "56960-8", "50725-1", "53125-1",  # shares of the leukocytes, not of the nucleated cells
    "55792-6", "82587-7", "82588-5",  # per volume
}  # fmt: skip


def mod_10_of(number: str) -> int:
    """Check digit of LOINC terms: digits at odd places from the right doubled, digits of all summed."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(number)))
    return -sum(sum(map(int, str(value))) for value in doubled) % 10


def test_the_check_digit_is_computed_right() -> None:
    """The algorithm gives the known digits of two well-known terms."""
    assert mod_10_of("2160") == 0
    assert mod_10_of("718") == 7


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.value)
def test_terms_pass_their_check_digit(term: LoincTerm) -> None:
    """A mistyped LOINC term fails its check digit."""
    form = re.fullmatch(r"(\d{1,7})-(\d)", term.value)
    assert form
    assert mod_10_of(form[1]) == int(form[2])


def test_terms_are_told_apart() -> None:
    """No two classes share a LOINC term, and no row is lost by naming a class twice."""
    assert len({term.value for term in TERMS}) == len(TERMS) == 15


def test_no_term_is_of_blood_or_another_trap() -> None:
    """26444-0 to 26468-9, given for marrow in some public tables, are terms of blood; others mislead as well."""
    assert not [term.value for term in TERMS if 26444 <= int(term.value.split("-")[0]) <= 26468]
    assert not TRAPS & {term.value for term in TERMS}
    assert all("/cells in Bone marrow" in term.display for term in TERMS)
    assert not [term for term in TERMS if "Blood" in term.display or "100" in term.display]


def test_a_manual_method_is_said_by_name() -> None:
    """A term's display says by manual count exactly where its method axis does."""
    for term in TERMS:
        assert term.display.endswith("by Manual count") == (term.method is LoincMethod.MANUAL)


def test_the_table_agrees_with_the_counting_rules() -> None:
    """Denominator and sides of the ratio are those of ICSH 2008 as the count uses them; all are percentages."""
    assert {term.cell_type for term in TERMS if term.in_ndc} == set(NDC_CLASSES)
    assert {term.cell_type for term in TERMS if term.me_side == "M"} == set(MYELOID_CLASSES)
    assert {term.cell_type for term in TERMS if term.me_side == "E"} == set(ERYTHROID_CLASSES)
    assert {term.unit for term in TERMS} == {"%"}


def test_every_term_names_its_source() -> None:
    """Grade A rests on two sources or on an export of the terminology, B on one, and nothing is unverified."""
    for term in TERMS:
        sources = term.source.split("; ")
        assert all(sources)
        assert (len(sources) > 1 or "export" in term.source) == (term.grade is Grade.A)
    assert {term.grade for term in TERMS} == {Grade.A, Grade.B}


@pytest.mark.parametrize("policy", CodePolicy)
@pytest.mark.parametrize("cell_type", CellType)
def test_a_machine_claims_no_manual_method(cell_type: CellType, policy: CodePolicy) -> None:
    """Whatever the policy, only a method-less term that was verified twice goes on what nobody answers for."""
    code = loinc_code(cell_type, policy)
    term = loinc_terms().get(cell_type)
    methodless = term is not None and term.method is LoincMethod.NONE and term.grade is Grade.A
    assert (code is not None) == methodless
    assert code is None or "Manual" not in code.meaning


def test_blasts_and_eosinophils_have_machine_codes() -> None:
    """The two method-less terms of the differential are used."""
    machine = {each: code.value for each in NDC_CLASSES if (code := loinc_code(each))}
    assert machine == {CellType.BLAST: "11150-0", CellType.EOSINOPHIL: "11152-6"}


def test_strict_never_claims_a_manual_method() -> None:
    """A person's answer does not change the codes where the policy is strict."""
    assert [loinc_code(each, CodePolicy.STRICT, released=True) for each in CellType] == [
        loinc_code(each) for each in CellType
    ]


def test_nearest_codes_every_class_once_a_person_answers() -> None:
    """With the policy nearest every class of the differential has a term when a person answers for it."""
    codes = [loinc_code(each, CodePolicy.NEAREST, released=True) for each in NDC_CLASSES]
    assert None not in codes
