"""What is wrong with a data set: leaks between its splits, boxes that cannot be, classes without an object."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets.examples import Split
from marrowcount.datasets.mapping import class_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from marrowcount.datasets.examples import Dataset, Example, LabelledBox

__all__ = ["Finding", "Severity", "check_dataset"]

OUTSIDE_PX: Final = 0.01
"""Less than this beyond the picture's edge is rounding."""

LEAST_PX: Final = 3.0
LEAST_UM: Final = 1.0
"""A platelet has 2 to 3 um; a smaller side is a slip of the hand."""

MOST_UM: Final = 160.0
"""The largest megakaryocytes have about 100 um."""

SAME_BOX: Final = 0.9
"""Intersection over union from which two boxes are one object drawn twice."""

NAMED: Final = 20
"""A finding names no more examples than these; it counts all."""


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Figures measured on this data set would be wrong."""
    WARNING = "warning"
    """Somebody should look."""
    NOTE = "note"
    """Good to know."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, on one or several examples.

    Attributes:
        code: stable, lower case with hyphens.
        severity: how much it matters.
        message: what is wrong and what to do.
        examples: names of the first examples concerned; may be empty where the whole data set is.
        count: of all that are concerned.
    """

    code: str
    severity: Severity
    message: str
    examples: tuple[str, ...] = ()
    count: int = 1


def check_dataset(dataset: Dataset) -> tuple[Finding, ...]:
    """All findings, errors first. What is measured on pixels (are they still those imported?) is not looked at here."""
    found = [*_names(dataset), *_leaks(dataset), *_repeats(dataset), *_boxes(dataset), *_classes(dataset)]
    found += _gaps(dataset)
    return tuple(sorted(found, key=lambda finding: list(Severity).index(finding.severity)))


def _finding(code: str, severity: Severity, message: str, names: Iterable[str]) -> Finding:
    listed = sorted(names)
    return Finding(code, severity, message, tuple(listed[:NAMED]), len(listed))


def _names(dataset: Dataset) -> Iterator[Finding]:
    repeated = [name for name, count in Counter(example.name for example in dataset.examples).items() if count > 1]
    if repeated:
        yield _finding("name-repeated", Severity.ERROR, "several examples have one name; import again", repeated)


def _leaks(dataset: Dataset) -> Iterator[Finding]:
    bonds: tuple[tuple[str, str, Callable[[Example], str]], ...] = (
        ("leak-picture", "the same picture", lambda example: example.digest),
        ("leak-patient", "pictures of one patient", lambda example: example.patient),
        ("leak-group", "pictures of one group", lambda example: example.group),
    )
    for code, what, bond in bonds:
        for together in _bundles(dataset.examples, bond).values():
            splits = sorted({example.split for example in together if example.split is not None})
            if len(splits) > 1:
                said = f"{what} lie in {' and '.join(splits)}; split the data set anew"
                yield _finding(code, Severity.ERROR, said, (example.name for example in together))


def _repeats(dataset: Dataset) -> Iterator[Finding]:
    for together in _bundles(dataset.examples, lambda example: example.digest).values():
        if len(together) > 1:
            alike = len({example.objects for example in together}) == 1
            said = "the same picture is there several times" if alike else "one picture has different objects"
            code = "picture-repeated" if alike else "objects-differ"
            names = (example.name for example in together)
            yield _finding(code, Severity.WARNING, f"{said}; leave out all but one", names)


def _bundles(examples: Iterable[Example], bond: Callable[[Example], str]) -> Mapping[str, list[Example]]:
    bundles: defaultdict[str, list[Example]] = defaultdict(list)
    for example in examples:
        if bond(example):
            bundles[bond(example)].append(example)
    return bundles


def _boxes(dataset: Dataset) -> Iterator[Finding]:
    rules: tuple[tuple[str, Severity, str, Callable[[Example, LabelledBox], bool]], ...] = (
        ("box-empty", Severity.ERROR, "boxes without area; draw them again", _is_empty),
        ("box-outside", Severity.ERROR, "boxes reach beyond their picture; draw them again", _is_outside),
        ("box-tiny", Severity.WARNING, "boxes smaller than any object; look at them", _is_tiny),
        ("box-huge", Severity.WARNING, "boxes larger than any cell; look at them, and at the resolution", _is_huge),
    )
    for code, severity, said, is_so in rules:
        names = [
            example.name for example in dataset.examples if any(is_so(example, one) for one in example.objects or ())
        ]
        if names:
            yield _finding(code, severity, said, names)
    twice = [example.name for example in dataset.examples if _has_box_twice(example)]
    if twice:
        yield _finding("box-repeated", Severity.WARNING, "one object is boxed twice; take one box away", twice)


def _is_empty(_: Example, one: LabelledBox) -> bool:
    return not (one.box.width > 0 and one.box.height > 0)


def _is_outside(example: Example, one: LabelledBox) -> bool:
    box, size = one.box, example.size
    return max(-box.left, -box.top, box.right - size.width, box.bottom - size.height) > OUTSIDE_PX


def _is_tiny(example: Example, one: LabelledBox) -> bool:
    if _is_empty(example, one):
        return False
    side = min(one.box.width, one.box.height)
    return side < LEAST_PX or side * (example.um_per_px or LEAST_UM) < LEAST_UM


def _is_huge(example: Example, one: LabelledBox) -> bool:
    return max(one.box.width, one.box.height) * (example.um_per_px or 0.0) > MOST_UM


def _has_box_twice(example: Example) -> bool:
    boxes = sorted((one.box for one in example.objects or ()), key=lambda box: box.left)
    for place, box in enumerate(boxes):
        for other in boxes[place + 1 :]:
            if other.left >= box.right:
                break
            if box.intersection_over_union(other) >= SAME_BOX:
                return True
    return False


def _classes(dataset: Dataset) -> Iterator[Finding]:
    seen = {
        split: _kinds(example for example in dataset.examples if example.split is split) for split in (*Split, None)
    }
    everywhere = set[CellType | None]().union(*seen.values())
    absent = [class_name(kind) for kind in CellType if kind not in everywhere]
    if everywhere and absent:
        yield _finding("class-absent", Severity.NOTE, "classes without an object, which no model can learn", absent)
    present = [split for split in Split if any(True for _ in dataset.of(split))]
    for kind in sorted(everywhere, key=class_name):
        without = [split for split in present if kind not in seen[split]]
        if without:
            said = f"{class_name(kind)} has no object in {', '.join(without)}"
            yield Finding(
                "class-absent-in-split", Severity.WARNING, f"{said}; split anew or add pictures", (), len(without)
            )


def _kinds(examples: Iterable[Example]) -> set[CellType | None]:
    return {one.cell_type for example in examples for one in example.objects or ()}


def _gaps(dataset: Dataset) -> Iterator[Finding]:
    gaps: tuple[tuple[str, Severity, str, Callable[[Example], bool]], ...] = (
        ("unsplit", Severity.WARNING, "examples in no split; run split", lambda example: example.split is None),
        (
            "patient-unknown",
            Severity.NOTE,
            "examples of unknown patient and group: a split cannot keep a patient's pictures together",
            lambda example: not (example.patient or example.group),
        ),
        (
            "resolution-unknown",
            Severity.NOTE,
            "examples of unknown resolution: they cannot be brought to that of a model",
            lambda example: example.um_per_px is None,
        ),
        ("unlabelled", Severity.NOTE, "examples that nobody boxed", lambda example: example.objects is None),
    )
    for code, severity, said, is_so in gaps:
        names = [example.name for example in dataset.examples if is_so(example)]
        if names:
            yield _finding(code, severity, said, names)
