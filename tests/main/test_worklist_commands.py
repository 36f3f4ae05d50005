"""``marrowcount worklist``: a worklist of one's own as a process, and the node's tasks in sight."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
from typer.testing import CliRunner

from marrowcount.errors import SettingsError
from marrowcount.main.cli import app
from marrowcount.main.worklist_commands import serve_worklist
from marrowcount.ports import NewTask
from marrowcount.testing import HeldClock
from marrowcount_adapters.sql import SqlTasks, open_ledger
from workitems import new_workitem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_a_worklist_of_ones_own(tmp_path: Path) -> None:
    """It says where it listens, asks for the token, ends at SIGTERM, and remembers when it is started again."""
    token = tmp_path / "token"
    token.write_text("made-up\n", encoding="ascii")
    command = [sys.executable, "-m", "marrowcount", "worklist", "serve", "--folder", str(tmp_path / "list")]
    headers = {"Authorization": "Bearer made-up"}
    for start in range(2):
        with subprocess.Popen(
            [*command, "--port", "0", "--token-file", str(token)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            assert httpx.get(f"{url}/workitems", trust_env=False).status_code == 401
            if not start:
                made = httpx.post(f"{url}/workitems?2.25.1", json=[new_workitem()], headers=headers, trust_env=False)
                assert made.status_code == 201
            found = httpx.get(f"{url}/workitems", headers=headers, trust_env=False)
            assert [item["00080018"]["Value"] for item in found.json()] == [["2.25.1"]]
            process.terminate()
            assert process.wait(30) == 0


def test_an_open_worklist_is_refused(tmp_path: Path) -> None:
    """On a network address it needs a token."""
    with pytest.raises(SettingsError, match="open-worklist"):
        serve_worklist(tmp_path, host="0.0.0.0", port=0, token_file=None, keep_days=7)  # noqa: S104 - it is refused


def test_the_tasks_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To people and to programs, without the keys to the workitems."""
    monkeypatch.setenv("MARROWCOUNT_NODE__DATABASE_URL", f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    SqlTasks(ledger).open_task(NewTask("ris", "2.25.1", "2.25.999", (), ()), HeldClock().now())
    ledger.close()
    shown = CliRunner().invoke(app, ["worklist", "tasks", "--json"])
    (document,) = json.loads(shown.stdout)
    assert (document["workitem_uid"], document["state"], document["percent"]) == ("2.25.1", "claiming", 0)
    table = CliRunner().invoke(app, ["worklist", "tasks"])
    assert "claiming" in table.stdout
    assert "2.25.999" not in shown.stdout + table.stdout
