"""Worklists in the settings: what is wrong is refused by name; what is right can be asked whether it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from marrowcount.errors import SettingsError
from marrowcount.main.checking import run_checks
from marrowcount.settings import NodeSection, Settings, WorklistSection, code_of, read_settings
from marrowcount.workitems import Code
from workitems import running_worklist

if TYPE_CHECKING:
    from pathlib import Path


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "settings.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_worklist_is_read(tmp_path: Path) -> None:
    """Codes as VALUE^SCHEME^MEANING, spaces around the parts do not count."""
    text = '[[worklist]]\nname = "ris"\nurl = "https://ris.example.org/ups"\nstation = "N1 ^ 99LAB ^ node 1"\n'
    (section,) = read_settings(written(tmp_path, text)).worklist
    assert code_of(section.station) == Code("N1", "99LAB", "node 1")
    assert (section.kind, section.subscribe, section.workitem_codes) == ("upsrs", True, ())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("name = 'a'", ["worklist.0", "needs its url"]),
        ("name = 'a'\nkind = 'dimse'\nae_title = 'A'", ["worklist.0", "ae_title, host and port"]),
        ("name = 'a'\nurl = 'ftp://x'", ["worklist.0.url", "ftp://x"]),
        ("name = 'a'\nurl = 'http://x'\nstation = 'N1'", ["worklist.0.station", "VALUE^SCHEME^MEANING"]),
        ("name = 'a'\nurl = 'http://x'\nworkitem_codes = ['A^B^']", ["worklist.0.workitem_codes", "A^B^"]),
        ("name = 'a'\nurl = 'http://x'\n[[worklist]]\nname = 'a'\nurl = 'http://y'", ["unique", "a, a"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: list[str]) -> None:
    """With what is allowed."""
    with pytest.raises(SettingsError) as raised:
        read_settings(written(tmp_path, f"[[worklist]]\n{text}\n"))
    assert all(part in raised.value.message for part in named)


def test_worklists_are_checked(tmp_path: Path) -> None:
    """``marrowcount check`` asks each; one that is away is said to be."""
    with running_worklist(tmp_path / "worklist") as there:
        worklists = (
            WorklistSection(name="there", url=there.url),
            WorklistSection(name="away", url="http://127.0.0.1:1"),
        )
        settings = Settings(node=NodeSection(data_folder=tmp_path / "node"), worklist=worklists)
        (tmp_path / "node").mkdir()
        checks = {check.what: check for check in run_checks(settings) if check.what.startswith("worklist")}
    assert (checks["worklist there"].ok, checks["worklist there"].where) == (True, there.url)
    assert not checks["worklist away"].ok
    assert "no-answer" in checks["worklist away"].said
