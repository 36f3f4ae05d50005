"""Content items and small templates, in the terms of this report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    CodedConcept,
    CompositeContentItem,
    Measurement,
    QualitativeEvaluation,
    TextContentItem,
)

from marrowcount.cytology.concepts import NO_UNITS
from marrowcount.workflow.identity import MANUFACTURER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

    from marrowcount.cytology.cell_types import Code
    from marrowcount.result import ModelIdentity

__all__ = [
    "MEAN",
    "algorithm",
    "annotation_reference",
    "coded",
    "comment",
    "count",
    "empty_undefined",
    "evaluation",
    "method",
    "number",
    "percent",
    "ratio",
    "text",
]

ARTIFICIAL_INTELLIGENCE: Final = ("123110", "DCM", "Artificial Intelligence")
MEAN: Final = ("373098007", "SCT", "Mean")
DIVIDE_BY_ZERO: Final = ("114003", "DCM", "Divide by zero")
SOURCE_OF_MEASUREMENT: Final = ("121112", "DCM", "Source of Measurement")
MEASUREMENT_METHOD: Final = ("370129005", "SCT", "Measurement Method")
COMMENT: Final = ("121106", "DCM", "Comment")
CONTAINS: Final = "CONTAINS"
HAS_CONCEPT_MODIFIER: Final = "HAS CONCEPT MOD"


def coded(code: Code) -> CodedConcept:
    """A code of the core as DICOM writes it."""
    return CodedConcept(code.value, code.scheme, code.meaning)


def count(name: Code, value: int, thing: str, algorithm_id: AlgorithmIdentification | None = None) -> Measurement:
    """A NUM of things counted, unit ``{things}``.

    Args:
        name: what the number means.
        value: how many.
        thing: what was counted, in the plural.
        algorithm_id: who decided, where it is not the group's algorithm.
    """
    measurement = Measurement(
        coded(name), value, CodedConcept(f"{{{thing}}}", "UCUM", thing), algorithm_id=algorithm_id
    )
    measurement[0].MeasuredValueSequence[0].NumericValue = str(value)  # highdicom would write 80 as 80.0
    return measurement


def percent(name: Code, value: float) -> Measurement:
    """A NUM in percent."""
    return Measurement(coded(name), value, CodedConcept("%", "UCUM", "percent"))


def ratio(name: Code, value: float | None) -> Measurement:
    """A NUM that is a ratio; undefined where None: its denominator was zero."""
    return _may_be_undefined(name, value, CodedConcept("{ratio}", "UCUM", "ratio"))


def number(name: Code, value: float | None) -> Measurement:
    """A NUM without unit; undefined where None."""
    return _may_be_undefined(name, value, coded(NO_UNITS))


def _may_be_undefined(name: Code, value: float | None, unit: CodedConcept) -> Measurement:
    if value is None:  # highdicom cannot leave the value out: see empty_undefined
        return Measurement(coded(name), 0, unit, qualifier=CodedConcept(*DIVIDE_BY_ZERO))
    return Measurement(coded(name), value, unit)


def empty_undefined(item: Dataset) -> None:
    """Take the value out of every NUM that its qualifier says is undefined (PS3.3 C.18.1), on the finished document."""
    for content in _descendants(item):
        if content.ValueType == "NUM" and "NumericValueQualifierCodeSequence" in content:
            content.MeasuredValueSequence = []


def _descendants(item: Dataset) -> Iterator[Dataset]:
    for content in item.get("ContentSequence", ()):
        yield content
        yield from _descendants(content)


def evaluation(name: Code, value: Code) -> QualitativeEvaluation:
    """A coded statement."""
    return QualitativeEvaluation(coded(name), coded(value))


def text(name: Code, value: str) -> TextContentItem:
    """A statement in words."""
    return TextContentItem(coded(name), value, CONTAINS)


def comment(value: str) -> TextContentItem:
    """A remark in words."""
    return TextContentItem(CodedConcept(*COMMENT), value, CONTAINS)


def method(code: Code) -> CodeContentItem:
    """How a group was measured (TID 1501 row 7)."""
    return CodeContentItem(CodedConcept(*MEASUREMENT_METHOD), coded(code), HAS_CONCEPT_MODIFIER)


def annotation_reference(annotation: Dataset) -> CompositeContentItem:
    """Points to the annotation instance that shows what was measured."""
    return CompositeContentItem(
        CodedConcept(*SOURCE_OF_MEASUREMENT), annotation.SOPClassUID, annotation.SOPInstanceUID, CONTAINS
    )


def algorithm(model: ModelIdentity) -> AlgorithmIdentification:
    """A model (TID 4019), with what makes it reproducible."""
    return AlgorithmIdentification(
        name=model.name,
        version=model.version,
        manufacturer=MANUFACTURER,
        parameters=(
            f"sha256={model.sha256}",
            f"threshold={model.threshold:g}",
            f"training data={model.training_data}",
        ),
        family=CodedConcept(*ARTIFICIAL_INTELLIGENCE),
    )
