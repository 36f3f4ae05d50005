"""``marrowcount active import``: read corrected labels back, compare them with the pre-labels, store the outcome."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from marrowcount.active_learning import counts_of, mistakes, next_version, said_of
from marrowcount.datasets import Dataset
from marrowcount.errors import DatasetError, SettingsError
from marrowcount.main.active_returning import corrected_pictures, require_files
from marrowcount.main.progress import progress_bar
from marrowcount_adapters.dataset_files.pictures import read_picture
from marrowcount_adapters.dataset_store import DatasetWriter, open_dataset
from marrowcount_adapters.labelling_rounds import (
    MANIFEST_FILE,
    VERSION_FILE,
    CorrectionLine,
    ParentLine,
    VersionFile,
    read_corrections,
    read_export,
    read_version,
    sha256_of,
    write_corrections,
    written,
    wrong_places,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from marrowcount.active_learning import CorrectedPicture
    from marrowcount.datasets import Example
    from marrowcount.ports import Picture
    from marrowcount_adapters.dataset_store import StoredDataset
    from marrowcount_adapters.labelling_rounds import ExportedPicture, ExportManifest

__all__ = ["ImportRequest", "run_import"]


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What is asked.

    Attributes:
        export: the folder that came back.
        out: folder of the new version.
        author: of the corrections.
        parent: folder of the data set to add to; None to begin one.
        name: of the new version; that of the folder when empty.
        mistakes: folder of a data set of the objects that models got wrong; None: none is written.
        saved_only: leave out pictures whose label file nobody saved.
    """

    export: Path
    out: Path
    author: str
    parent: Path | None = None
    name: str = ""
    mistakes: Path | None = None
    saved_only: bool = False


def run_import(request: ImportRequest, console: Console) -> VersionFile:
    """Store the next version of a data set; nothing is written where anything does not fit.

    Raises:
        DatasetError: ``dataset-exists``, ``export-missing``, ``export-malformed``, ``export-altered``,
            ``picture-missing``, ``picture-altered``, ``picture-unknown``, ``labels-missing``, ``labels-unknown``,
            ``classes-altered``, ``class-unmapped``, ``box-outside``, ``box-empty``, ``label-malformed``,
            ``label-unreadable``, ``leak``, ``name-repeated``, ``nothing-to-import``, and those of reading the parent.
        SettingsError: ``wrong-setting``: no author.
    """
    if not request.author.strip():
        raise SettingsError("wrong-setting", "author is empty: say who made the corrections")
    for folder in filter(None, (request.out, request.mistakes)):
        if folder.exists():
            raise DatasetError("dataset-exists", f"{folder} exists already; name another folder or remove it")
    manifest, prelabels = read_export(request.export)
    require_files(request.export, manifest)
    found = {one.file: one.prelabels for one in prelabels.pictures}
    read = corrected_pictures(request.export, manifest, found, request.author)
    pictures = [one for one in read if one.saved or not request.saved_only]
    if not pictures:
        raise DatasetError("nothing-to-import", f"nobody saved a label file in {request.export}")
    parent = open_dataset(request.parent) if request.parent else None
    version, dataset = _version(request, manifest, pictures, parent)
    _store(request, manifest, version, (dataset, pictures, parent), console)
    _tell(request, version, dataset, console)
    return version


def _version(
    request: ImportRequest, manifest: ExportManifest, pictures: Sequence[CorrectedPicture], parent: StoredDataset | None
) -> tuple[VersionFile, Dataset]:
    before = _parent_line(parent)
    counts = counts_of(one for picture in pictures for one in picture.corrections)
    version = VersionFile(
        version=1 + (before.version if before else 0),
        parent=before,
        manifest_sha256=sha256_of(request.export / MANIFEST_FILE),
        author=request.author,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        pictures=len(pictures),
        unsaved=sum(not picture.saved for picture in pictures),
        objects=dict(counts),
    )
    history = (
        f"version {version.version}, {version.made_at}: {len(pictures)} pictures labelled by {request.author} from "
        f"pre-labels of {manifest.model.said} ({manifest.model.sha256[:12]}): {said_of(counts)}; "
        + (f"parent {before.name} version {before.version} {before.examples_sha256}" if before else "no parent")
    )
    about = Dataset(manifest.name, (), manifest.source, manifest.licence, manifest.history)
    name = request.name or request.out.name
    return version, next_version(name, parent.dataset if parent else None, about, pictures, history)


def _parent_line(parent: StoredDataset | None) -> ParentLine | None:
    if parent is None:
        return None
    version = read_version(parent.folder)
    return ParentLine(
        name=parent.dataset.name, version=version.version if version else 0, examples_sha256=parent.examples_sha256
    )


def _store(
    request: ImportRequest,
    manifest: ExportManifest,
    version: VersionFile,
    made: tuple[Dataset, Sequence[CorrectedPicture], StoredDataset | None],
    console: Console,
) -> None:
    dataset, pictures, parent = made
    lines = [*(read_corrections(parent.folder) if parent else ()), *_lines(request, manifest, version, pictures)]
    files = {one.picture.digest: request.export / one.file for one in manifest.pictures}
    read = _Reader(files, parent)
    _write(request.out, dataset, read, console, lambda folder: _write_beside(folder, version, lines))
    if request.mistakes:
        wrong = mistakes(f"{dataset.name}-mistakes", dataset, wrong_places(lines))
        if wrong.examples:
            _write(request.mistakes, wrong, read, console, lambda _: None)
        else:
            console.print("no object was missed or misclassified, so that there is no data set of mistakes")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads a picture from the export, else from the parent."""

    files: Mapping[str, Path]
    parent: StoredDataset | None

    def __call__(self, example: Example) -> Picture:
        path = self.files.get(example.digest)
        if path is not None:
            return read_picture(path, torn_too=True)
        if self.parent is None:
            raise DatasetError("picture-missing", f"there is no picture of {example.name}")
        return self.parent.read(example)


def _write(out: Path, dataset: Dataset, read: _Reader, console: Console, beside: Callable[[Path], None]) -> None:
    """A data set with other files in its folder, which appears when it is whole."""
    partial = out.with_name(f".{out.name}.partial-version")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with (
            DatasetWriter(partial / out.name, dataset.name, dataset.source, dataset.licence) as writer,
            progress_bar(console) as bar,
        ):
            for example in bar.track(dataset.examples, description=f"writing {len(dataset.examples)} pictures"):
                writer.add(read(example), example)
            writer.finish(dataset.history)
        beside(partial / out.name)
        (partial / out.name).rename(out)
    except OSError as error:
        raise DatasetError("dataset-unwritable", f"{out} cannot be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_beside(folder: Path, version: VersionFile, lines: Sequence[CorrectionLine]) -> None:
    write_corrections(folder, lines)
    written(folder / VERSION_FILE, version.model_dump_json(indent=1) + "\n")


def _lines(
    request: ImportRequest, manifest: ExportManifest, version: VersionFile, pictures: Sequence[CorrectedPicture]
) -> list[CorrectionLine]:
    exported = {one.picture.digest: one for one in manifest.pictures}
    return [
        CorrectionLine.of(
            correction,
            picture=picture.example.digest,
            name=picture.example.name,
            author=request.author,
            at=version.made_at,
            saved_at=_saved_at(request.export, exported[picture.example.digest]),
            model=manifest.model,
        )
        for picture in pictures
        for correction in picture.corrections
    ]


def _saved_at(folder: Path, one: ExportedPicture) -> str:
    return datetime.fromtimestamp((folder / one.labels).stat().st_mtime, UTC).isoformat(timespec="seconds")


def _tell(request: ImportRequest, version: VersionFile, dataset: Dataset, console: Console) -> None:
    console.print(f"{version.pictures} pictures: {said_of(version.objects)}", highlight=False)
    if version.unsaved:
        console.print(
            f"{version.unsaved} label files are as they were exported, byte for byte: nobody saved them; their objects "
            "count as confirmed",
            highlight=False,
        )
    console.print(f"{dataset.name}, version {version.version}: {len(dataset.examples)} pictures", highlight=False)
    console.print(f"written to {request.out}", soft_wrap=True)
