"""Bring pinned front-end packages from npm: ``npm_packages.py NAME FOLDER``; the table beside it says which they are.

Packages are taken as they are published and unpacked, not installed: none of their scripts runs and none of their
dependencies comes along, since what is taken is built already. A package whose digest is not the pinned one is refused,
and the folder appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

__all__ = ["NpmPackage", "fetch", "main", "pinned"]

TABLE: Final = Path(__file__).with_suffix(".toml")
STAMP: Final = ".sha512"
FETCH_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class NpmPackage:
    """A package as the table pins it.

    Attributes:
        package: its name at npm.
        sha512: of the published archive, hexadecimal.
        folder: of the package that is taken; links and what lies elsewhere is left.
        leave: endings of file names that are left, too.
        also: single files that are taken beside it, such as the licence.
    """

    package: str
    version: str
    sha512: str
    folder: str
    leave: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    def place_of(self, name: str) -> PurePosixPath | None:
        """Where a file of the archive goes, below the folder asked for; None where it is left."""
        path = PurePosixPath(name).relative_to("package")
        if str(path) in self.also:
            return PurePosixPath(path.name)
        if not path.is_relative_to(self.folder) or path.name.endswith(self.leave) or ".." in path.parts:
            return None
        return path.relative_to(self.folder)


def pinned(name: str, table: Path = TABLE) -> NpmPackage:
    """What the table says.

    Raises:
        KeyError: it knows no such name.
    """
    entry = tomllib.loads(table.read_text(encoding="utf-8"))[name]
    return NpmPackage(
        str(entry["package"]),
        str(entry["version"]),
        str(entry["sha512"]),
        str(entry["folder"]),
        tuple(map(str, entry.get("leave", ()))),
        tuple(map(str, entry.get("also", ()))),
    )


def fetch(wanted: NpmPackage, folder: Path) -> bool:
    """Put the package into a folder; False where it is there already.

    Raises:
        OSError: npm is missing, or the folder cannot be written.
        subprocess.SubprocessError: npm does not bring the package.
        ValueError: the archive is not the pinned one.
    """
    stamp = folder / STAMP
    if stamp.is_file() and stamp.read_text(encoding="ascii").strip() == wanted.sha512:
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        archive = _packed(wanted, Path(scratch))
        _require_pinned(archive, wanted)
        whole = Path(scratch) / "whole"
        _unpack(archive, wanted, whole)
        (whole / STAMP).write_text(f"{wanted.sha512}\n", encoding="ascii")
        shutil.rmtree(folder, ignore_errors=True)
        whole.replace(folder)
    return True


def _packed(wanted: NpmPackage, scratch: Path) -> Path:
    command = ["npm", "pack", "--silent", "--ignore-scripts", f"{wanted.package}@{wanted.version}"]
    subprocess.run(command, cwd=scratch, check=True, timeout=FETCH_S, stdout=subprocess.DEVNULL)  # noqa: S603 - pinned
    return next(scratch.glob("*.tgz"))


def _require_pinned(archive: Path, wanted: NpmPackage) -> None:
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").hexdigest()
    if digest != wanted.sha512:
        raise ValueError(f"{wanted.package} {wanted.version} has another digest than the pinned one; not taken")


def _unpack(archive: Path, wanted: NpmPackage, folder: Path) -> None:
    with tarfile.open(archive) as packed:
        for member in packed:
            place = wanted.place_of(member.name) if member.isfile() else None
            content = packed.extractfile(member) if place is not None else None
            if place is not None and content is not None:
                target = folder / place
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(content, file)


def main(arguments: list[str]) -> int:
    """Exit status 0: it is there; 1: it could not be brought, and standard error says why."""
    name, folder = arguments
    try:
        fetch(pinned(name), Path(folder))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        sys.stderr.write(f"{name} could not be brought from npm: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
