"""Settings are read strictly: what is unknown or wrong is refused by name, value and what is allowed."""

from pathlib import Path

import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.convergence import ConvergenceRule, IntervalRule
from marrowcount.errors import SettingsError
from marrowcount.settings import read_settings, variable_names


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variable_names():
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.delenv("MARROWCOUNT_SETTINGS", raising=False)


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "settings.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults_need_no_file() -> None:
    """Without any setting the node runs on loopback with SQLite and the bundled models."""
    settings = read_settings()
    assert settings.node.host == "127.0.0.1"
    assert settings.database_url.startswith("sqlite:///")
    assert settings.count.models_folder is None
    assert settings.count.stopping.stopping_rule() == ConvergenceRule()


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable beats the file's value, the file's other values stay."""
    file = written(tmp_path, "[node]\nport = 4000\nae_title = 'LABNODE'\n")
    monkeypatch.setenv("MARROWCOUNT_NODE__PORT", "5000")
    node = read_settings(file).node
    assert (node.port, node.ae_title) == (5000, "LABNODE")


def test_the_environment_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MARROWCOUNT_SETTINGS names the file where the command line names none."""
    monkeypatch.setenv("MARROWCOUNT_SETTINGS", str(written(tmp_path, "timezone = 'Europe/Berlin'\n")))
    assert read_settings().timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prot = 3", ["prot", "no such setting", "timezone"]),
        ("[node]\nprot = 3", ["node.prot", "ae_title, data_folder"]),
        ("[node]\nport = 70000", ["node.port", "70000", "65535"]),
        ("[node]\nae_title = 'A TITLE OF MORE THAN SIXTEEN'", ["node.ae_title", "A TITLE", "1 to 16"]),
        ("[count.stopping]\nrule = 'guess'", ["count.stopping.rule", "guess", "'convergence' or 'interval'"]),
        ("[count.stopping]\ncell_class = 'debris'", ["count.stopping.cell_class", "debris", "plasma cell"]),
        ("[count.stopping]\nminimum_cells = 100", ["minimum_cells", "100", "500"]),
        ("[[pacs]]\nname = 'a'\nae_title = 'A'\nhost = 'h'\nport = 1\nprot = 2", ["pacs.0.prot", "commitment"]),
        ("[[ehr]]\nname = 'a'\nbase_url = 'ftp://x'", ["ehr.0.base_url", "ftp://x"]),
        ("timezone = 'Mars/Olympus'", ["timezone", "Mars/Olympus", "IANA"]),
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path: Path, text: str, named: list[str]) -> None:
    """The refusal holds the name, the value and what is allowed."""
    with pytest.raises(SettingsError) as caught:
        read_settings(written(tmp_path, text))
    for part in named:
        assert part in caught.value.message


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt variable does not pass in silence."""
    monkeypatch.setenv("MARROWCOUNT_NODE__PROT", "4000")
    with pytest.raises(SettingsError, match="MARROWCOUNT_NODE__PROT"):
        read_settings()


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    """The file and the place of the fault are named."""
    with pytest.raises(SettingsError, match=r"settings\.toml is not TOML"):
        read_settings(written(tmp_path, "[node\n"))
    with pytest.raises(SettingsError, match=r"none\.toml"):
        read_settings(tmp_path / "none.toml")


def test_a_network_listener_names_its_callers(tmp_path: Path) -> None:
    """An address that others can reach asks for callers, or for an explicit word that anybody may send."""
    with pytest.raises(SettingsError, match=r"receive\.allowed_callers"):
        read_settings(written(tmp_path, "[node]\nhost = '0.0.0.0'\n"))
    read_settings(written(tmp_path, "[node]\nhost = '0.0.0.0'\n[receive]\nallowed_callers = ['SCANNER1']\n"))
    read_settings(written(tmp_path, "[node]\nhost = '0.0.0.0'\n[receive]\nallow_any_caller = true\n"))


def test_destinations_have_names_of_their_own(tmp_path: Path) -> None:
    """Two destinations of one name could not be told apart in the ledger."""
    pacs = "[[pacs]]\nname = 'x'\nae_title = 'A'\nhost = 'h'\nport = 104\n"
    with pytest.raises(SettingsError, match="unique"):
        read_settings(written(tmp_path, pacs + pacs))


def test_the_interval_rule_is_read(tmp_path: Path) -> None:
    """The second stopping rule comes from the file as the core knows it."""
    text = "[count.stopping]\nrule = 'interval'\ncell_class = 'plasma cell'\ncut_offs_percent = [10, 60]\ncap = 400\n"
    rule = read_settings(written(tmp_path, text)).count.stopping.stopping_rule()
    assert rule == IntervalRule(CellType.PLASMA_CELL, None, (10.0, 60.0), 500, 400)


def test_an_interval_rule_that_never_stops_is_refused(tmp_path: Path) -> None:
    """Without a width and without cut-offs nothing could satisfy it."""
    with pytest.raises(SettingsError, match="width_percent or cut_offs_percent"):
        read_settings(written(tmp_path, "[count.stopping]\nrule = 'interval'\ncut_offs_percent = []\n"))
