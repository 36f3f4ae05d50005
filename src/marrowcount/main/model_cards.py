"""``marrowcount model card``: what was measured of a packaged model since, put into its manifest and card."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from marrowcount.errors import ModelError, StorageError
from marrowcount.slides.manifest import CARD_FILE, MANIFEST_FILE, read_manifest, verified_bytes
from marrowcount_adapters.training.measured_reports import read_measurement
from marrowcount_adapters.training.model_card import card_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console

    from marrowcount.slides.manifest import ModelManifest

__all__ = ["CardRequest", "rewrite_card"]


@dataclass(frozen=True, slots=True)
class CardRequest:
    """What is asked of ``marrowcount model card``.

    Attributes:
        folder: of the packaged model.
        measured: reports by the title under which their figures are to stand; one of the same title is replaced.
        dropped: names of figures, or titles of measurements, to take out.
        notes_file: Markdown in place of the notes; None to leave them.
    """

    folder: Path
    measured: Mapping[str, Path] = field(default_factory=dict[str, "Path"])
    dropped: tuple[str, ...] = ()
    notes_file: Path | None = None


def rewrite_card(asked: CardRequest, console: Console) -> ModelManifest:
    """Write manifest and card anew; the model's own files are hashed and not touched.

    Raises:
        ModelError: those of a manifest; a file is missing or altered; ``report-differs``.
        SettingsError: ``wrong-report``.
        StorageError: ``cannot-write``.
    """
    before = read_manifest(asked.folder)
    before.checked_for(before.task, asked.folder)
    for name in before.files:
        verified_bytes(asked.folder, before, name)
    manifest = _changed(before, asked)
    _written(asked.folder / MANIFEST_FILE, manifest.to_json())
    _written(asked.folder / CARD_FILE, card_of(manifest))
    console.print(f"written to {asked.folder / CARD_FILE}", soft_wrap=True)
    return manifest


def _changed(manifest: ModelManifest, asked: CardRequest) -> ModelManifest:
    new = {title: read_measurement(title, path, manifest) for title, path in asked.measured.items()}
    kept = {one.title: one for one in manifest.measurements if one.title not in asked.dropped}
    return replace(
        manifest,
        figures={name: value for name, value in manifest.figures.items() if name not in asked.dropped},
        measurements=tuple((kept | new).values()),
        notes=_read_notes(asked.notes_file) if asked.notes_file else manifest.notes,
    )


def _read_notes(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError("unreadable-notes", f"{file} cannot be read as text: {error}") from None


def _written(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise StorageError("cannot-write", f"{path} could not be written: {error}") from error
