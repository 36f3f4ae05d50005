"""The command line: exit statuses that a program can rely on, errors in one line that say what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from marrowcount.main import cli
from marrowcount.main.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def run(*arguments: object) -> int:
        monkeypatch.setattr("sys.argv", ["marrowcount", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.run()
        return int(ended.value.code or 0)

    return run


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "settings.toml"
    file.write_text(f'[node]\ndata_folder = "{tmp_path}/node"\n[receive]\ndisk_watermark_gib = 0\n', encoding="utf-8")
    return file


def test_an_unknown_profile_is_refused(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2; the line names the value and what is allowed, and nothing is written."""
    assert command("phantom", tmp_path / "out", "--profile", "leukaemia") == 2
    said = capsys.readouterr().err
    assert "'leukaemia'" in said
    assert "hypocellular" in said
    assert not (tmp_path / "out").exists()


def test_the_same_seed_gives_the_same_bytes(command: Callable[..., int], tmp_path: Path) -> None:
    """Two runs of the command write identical files, the truth among them."""
    for name in ("a", "b"):
        assert command("phantom", tmp_path / name, "--profile", "aml", "--seed", "3", "--size", "2048") == 0
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("a", "b"))
    assert first == second
    truth = json.loads(first["truth.json"])
    assert {"objects", "tiles", "ndc", "profile", "seed"} <= set(truth)
    assert {len(each["box"]) for each in truth["objects"]} == {4}


def test_a_wrong_setting_ends_with_status_2(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing starts on settings that are not understood."""
    file = tmp_path / "wrong.toml"
    file.write_text("[node]\nprot = 1\n", encoding="utf-8")
    assert command("serve", "--settings", file) == 2
    assert "node.prot" in capsys.readouterr().err


def test_an_empty_folder_is_refused(command: Callable[..., int], tmp_path: Path) -> None:
    """Status 3, and result.json alone says why."""
    (tmp_path / "slide").mkdir()
    assert command("count", tmp_path / "slide", "--out", tmp_path / "out") == 3
    document = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert (document["state"], document["reason"]) == ("refused", "no-image")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["result.json"]


def test_a_refusal_takes_an_earlier_result_away(command: Callable[..., int], tmp_path: Path) -> None:
    """What an earlier run left in the folder does not pass for the refused slide's result."""
    (tmp_path / "slide").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "differential.sr.dcm").write_bytes(b"an earlier result")
    assert command("count", tmp_path / "slide", "--out", tmp_path / "out") == 3
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["result.json"]


def test_sending_to_nobody_fails(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1 and a line that says who did not answer."""
    assert command("phantom", tmp_path / "slide", "--size", "2048") == 0
    assert command("send", tmp_path / "slide", "--to", f"NOBODY@127.0.0.1:{free_port()}") == 1
    assert "NOBODY" in capsys.readouterr().err


def test_an_address_that_is_none_is_refused(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """AE@host:port is asked for."""
    assert command("send", tmp_path, "--to", "127.0.0.1:104") in {1, 2}
    assert "127.0.0.1:104" in capsys.readouterr().err


def test_status_of_an_empty_node(
    command: Callable[..., int], settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON for programs, tables for people."""
    assert command("status", "--json", "--settings", settings) == 0
    assert json.loads(capsys.readouterr().out) == {"slides": [], "deliveries": []}
    assert command("status", "--settings", settings) == 0


def test_check_tells_what_answers(
    command: Callable[..., int], settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Database, disk and models answer; a PACS that does not makes the status 1."""
    assert command("check", "--settings", settings) == 0
    assert "FAILED" not in capsys.readouterr().out
    pacs = f'[[pacs]]\nname = "a"\nae_title = "A"\nhost = "127.0.0.1"\nport = {free_port()}\n'
    settings.write_text(settings.read_text(encoding="utf-8") + pacs, encoding="utf-8")
    assert command("check", "--settings", settings) == 1
    assert "FAILED" in capsys.readouterr().out
