"""The model card: what a model is for, what it was trained and measured on, what it must not be used for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from marrowcount.cytology.cell_types import CellType
from marrowcount.slides.manifest import INT8_FILE
from marrowcount_adapters.training.card_tables import class_table, examples_table, figures_table, measurement_part

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
        "where any part of it is (the paper's network takes the mean)."
    ),
    "cells": (
        "Finds and classifies 19 kinds of objects on a 512 x 512 px tile (0.25 um/px) of a marrow smear that was "
        "found fit. YOLO11 as defined by ultralytics, pixels scaled to 0..1, one forward pass; boxes of whatever "
        "class that overlap a more probable one by more than the suppression IoU are dropped."
    ),
}

_THRESHOLD: Final = {
    "roi": (
        "the lowest probability that reaches the wanted precision on validation tiles, but at least 0.5; the paper's "
        "code uses 0.85"
    ),
    "cells": (
        "the class probability of the best mean F1 on validation tiles, where missed and false objects are in balance "
        "and counts are least biased; the paper uses 0.75 on its own network"
    ),
}

_USE: Final = (
    "Trying out the whole way from slide to report, developing, and as a start for training on real marrow. Not for "
    "patients: such a model must be trained and validated on the stain, scanner and population of its laboratory."
)

_LICENCES: Final = (
    "What the phantom draws is this program's own work and under its licence; of data sets the licences stand beside "
    "their names."
)

_AUGMENTATION: Final = {
    "roi": (
        "Tiles were turned and changed in stain, colour, light, noise and JPEG quality; beside them the model saw "
        "drawn tissue sections, labels, noise and blank ground."
    ),
    "cells": (
        "Tiles were turned, scaled a little, put together of parts of several, and changed in stain, colour, light, "
        "focus, noise and JPEG quality."
    ),
}

_MEASURED: Final = (
    "No picture measured on was trained on, nor used to choose the threshold. The model was never tested on marrow of "
    "patients, unless the lines above or the notes below say so; figures of the phantom say how well the phantom was "
    "learnt, and **nothing about real marrow**."
)

_ON: Final = {
    "roi": "Fit and unfit tiles are judged as they come.",
    "cells": "Means are over the paper's 16 classes but where it is said.",
}

_LIMITS: Final = {
    "roi": (
        "Where phantom tiles are measured on, a tile counts as unfit from about 2 % of faulty ground on, and from a "
        "quarter of bare glass on; most of what is judged wrongly lies near these limits. What no phantom slide shows "
        "(folds, pen marks, edges of the cover slip, other stains) was never seen. Whether the whole tile of 512 px "
        "would be judged better than its half of 256 px was never measured."
    ),
    "cells": (
        "Dysplasia within a class is not seen. Blasts and lymphocytes, plasma cells and erythroblasts, and "
        "neighbouring stages of granulopoiesis are confused on real marrow even by models trained on it (Tayebi "
        "2022). Basophils, mast cells and other cells are rare and their figures uncertain."
    ),
}


def card_of(manifest: ModelManifest) -> str:
    """The text of ``MODEL_CARD.md``: whatever differs between models comes from the manifest."""
    cells = manifest.task == "cells"
    each = "Each class, average precision (AP) at IoU 0.5 with 11 points, log-average miss rate (LAMR):"
    parts = (
        f"# {manifest.name} {manifest.version}",
        "**For research use only. Not for use in diagnostic procedures.**",
        _TASK[manifest.task],
        f"## Intended use\n{_USE}",
        f"## Training data\n{manifest.training_data} {_LICENCES} {_AUGMENTATION[manifest.task]}",
        *(_examples(manifest)),
        f"## Threshold\n{manifest.threshold:g}: {_THRESHOLD[manifest.task]}.",
        f"## Figures\nMeasured on {manifest.measured_on}. {_MEASURED} {_ON[manifest.task]}",
        figures_table(manifest),
        *((f"{each}\n\n{class_table(manifest)}",) if cells else ()),
        *(("## Measured besides",) if manifest.measurements else ()),
        *(measurement_part(one) for one in manifest.measurements),
        *((f"## Commonest confusions\n{_lines(manifest.confusions)}",) if manifest.confusions else ()),
        f"## Files\n{_files(manifest)}",
        *((f"## Notes\n{manifest.notes.strip()}",) if manifest.notes.strip() else ()),
        f"## Limits\n{_LIMITS[manifest.task]}",
        f"## Licence\n{manifest.licence}. The network definition of the cell model is ultralytics', AGPL-3.0.",
    )
    return "\n\n".join(parts) + "\n"


def _examples(manifest: ModelManifest) -> tuple[str, ...]:
    if not manifest.examples:
        return ()
    what = "Objects" if manifest.task == "cells" else "Tiles"
    return (f"{what} of each kind in what was trained on:\n\n{examples_table(manifest.examples)}",)


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


def _files(manifest: ModelManifest) -> str:
    """Which file runs, and what 8 bit integers cost."""
    runs = f"onnxruntime runs `{manifest.onnx_file}`; torch runs `weights.safetensors`, the same parameters."
    lost = manifest.figures.get("int8_loss")
    if lost is None:
        return runs
    what = "ROC AUC" if manifest.task == "roi" else "mean average precision"
    kept = "is packaged" if INT8_FILE in manifest.files else "is not packaged"
    return f"{runs} With convolutions in 8 bit integers {lost:g} of the {what} is lost; that file {kept}."
