"""``marrowcount ingest --convert``: slides of scanners' own formats, converted and taken in."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final

from marrowcount.errors import InstanceError, SettingsError, StorageError
from marrowcount.workflow.ingest import Fate, Ingested, Ingesting
from marrowcount_adapters.file_intake import LinkStaging, found_files
from marrowcount_adapters.slide_converter import (
    ConversionLimits,
    ConverterEnvironment,
    SlideConverter,
    SlideMetadata,
    read_metadata,
    unidentified,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

    from marrowcount.main.parts import Parts
    from marrowcount.settings import Settings

__all__ = ["SlideIntake", "SlideOptions", "converter_environment"]

GIB: Final = 2**30

ROOM: Final = 2.0
"""Space that a conversion needs, as a multiple of the source: it may be written less tightly than it was."""


def converter_environment(settings: Settings) -> ConverterEnvironment:
    """Where the settings say."""
    return ConverterEnvironment(settings.convert.environment or settings.node.data_folder.absolute() / "converter")


@dataclass(frozen=True, slots=True)
class SlideOptions:
    """How slides of other formats are described.

    Attributes:
        metadata: file for the one slide that is converted; None for FILE.toml beside each.
        placeholders: whether slides without metadata are taken, marked as unidentified.
    """

    metadata: Path | None = None
    placeholders: bool = False


class SlideIntake:
    """Converts slide files and takes in what comes out."""

    def __init__(self, parts: Parts, sop_classes: Collection[str], options: SlideOptions) -> None:
        section = parts.settings.convert
        limits = ConversionLimits(section.timeout_s, int(section.memory_gib * GIB), section.workers)
        self._parts = parts
        self._options = options
        self._converter = SlideConverter(converter_environment(parts.settings), limits)
        # What was converted is nobody else's, so the store may have the very file.
        self._ingesting = Ingesting(parts.receiving, LinkStaging(parts.receiving), sop_classes)

    def take(self, source: Path) -> list[Ingested]:
        """Convert one file; what became of each of its levels, or of the file itself where it was refused.

        Raises:
            SettingsError: ``converter-not-made``.
            StorageError: the disk or the ledger can take no more.
        """
        try:
            with source.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            metadata = self._described(source, sha256)
            with self._folder(source.stat().st_size) as folder:
                converted = self._converter.convert(source, sha256, metadata, folder)
                return [self._ingesting.take(file) for file in found_files(converted.files)]
        except (InstanceError, _MetadataError) as error:
            return [Ingested(source, Fate.REJECTED, error.code, error.message)]

    def _described(self, source: Path, sha256: str) -> SlideMetadata:
        try:
            return read_metadata(self._options.metadata or source.with_name(f"{source.name}.toml"))
        except SettingsError as error:
            if error.code == "no-metadata" and self._options.placeholders:
                return unidentified(sha256)
            raise _MetadataError(error.code, error.message) from None

    @contextmanager
    def _folder(self, source_bytes: int) -> Generator[Path]:
        """On the store's own disk, and gone afterwards, whatever happened."""
        keep_free = int(self._parts.settings.receive.disk_watermark_gib * GIB)
        if self._parts.store.free_bytes() < ROOM * source_bytes + keep_free:
            raise StorageError("disk-full", "Too little space is free to convert this slide; make room.")
        above = self._parts.settings.node.data_folder.absolute() / "converting"
        above.mkdir(exist_ok=True)
        folder = Path(mkdtemp(dir=above))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class _MetadataError(SettingsError):
    """This file's metadata are not there, or not whole; the next one's may be."""
