"""What a measurement does not tell, in words: a figure without them is taken for more than it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import CellType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from marrowcount.evaluation import CellEvaluation, RegionEvaluation, SlidesEvaluation
    from marrowcount_adapters.evaluation_report.about import DataNote

__all__ = ["limits_of_cells", "limits_of_regions", "limits_of_slides"]

FEW_OBJECTS: Final = 30
"""With fewer, one object more or less moves a share by more than three points."""
FEW_UNITS: Final = 10
"""Percentile intervals of fewer units are too narrow."""

ELSEWHERE: Final = "Other laboratories, stains, scanners and populations than those of this data set."
READERS: Final = "How far readers agree among themselves: the truth here is one label for each object or picture."
INDEPENDENT: Final = (
    "How far the coverage is a matter of chance, exactly: its bounds take percentages for independent, while those of "
    "one slide sum to 100."
)
SPLIT: Final = (
    "Whether pictures of this data set were trained on: that follows from its splits and from the model's card alone."
)


def limits_of_cells(evaluation: CellEvaluation, data: DataNote) -> list[str]:
    """Of a cell model's evaluation."""
    counts = {kind: score.true_objects for kind, score in evaluation.scores.by_class.items()}
    absent = [kind.label for kind in CellType if not counts[kind]]
    few = [f"{kind.label} ({counts[kind]})" for kind in CellType if 0 < counts[kind] < FEW_OBJECTS]
    return [
        *([f"Classes without any object in the data: {', '.join(absent)}."] if absent else []),
        *([f"Classes of fewer than {FEW_OBJECTS} objects, whose figures say little: {', '.join(few)}."] if few else []),
        *_about_labels(data),
        *_about_units(evaluation.units, data),
        "Dysplasia and other differences within a class.",
        ELSEWHERE,
        READERS,
        SPLIT,
    ]


def limits_of_regions(evaluation: RegionEvaluation, data: DataNote) -> list[str]:
    """Of a ROI model's evaluation."""
    unfit = evaluation.tiles - evaluation.fit_tiles
    return [
        *([] if unfit and evaluation.fit_tiles else ["Pictures of one kind only: there is no curve and no area."]),
        *_about_units(evaluation.units, data),
        _mix(evaluation.fit_tiles, unfit),
        ELSEWHERE,
        READERS,
        SPLIT,
    ]


def limits_of_slides(evaluation: SlidesEvaluation) -> list[str]:
    """Of counted slides."""
    slides = evaluation.slides
    unfinished = [slide.name for slide in slides if slide.counted.reason in {"slide-exhausted", "cap"}]
    uncurved = [slide.name for slide in slides if not slide.counted.distances.size]
    said = f"The stopping rule on {', '.join(unfinished)}: reading ended for another reason (no tile left, or the cap)."
    read_out = [slide.name for slide in slides if not slide.sampled]
    whole = (
        f"Sampling on {', '.join(read_out)}: so many of the fit tiles were counted that little error of sampling is "
        "left, and intervals made for it hold the truth easily."
    )
    older = f"The convergence of {', '.join(uncurved)}: their results, of an older version, hold no curve."
    return [
        *([said] if unfinished else []),
        *([whole] if read_out else []),
        *([older] if uncurved else []),
        "Anything but slides of known truth; a phantom's cells are drawn, and look like nothing else.",
        "Classes outside the differential, and the places of the objects: see `evaluate cells`.",
        INDEPENDENT,
    ]


def _mix(fit: int, unfit: int) -> str:
    return (
        f"Any other mix than {fit} fit and {unfit} unfit pictures: accuracy, precision and negative predictive value "
        "follow the mix, which on a slide is 10-20 % fit (Tayebi 2022)."
    )


def _about_labels(data: DataNote) -> Iterator[str]:
    if data.incomplete:
        yield (
            f"Finds of kinds that nobody drew: on {data.incomplete} of {data.pictures} pictures not every kind was "
            "drawn, and what was found there of another kind counts neither for nor against the model. Precision, AP "
            "and LAMR know nothing of such finds, and flatter where many of them are false."
        )
    if data.unclassed:
        yield (
            f"The classes of {data.unclassed} nucleated cells that nobody stated: they count as nucleated cells only, "
            "and a class found on one of them counts neither as right nor as wrong."
        )
    if data.unknown_scale:
        yield f"{data.unknown_scale} pictures at their true scale: their resolution is not known."


def _about_units(units: int, data: DataNote) -> Iterator[str]:
    if data.groups or data.alone:
        yield (
            "Differences between patients: for part of the pictures nobody stated the patient, and intervals that take "
            "them for independent are too narrow where several are of one person."
        )
    if units < FEW_UNITS:
        yield f"Chance, reliably: intervals from {units} units are too narrow."
