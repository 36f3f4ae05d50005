"""What the pulls from real archives have in common: a slide, a node beside it, and what came of the pull."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from marrowcount.errors import MarrowcountError
from marrowcount.main.pulling import pull_slides
from marrowcount.ports import WantedStudy
from marrowcount.settings import read_settings
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.sql import open_ledger

__all__ = ["attempt", "node_settings", "pulled", "wanted"]


def node_settings(folder: Path, port: int, archive: str) -> Path:
    """Settings of a node of its own with one archive."""
    file = folder / "settings.toml"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f'[node]\nport = {port}\ndata_folder = "{folder}/node"\n[receive]\ndisk_watermark_gib = 0\n'
        f"[[archive]]\ntimeout_s = 30\n{archive}"
    )
    return file


def pulled(settings: Path, slide: list[Path], wanted: WantedStudy, archived: Path | None = None) -> dict[str, object]:
    """What became of a pull: its failure, the instances that are not held, or not as they were put into the archive.

    Where the archive's own files lie below a folder, the data sets that came are those, byte for byte, or "rewritten".
    """
    from pydicom import dcmread
    from pydicom.misc import is_dicom

    read = read_settings(settings)
    said = io.StringIO()
    fault = attempt(lambda: pull_slides(read, wanted, Console(file=said, width=200)))
    ledger, store = open_ledger(read.database_url), FolderStore(read.node.data_folder)
    try:
        held = {path: ledger.instance(dcmread(path, stop_before_pixels=True).SOPInstanceUID) for path in slide}
        altered = [
            path.name
            for path, instance in held.items()
            if instance and dcmread(store.path(instance.file.path)).PixelData != dcmread(path).PixelData
        ]
        files = sorted(path for path in archived.rglob("*") if path.is_file() and is_dicom(path)) if archived else []
        theirs = {dcmread(path, stop_before_pixels=True).SOPInstanceUID: path for path in files}
        rewritten = [
            path.name
            for path, instance in held.items()
            if archived
            and instance
            and not store.same_data_set(theirs[instance.facts.sop_instance_uid], instance.file.path)
        ]
        syntaxes = {instance.facts.transfer_syntax_uid for instance in held.values() if instance}
    finally:
        ledger.close()
    lacking = [path.name for path, instance in held.items() if instance is None]
    left_over = [path.name for path in store.incoming.iterdir()]
    return {
        "fault": fault,
        "lacking": lacking,
        "altered": altered,
        "rewritten": rewritten,
        "syntaxes": sorted(syntaxes),
        "left_over": left_over,
        "said": said.getvalue(),
    }


def attempt(work: Callable[[], object]) -> str:
    """The failure's code; empty where it went well."""
    try:
        work()
    except MarrowcountError as error:
        return str(error)
    return ""


def wanted(slide: list[Path]) -> WantedStudy:
    """The slide's patient."""
    from pydicom import dcmread

    return WantedStudy(str(dcmread(slide[0], stop_before_pixels=True).PatientID))
