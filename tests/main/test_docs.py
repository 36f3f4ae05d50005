"""The documentation is complete: every setting and every command stands in it."""

from pathlib import Path

import pytest
from typer.main import get_command

from marrowcount.main.cli import app
from marrowcount.main.example import example_settings
from marrowcount.settings import Settings, read_settings, variable_names

REPOSITORY = Path(__file__).parents[2]


def test_the_example_is_current() -> None:
    """docs/settings.toml is what the program writes."""
    assert (REPOSITORY / "docs" / "settings.toml").read_text(encoding="utf-8") == example_settings()


def test_the_example_reads_back_as_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts from the example changes nothing by it."""
    for name in variable_names():
        monkeypatch.delenv(name.upper(), raising=False)
    file = tmp_path / "settings.toml"
    file.write_text(example_settings(), encoding="utf-8")
    assert read_settings(file) == Settings()


def test_the_lists_in_the_example_are_valid(tmp_path: Path) -> None:
    """The commented tables for a PACS and an EHR work when their comment signs are taken away."""
    lines = example_settings().splitlines()
    table = lines[lines.index("# [[pacs]]  # one table for each") :]
    file = tmp_path / "settings.toml"
    file.write_text("\n".join(line.removeprefix("# ") for line in table if " = " in line or "[[" in line))
    read = read_settings(file)
    assert (read.pacs[0].ae_title, read.ehr[0].timeout_s) == ("ARCHIVE", 60.0)


def test_every_command_stands_in_the_readme() -> None:
    """A command that nobody can read of is not there."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    commands = get_command(app).commands  # type: ignore[attr-defined]
    missing = [name for name, command in commands.items() if not command.hidden and f"marrowcount {name}" not in readme]
    assert not missing
