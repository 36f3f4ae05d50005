"""The model card: what a model is for, what it was trained and measured on, what it must not be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import CellType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from marrowcount.slides.manifest import ModelManifest

__all__ = ["card_of", "commonest_confusions"]

CONFUSIONS: Final = 12
LEAST_TRUE: Final = 5
"""A class with fewer true objects says little about confusions."""

_TASK: Final = {
    "roi": (
        "Judges whether a 512 x 512 px tile (0.25 um/px) of a May-Gruenwald-Giemsa or Wright stained marrow smear is "
        "fit for cytology. DenseNet121, two outputs, on the tile's 2 x 2 area mean (256 x 256 px), pixels scaled to "
        "0..1; its last layer judges each place, and a smooth maximum over the places decides, since a tile is unfit "
        "where any part of it is (the paper's network takes the mean). Trained from random weights with cross entropy "
        "and AdamW; the paper's starts from ImageNet and learns more slowly."
    ),
    "cells": (
        "Finds and classifies 19 kinds of objects on a 512 x 512 px tile (0.25 um/px) of a marrow smear that was "
        "found fit. YOLO11n as defined by ultralytics, pixels scaled to 0..1, one forward pass; boxes of whatever "
        "class that overlap a more probable one by more than the suppression IoU are dropped. Trained from random "
        "weights."
    ),
}

_THRESHOLD: Final = {
    "roi": (
        "the lowest probability that reaches the wanted precision on validation slides of the phantom, but at least "
        "0.5; the paper's code uses 0.85"
    ),
    "cells": (
        "the class probability of the best mean F1 on validation slides of the phantom, where missed and false "
        "objects are in balance and counts are least biased; the paper uses 0.75 on its own network"
    ),
}


_USE: Final = (
    "Trying out the whole way from slide to report, developing, and as a start for training on real marrow. Not for "
    "patients: such a model must be trained and validated on the stain, scanner and population of its laboratory."
)

_DATA: Final = (
    "The phantom's slides differ in seed, diagnosis, stain and scanner look; tiles were turned, put together as "
    "mosaics, and changed in colour, light, focus, noise and JPEG quality. Beside unfit marrow, the ROI model saw "
    "drawn tissue sections, labels, noise and blank ground."
)

_MEASURED: Final = (
    "Measured **on the phantom**, on slides with seeds that neither training nor the choice of the threshold saw. They "
    "say how well the phantom was learnt, and **nothing about real marrow**, on which this model was never tested."
)

_ON: Final = {
    "roi": "Every tile of each slide was judged, fit and unfit as they come.",
    "cells": "Every fit tile of each slide was judged; means are over the paper's 16 classes but where it is said.",
}

_LIMITS: Final = {
    "roi": (
        "Tiles of which a small part, most often a corner, is empty, out of focus or overstained count as unfit in "
        "these figures, and many of them are accepted. What no phantom slide shows (folds, pen marks, edges of the "
        "cover slip, other stains) was never seen. A black picture is accepted; marrowcount leaves dark ground out "
        "before this model is asked."
    ),
    "cells": (
        "Dysplasia within a class is not seen. Blasts and lymphocytes, plasma cells and erythroblasts, and "
        "neighbouring stages of granulopoiesis are confused on real marrow even by models trained on it (Tayebi "
        "2022). Basophils, mast cells and other cells are rare and their figures uncertain."
    ),
}


def card_of(manifest: ModelManifest, confusions: tuple[str, ...]) -> str:
    """The text of ``MODEL_CARD.md``, every figure from the manifest."""
    cells = manifest.task == "cells"
    parts = (
        f"# {manifest.name} {manifest.version}",
        "**For research use only. Not for use in diagnostic procedures.**",
        _TASK[manifest.task],
        f"## Intended use\n{_USE}",
        f"## Training data\n{manifest.training_data} {_DATA}",
        f"## Threshold\n{manifest.threshold:g}: {_THRESHOLD[manifest.task]}.",
        f"## Figures\n{_MEASURED} {_ON[manifest.task]}\n\n{_means(manifest)}",
        *((_classes(manifest),) if cells else ()),
        *((f"## Commonest confusions on the phantom\n{_lines(confusions)}",) if confusions else ()),
        f"## Limits\n{_LIMITS[manifest.task]}",
        f"## Licence\n{manifest.licence}. The network definition of the cell model is ultralytics', AGPL-3.0.",
    )
    return "\n\n".join(parts) + "\n"


def commonest_confusions(matrix: NDArray[np.int64]) -> tuple[str, ...]:
    """The largest shares of a true class that were found as something else, in words."""
    true_counts = matrix.sum(axis=1)
    lines: list[tuple[float, str]] = []
    for true, found in np.argwhere(matrix[:-1] > 0):
        if true != found and true_counts[true] >= LEAST_TRUE:
            share = 100 * matrix[true, found] / true_counts[true]
            what = f"as {_name(found)}" if found < len(CellType) else "not at all"
            lines.append((float(share), f"{_name(true)} found {what}: {share:.1f} % of {true_counts[true]}"))
    return tuple(line for _, line in sorted(lines, reverse=True)[:CONFUSIONS])


def _lines(confusions: tuple[str, ...]) -> str:
    return "\n".join(f"- {line}" for line in confusions)


def _name(place: int) -> str:
    return CellType(int(place)).label


def _means(manifest: ModelManifest) -> str:
    rows = [f"| {name.replace('_', ' ')} | {value:g} |" for name, value in manifest.figures.items() if "/" not in name]
    return "\n".join(["| measure | value |", "| --- | --- |", *rows])


def _classes(manifest: ModelManifest) -> str:
    measures = ("true_objects", "found_objects", "precision", "recall", "f1", "average_precision")
    head = ["| class | " + " | ".join(measure.replace("_", " ") for measure in measures) + " |"]
    rule = ["| --- |" + " --- |" * len(measures)]
    rows = [
        f"| {label} | " + " | ".join(_figure(manifest, f"{label}/{measure}") for measure in measures) + " |"
        for label in manifest.classes
    ]
    return "Each class, average precision at IoU 0.5 with 11 points:\n\n" + "\n".join(head + rule + rows)


def _figure(manifest: ModelManifest, name: str) -> str:
    return f"{manifest.figures[name]:g}" if name in manifest.figures else "-"
