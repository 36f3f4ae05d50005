"""``marrowcount active export``: the chosen tiles with the model's pre-labels, ready for a labelling tool."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal

from marrowcount.cytology.cell_types import CellType
from marrowcount.datasets import Faults, LabelledBox, class_name
from marrowcount.errors import DatasetError
from marrowcount.main.progress import progress_bar
from marrowcount.ports import PictureSource
from marrowcount_adapters.dataset_files import FileFormat, open_files, write_files
from marrowcount_adapters.dataset_files.file_names import stems_of
from marrowcount_adapters.dataset_store import open_dataset
from marrowcount_adapters.labelling_rounds import (
    CLASSES_FILE,
    MANIFEST_FILE,
    PRELABELS_FILE,
    SELECTION_FILE,
    ExportedPicture,
    ExportManifest,
    PictureLine,
    PicturePrelabels,
    PrelabelsFile,
    read_selection,
    sha256_of,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from marrowcount.datasets import Dataset, Example
    from marrowcount.ports import Picture
    from marrowcount.slides.detections import Detection
    from marrowcount_adapters.labelling_rounds import SelectionFile

__all__ = ["CLASS_NAMES", "LABEL_SUFFIX", "run_export"]

Form = Literal["voc", "yolo"]
LABEL_SUFFIX: Final[Mapping[str, str]] = {"voc": ".xml", "yolo": ".txt"}
CLASS_NAMES: Final = tuple(class_name(kind) for kind in (*CellType, None))


class Prelabelled(PictureSource):
    """The pictures of a selection with the model's objects on them, as if somebody had labelled them."""

    def __init__(self, source: PictureSource, found: Mapping[str, Sequence[Detection]]) -> None:
        self._source = source
        examples = tuple(replace(one, objects=_boxes(found[one.digest])) for one in source.dataset.examples)
        self._dataset = replace(source.dataset, examples=examples)

    @property
    def dataset(self) -> Dataset:
        """With pre-labels."""
        return self._dataset

    def read(self, example: Example) -> Picture:
        """As it was chosen."""
        return self._source.read(example)


def run_export(selection: Path, out: Path, form: Form, console: Console) -> ExportManifest:
    """Write pictures, label files side by side, classes, pre-labels and manifest; the folder appears when it is whole.

    Raises:
        DatasetError: ``export-exists``, ``export-unwritable``, ``selection-missing``, ``selection-malformed``, and
            those of reading a data set.
    """
    if out.exists():
        raise DatasetError("export-exists", f"{out} exists already; name another folder or remove it")
    chosen, stored = read_selection(selection), open_dataset(selection)
    found = {one.digest: [line.detection for line in one.prelabels] for one in chosen.chosen}
    source = Prelabelled(stored, found)
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        with progress_bar(console) as bar:
            task = bar.add_task(f"writing {len(found)} pictures", total=1.0)
            write_files(FileFormat(form), source, partial / "laid-out", lambda share: bar.update(task, completed=share))
        _put_side_by_side(partial / "laid-out", partial)
        manifest = _vouch(partial, form, source.dataset, selection)
        partial.rename(out)
    except OSError as error:
        raise DatasetError("export-unwritable", f"{out} cannot be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _tell(manifest, out, found, console)
    return manifest


def _boxes(found: Sequence[Detection]) -> tuple[LabelledBox, ...]:
    return tuple(LabelledBox(one.box, one.cell_type) for one in found)


def _put_side_by_side(laid_out: Path, folder: Path) -> None:
    """Pictures and label files in one folder, where labelling tools look for them; the lists of splits are let go."""
    for path in sorted(laid_out.rglob("*.png")):
        path.rename(folder / path.name)
        for labels in laid_out.rglob(f"{path.stem}.*"):
            if labels.suffix in LABEL_SUFFIX.values():
                labels.rename(folder / labels.name)
    shutil.rmtree(laid_out)


def _vouch(folder: Path, form: Form, dataset: Dataset, selection: Path) -> ExportManifest:
    """Write what goes beside the pictures, the manifest last."""
    chosen = read_selection(selection)
    written(folder / CLASSES_FILE, "".join(f"{name}\n" for name in CLASS_NAMES))
    stems = dict(zip(stems_of(dataset.examples), dataset.examples, strict=True))
    prelabels = PrelabelsFile(model=chosen.model, pictures=tuple(_prelabels(folder, form, stems, chosen)))
    content = prelabels.model_dump_json(indent=1, by_alias=True) + "\n"
    manifest = ExportManifest(
        form=form,
        exported_at=datetime.now(UTC).isoformat(timespec="seconds"),
        name=dataset.name,
        source=dataset.source,
        licence=dataset.licence,
        history=dataset.history,
        model=chosen.model,
        selection_sha256=sha256_of(selection / SELECTION_FILE),
        prelabels_sha256=sha256_of(written(folder / PRELABELS_FILE, content)),
        pictures=tuple(_exported(folder, stem, form, example) for stem, example in stems.items()),
    )
    written(folder / MANIFEST_FILE, manifest.model_dump_json(indent=1) + "\n")
    return manifest


def _prelabels(
    folder: Path, form: Form, stems: Mapping[str, Example], chosen: SelectionFile
) -> Iterator[PicturePrelabels]:
    """What the model found, beside the boxes as they will be read back: label files may hold whole pixels only."""
    examples = open_files(FileFormat(form), folder).examples(Faults())
    boxes = {one.name: [named.box for named in one.objects or ()] for one in examples}
    found = {one.digest: one.prelabels for one in chosen.chosen}
    for stem, example in stems.items():
        sides = tuple((box.left, box.top, box.right, box.bottom) for box in boxes[f"{stem}.png"])
        yield PicturePrelabels(file=f"{stem}.png", objects=found[example.digest], written=sides)


def _exported(folder: Path, stem: str, form: Form, example: Example) -> ExportedPicture:
    picture, labels = f"{stem}.png", f"{stem}{LABEL_SUFFIX[form]}"
    return ExportedPicture(
        file=picture,
        sha256=sha256_of(folder / picture),
        labels=labels,
        labels_sha256=sha256_of(folder / labels),
        picture=PictureLine.of(example),
    )


def _tell(manifest: ExportManifest, out: Path, found: Mapping[str, Sequence[Detection]], console: Console) -> None:
    objects = sum(len(of_picture) for of_picture in found.values())
    console.print(
        f"{len(manifest.pictures)} pictures with {objects} pre-labels of {manifest.model.said}", highlight=False
    )
    console.print(f"labelImg {out} {out / CLASSES_FILE} {out}", soft_wrap=True, highlight=False)
    console.print(f"written to {out}", soft_wrap=True)
