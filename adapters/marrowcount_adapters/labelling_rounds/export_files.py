"""What went to the expert: the files, their hashes, the model's words."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, Literal

from marrowcount.active_learning import Prelabel
from marrowcount.errors import DatasetError
from marrowcount_adapters.labelling_rounds.files import Stored, parsed, read_bytes, read_file
from marrowcount_adapters.labelling_rounds.lines import Box, BoxedLine, Digest, ModelLine, PictureLine, box_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CLASSES_FILE",
    "MANIFEST_FILE",
    "PRELABELS_FILE",
    "ExportManifest",
    "ExportedPicture",
    "PicturePrelabels",
    "PrelabelsFile",
    "read_export",
]

MANIFEST_FILE: Final = "manifest.json"
PRELABELS_FILE: Final = "prelabels.json"
CLASSES_FILE: Final = "classes.txt"
ADVICE: Final = "give a folder that `marrowcount active export` wrote, with all its files"


class ExportedPicture(Stored):
    """A picture and its label file, and the SHA-256 of both as they were exported."""

    file: str
    sha256: Digest
    labels: str
    labels_sha256: Digest
    picture: PictureLine


class ExportManifest(Stored):
    """What ``manifest.json`` holds.

    Attributes:
        form: of the label files.
        exported_at: ISO 8601.
        source: of the pictures, for people; ``licence`` and ``history`` likewise.
        selection_sha256: of ``selection.json``.
        prelabels_sha256: of ``prelabels.json``.
    """

    version: Literal[1] = 1
    form: Literal["voc", "yolo"]
    exported_at: str
    name: str
    source: str
    licence: str
    history: tuple[str, ...]
    model: ModelLine
    selection_sha256: Digest
    prelabels_sha256: Digest
    pictures: tuple[ExportedPicture, ...]


class PicturePrelabels(Stored):
    """A picture's pre-labels.

    Attributes:
        file: of the picture.
        objects: as the model found them.
        written: their boxes as they stand in the label file, in the same order.
    """

    file: str
    objects: tuple[BoxedLine, ...]
    written: tuple[Box, ...]

    @property
    def prelabels(self) -> tuple[Prelabel, ...]:
        """In the core's words."""
        return tuple(Prelabel(one.detection, box_of(box)) for one, box in zip(self.objects, self.written, strict=True))


class PrelabelsFile(Stored):
    """What ``prelabels.json`` holds."""

    model: ModelLine
    pictures: tuple[PicturePrelabels, ...]


def read_export(folder: Path) -> tuple[ExportManifest, PrelabelsFile]:
    """The manifest and the pre-labels that it vouches for.

    Raises:
        DatasetError: ``export-missing``, ``export-malformed``; ``export-altered``: the pre-labels are not those of the
            manifest.
    """
    manifest = read_file(folder / MANIFEST_FILE, ExportManifest, "export", ADVICE)
    path = folder / PRELABELS_FILE
    data = read_bytes(path, "export", ADVICE)
    if hashlib.sha256(data).hexdigest() != manifest.prelabels_sha256:
        raise DatasetError(
            "export-altered",
            f"{path} is not the file that {MANIFEST_FILE} vouches for, so that nobody can say what was corrected; put "
            "back the file that was exported",
        )
    return manifest, parsed(data, PrelabelsFile, str(path), "export", ADVICE)
