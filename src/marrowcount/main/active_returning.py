"""An exported folder as it came back from the expert: whether it fits, and what was corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.active_learning import CorrectedPicture, corrections_of
from marrowcount.datasets import Faults
from marrowcount.datasets.mapping import IDENTITY
from marrowcount.errors import DatasetError
from marrowcount.main.active_exporting import CLASS_NAMES, LABEL_SUFFIX
from marrowcount_adapters.dataset_files import FileFormat, open_files
from marrowcount_adapters.dataset_files.pictures import pictures_under
from marrowcount_adapters.labelling_rounds import CLASSES_FILE, sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from marrowcount.active_learning import Prelabel
    from marrowcount.cytology.cell_types import CellType
    from marrowcount.datasets import NamedExample
    from marrowcount.slides.geometry import PixelBox
    from marrowcount_adapters.labelling_rounds import ExportManifest

__all__ = ["corrected_pictures", "require_files"]


def require_files(folder: Path, manifest: ExportManifest) -> None:
    """All pictures are there, unaltered; each has a label file; there is nothing else of the kind.

    Raises:
        DatasetError: ``picture-missing``, ``picture-altered``, ``picture-unknown``, ``labels-missing``,
            ``labels-unknown``, ``classes-altered``.
    """
    for one in manifest.pictures:
        _require_unaltered(folder / one.file, one.sha256)
        if not (folder / one.labels).is_file():
            raise DatasetError(
                "labels-missing",
                f"{folder / one.labels} is not there; where nothing is on {one.file}, save it without boxes",
            )
    if manifest.form == "yolo":
        _require_classes(folder / CLASSES_FILE)
    _require_no_others(folder, manifest)


def _require_unaltered(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise DatasetError("picture-missing", f"{path} is not there; put back the picture that was exported")
    if sha256_of(path) != sha256:
        raise DatasetError(
            "picture-altered", f"{path} is not the picture that was exported; put that back and look at its boxes anew"
        )


def _require_classes(path: Path) -> None:
    """Label files hold numbers of classes, and some tools write their own list of classes beside them."""
    names = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
    if tuple(names[: len(CLASS_NAMES)]) != CLASS_NAMES:
        raise DatasetError(
            "classes-altered",
            f"{path} does not list the classes in the order in which they were exported, so that their numbers mean "
            "others now; put it back, start the tool with it as its list of classes, and correct anew",
        )


def _require_no_others(folder: Path, manifest: ExportManifest) -> None:
    known = {name for one in manifest.pictures for name in (one.file, one.labels)} | {CLASSES_FILE}
    for path in pictures_under(folder):
        if path.relative_to(folder).as_posix() not in known:
            raise DatasetError("picture-unknown", f"{path} was not exported; import it by `marrowcount dataset import`")
    for suffix in LABEL_SUFFIX.values():
        for path in sorted(folder.rglob(f"*{suffix}")):
            if path.relative_to(folder).as_posix() not in known:
                raise DatasetError(
                    "labels-unknown",
                    f"{path} belongs to no picture, or is in another format than {manifest.form}, which was exported; "
                    "save in that format, and take this file out",
                )


def corrected_pictures(
    folder: Path, manifest: ExportManifest, found: Mapping[str, Sequence[Prelabel]], author: str
) -> list[CorrectedPicture]:
    """Every picture with its objects before and after.

    Args:
        folder: of the export, its files checked.
        manifest: of the export.
        found: pre-labels by file of the picture.
        author: of the corrections.

    Raises:
        DatasetError: ``class-unmapped``, ``box-outside``, ``box-empty``, ``label-malformed``, ``label-unreadable``.
    """
    by_file = {one.name: one for one in open_files(FileFormat(manifest.form), folder).examples(Faults())}
    pictures: list[CorrectedPicture] = []
    for one in manifest.pictures:
        boxes = _mapped(by_file[one.file], folder / one.labels)
        corrections = corrections_of(found[one.file], boxes, author, manifest.model.said)
        saved = sha256_of(folder / one.labels) != one.labels_sha256
        pictures.append(CorrectedPicture(one.picture.example, corrections, saved))
    return pictures


def _mapped(named: NamedExample, labels: Path) -> list[tuple[PixelBox, CellType | None]]:
    try:
        return [(one.box, IDENTITY.meaning_of(one.name).cell_type) for one in named.objects or ()]
    except DatasetError as error:
        raise DatasetError(error.code, f"{labels}: {error.message}; {CLASSES_FILE} has the names") from error
