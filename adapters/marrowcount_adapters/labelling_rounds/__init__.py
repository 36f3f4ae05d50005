"""A round of labelling on disk: what was chosen and why, what went to the expert, what came back.

::

    <selection>/selection.json     the tiles chosen, by which strategy and why, and the model's pre-labels
    <selection>/candidates.csv     what each strategy gave to every tile that was looked at
    <export>/manifest.json         SHA-256 of every picture and label file as exported, and which model it was
    <export>/prelabels.json        boxes, classes and probabilities of the model
    <data set>/version.json        number of the version, SHA-256 of its parent
    <data set>/corrections.jsonl   every object of every correction so far: action, before, after, author, time
"""

from __future__ import annotations

from marrowcount_adapters.labelling_rounds.export_files import (
    CLASSES_FILE,
    MANIFEST_FILE,
    PRELABELS_FILE,
    ExportedPicture,
    ExportManifest,
    PicturePrelabels,
    PrelabelsFile,
    read_export,
)
from marrowcount_adapters.labelling_rounds.files import sha256_of, written
from marrowcount_adapters.labelling_rounds.lines import BoxedLine, ModelLine, PictureLine
from marrowcount_adapters.labelling_rounds.selection_files import (
    CANDIDATES_FILE,
    SELECTION_FILE,
    ChosenLine,
    SelectionFile,
    read_selection,
    write_candidates,
)
from marrowcount_adapters.labelling_rounds.version_files import (
    CORRECTIONS_FILE,
    VERSION_FILE,
    CorrectionLine,
    ParentLine,
    VersionFile,
    read_corrections,
    read_version,
    write_corrections,
    wrong_places,
)

__all__ = [
    "CANDIDATES_FILE",
    "CLASSES_FILE",
    "CORRECTIONS_FILE",
    "MANIFEST_FILE",
    "PRELABELS_FILE",
    "SELECTION_FILE",
    "VERSION_FILE",
    "BoxedLine",
    "ChosenLine",
    "CorrectionLine",
    "ExportManifest",
    "ExportedPicture",
    "ModelLine",
    "ParentLine",
    "PictureLine",
    "PicturePrelabels",
    "PrelabelsFile",
    "SelectionFile",
    "VersionFile",
    "read_corrections",
    "read_export",
    "read_selection",
    "read_version",
    "sha256_of",
    "write_candidates",
    "write_corrections",
    "written",
    "wrong_places",
]
