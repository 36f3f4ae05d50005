"""The converter's process, played by a shell script: its answers, its end, and what it is given."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from marrowcount.errors import InstanceError, SettingsError
from marrowcount_adapters.slide_converter import (
    ConversionLimits,
    ConverterEnvironment,
    SlideConverter,
    unidentified,
)
from marrowcount_adapters.slide_converter.environment import STAMP

SHA = "ab" * 32


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "slide.svs"
    path.write_bytes(b"II*\0")
    return path


@pytest.fixture
def converter(tmp_path: Path) -> Callable[..., SlideConverter]:
    def make(script: str, timeout_s: float = 20) -> SlideConverter:
        environment = ConverterEnvironment(tmp_path / "environment")
        environment.python.parent.mkdir(parents=True)
        environment.python.write_text(f"#!/bin/sh\n{script}\n")
        environment.python.chmod(0o755)
        (environment.folder / STAMP).write_text(json.dumps(environment._stamp()))
        return SlideConverter(environment, ConversionLimits(timeout_s, memory_bytes=1 << 30))

    return make


def test_its_answer_is_its_last_line(converter: Callable[..., SlideConverter], source: Path, out: Path) -> None:
    """Libraries may print what they like before; files are looked for in the given folder alone."""
    answer = json.dumps({"converted": {"files": ["a.dcm", "../../etc/passwd"], "um_per_px": 0.25}})
    converted = converter(f"cat > request; echo noise; echo '{answer}'").convert(source, SHA, unidentified(SHA), out)
    assert converted.files == (out / "a.dcm", out / "passwd")
    assert converted.um_per_px == 0.25


def test_what_it_is_given(
    converter: Callable[..., SlideConverter], source: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request on standard input; of our environment nothing, neither secrets nor proxies."""
    monkeypatch.setenv("SECRET_TOKEN", "x")
    answer = json.dumps({"converted": {"files": [], "um_per_px": 1}})
    converter(f"cat > request; env > seen; echo '{answer}'").convert(source, SHA, unidentified(SHA), out)
    request = json.loads((out / "request").read_text())
    assert (request["source"], request["unidentified"]) == (str(source), True)
    assert "SECRET_TOKEN" not in (out / "seen").read_text()


def test_identifiers_follow_file_and_metadata(
    converter: Callable[..., SlideConverter], source: Path, out: Path
) -> None:
    """The same for both gives the same; another file, or a corrected patient, is another slide."""
    answer = json.dumps({"converted": {"files": [], "um_per_px": 1}})
    playing = converter(f"cat > request; echo '{answer}'")

    def namespace(sha256: str, name: str) -> str:
        metadata = unidentified(SHA)
        described = metadata.model_copy(update={"patient": metadata.patient.model_copy(update={"name": name})})
        playing.convert(source, sha256, described, out)
        return str(json.loads((out / "request").read_text())["uid_namespace"])

    first = namespace(SHA, "A")
    assert namespace(SHA, "A") == first
    assert len({first, namespace(SHA, "B"), namespace("cd" * 32, "A")}) == 3


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ('cat >/dev/null; echo \'{"refused": "no-resolution", "message": "m"}\'', "no-resolution"),
        ("cat >/dev/null; kill -9 $$", "damaged"),
        ("cat >/dev/null; echo no json", "damaged"),
        ("cat >/dev/null; echo '[]'", "damaged"),
        ("exec sleep 60", "too-slow"),
    ],
)
def test_every_end_has_its_code(
    converter: Callable[..., SlideConverter], source: Path, out: Path, script: str, code: str
) -> None:
    """A refusal, a crash, nonsense, silence."""
    with pytest.raises(InstanceError, match=code):
        converter(script, timeout_s=1).convert(source, SHA, unidentified(SHA), out)


def test_without_its_environment_it_says_what_to_run(tmp_path: Path, source: Path, out: Path) -> None:
    """Nothing is installed behind anybody's back."""
    converter = SlideConverter(ConverterEnvironment(tmp_path / "none"), ConversionLimits())
    with pytest.raises(SettingsError, match=r"converter-not-made.*--prepare"):
        converter.convert(source, SHA, unidentified(SHA), out)


def test_an_environment_of_other_requirements_is_not_ready(tmp_path: Path) -> None:
    """After an upgrade it has to be made anew, lest the same slide be converted otherwise."""
    environment = ConverterEnvironment(tmp_path)
    environment.python.parent.mkdir()
    environment.python.symlink_to(sys.executable)
    assert not environment.is_ready
    (tmp_path / STAMP).write_text(json.dumps(environment._stamp()))
    assert environment.is_ready
    (tmp_path / STAMP).write_text('{"requirements": "others"}')
    assert not environment.is_ready


def test_a_library_that_is_missing_is_named(tmp_path: Path) -> None:
    """The node's own environment has no wsidicomizer, so it plays one that is not whole."""
    environment = ConverterEnvironment(tmp_path)
    environment.python.parent.mkdir()
    environment.python.symlink_to(sys.executable)
    with pytest.raises(SettingsError, match=r"converter-not-made.*(turbojpeg|wsidicomizer)"):
        environment.check()
