"""docs/datasets.md is complete: every command, option, format and shipped mapping stands in it."""

from pathlib import Path

from typer.main import get_command

from marrowcount.datasets import shipped_mappings
from marrowcount.main import dataset_commands
from marrowcount.main.dataset_commands import SourceFormat, dataset

DOCUMENT = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")


def test_every_command_and_option_is_described() -> None:
    """An option that nobody can read of is not there; commands of other modules have documents of their own."""
    every = get_command(dataset).commands  # type: ignore[attr-defined]
    commands = {name: each for name, each in every.items() if each.callback.__module__ == dataset_commands.__name__}
    assert {"import", "export", "stats", "check", "split", "merge", "mappings"} <= set(commands)
    assert not [name for name in commands if f"marrowcount dataset {name}" not in DOCUMENT]
    options = {name for command in commands.values() for option in command.params for name in option.opts}
    named = {name for name in options if name.startswith("--")} - {"--json", "--help"}
    assert not [name for name in sorted(named) if name not in DOCUMENT]


def test_every_format_and_mapping_is_described() -> None:
    """What can be imported, and by which mapping."""
    assert not [form for form in SourceFormat if f"`{form}`" not in DOCUMENT]
    assert not [name for name in shipped_mappings() if f"`{name}`" not in DOCUMENT]
