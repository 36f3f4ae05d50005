"""LOINC terms of the classes' shares, from ``loinc.csv``, and the rule which of them a count may carry.

No LOINC term is known for a class of the marrow differential "by Automated count". A term without a method may stand on
any count; one "by Manual count" says that a person counted, and may stand only on what a person answers for.

This material contains content from LOINC (https://loinc.org). LOINC is copyright Regenstrief Institute, Inc. and the
LOINC Committee, and is available at no cost under the licence at https://loinc.org/license.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from marrowcount.cytology.cell_types import CellType, Code, Grade

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CodePolicy", "LoincMethod", "LoincTerm", "loinc_code", "loinc_terms"]


class LoincMethod(StrEnum):
    """The method axis of a LOINC term."""

    NONE = "none"
    MANUAL = "manual"


class CodePolicy(StrEnum):
    """Which LOINC terms a class's percentage carries beside marrowcount's own code."""

    STRICT = "strict"
    """Terms without a method only, whoever answers for the count."""
    NEAREST = "nearest"
    """Also terms "by Manual count", once a person answers for the count; a site's laboratory must want that."""


@dataclass(frozen=True, slots=True)
class LoincTerm:
    """The LOINC term for a class's share of the nucleated cells of the marrow.

    Attributes:
        display: the term's long common name.
        grade: how far its meaning was verified.
        source: where, in words.
        unit: UCUM.
        in_ndc: whether the class is in the denominator (ICSH 2008).
        me_side: ``M`` or ``E`` for the side of the M:E ratio (ICSH 2008); empty for neither.
    """

    cell_type: CellType
    value: str
    display: str
    method: LoincMethod
    grade: Grade
    source: str
    unit: str
    in_ndc: bool
    me_side: str


@cache
def loinc_terms() -> Mapping[CellType, LoincTerm]:
    """The table by class; a class that LOINC has no term for is not in it."""
    text = files("marrowcount.cytology").joinpath("loinc.csv").read_text(encoding="utf-8")
    terms = map(_term, csv.DictReader(text.splitlines()))
    return MappingProxyType({term.cell_type: term for term in terms})


def _term(row: Mapping[str, str]) -> LoincTerm:
    return LoincTerm(
        cell_type=CellType.from_label(row["class"]),
        value=row["loinc"],
        display=row["display"],
        method=LoincMethod(row["method"]),
        grade=Grade(row["grade"]),
        source=row["source"],
        unit=row["unit"],
        in_ndc=row["in_ndc"] == "yes",
        me_side=row["me_side"],
    )


def loinc_code(cell_type: CellType, policy: CodePolicy = CodePolicy.STRICT, *, released: bool = False) -> Code | None:
    """The LOINC term that a class's percentage carries; None where it carries none.

    Args:
        cell_type: the class.
        policy: of the site.
        released: whether a person answers for the count; a machine's never carries a manual method.
    """
    term = loinc_terms().get(cell_type)
    if term is None or not _allowed(term, policy, released=released):
        return None
    return Code(term.value, "LN", term.display, term.grade)


def _allowed(term: LoincTerm, policy: CodePolicy, *, released: bool) -> bool:
    if term.method is LoincMethod.NONE:
        return term.grade is Grade.A
    return policy is CodePolicy.NEAREST and released
