"""Front-end packages come whole and as pinned, or not at all."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "adapters" / "npm_packages.py"
FILES = {
    "package/dist/viewer.js": b"draw()",
    "package/dist/deep/part.wasm": b"\0asm",
    "package/dist/viewer.js.map": b"{}",
    "package/LICENSE": b"MIT",
    "package/src/viewer.js": b"source",
    "package/dist/../../outside.js": b"escaped",
}


@pytest.fixture(scope="module")
def npm_packages() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("npm_packages", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["npm_packages"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["npm_packages"]


@pytest.fixture
def archive(npm_packages: ModuleType, monkeypatch: pytest.MonkeyPatch) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in FILES.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))

    def brought(_wanted: object, scratch: Path) -> Path:
        file = scratch / "package.tgz"
        file.write_bytes(packed.getvalue())
        return file

    monkeypatch.setattr(npm_packages, "_packed", brought)
    return packed.getvalue()


def wanted(npm_packages: ModuleType, digest: str) -> object:
    return npm_packages.NpmPackage("a-viewer", "1.2.3", digest, "dist", (".map",), ("LICENSE",))


def test_only_what_is_wanted_is_unpacked(npm_packages: ModuleType, archive: bytes, tmp_path: Path) -> None:
    """The built folder and the licence; nothing leaves the folder; a second call finds it there."""
    package = wanted(npm_packages, hashlib.sha512(archive).hexdigest())
    folder = tmp_path / "vendor" / "viewer"
    assert npm_packages.fetch(package, folder) is True
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {"viewer.js", "deep/part.wasm", "LICENSE", ".sha512"}
    assert npm_packages.fetch(package, folder) is False
    assert [path.name for path in folder.parent.iterdir()] == ["viewer"]


@pytest.mark.usefixtures("archive")
def test_another_digest_is_refused(npm_packages: ModuleType, tmp_path: Path) -> None:
    """And what was there stays as it was."""
    folder = tmp_path / "viewer"
    folder.mkdir()
    (folder / "old.js").write_text("old")
    with pytest.raises(ValueError, match="another digest"):
        npm_packages.fetch(wanted(npm_packages, "00" * 64), folder)
    assert [path.name for path in tmp_path.iterdir()] == ["viewer"]
    assert (folder / "old.js").read_text() == "old"


def test_the_table_names_whole_pins(npm_packages: ModuleType) -> None:
    """Each with a digest of the right length."""
    for name in ("viewer", "ohif"):
        assert len(npm_packages.pinned(name).sha512) == 128


def test_without_npm_it_says_so(
    npm_packages: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1 and a sentence, no traceback."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert npm_packages.main(["viewer", str(tmp_path / "viewer")]) == 1
    assert "could not be brought" in capsys.readouterr().err
