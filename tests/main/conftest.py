"""What tests of commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from marrowcount.main import cli

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def run_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs ``marrowcount`` with these words in this process; its exit status, and what it said on both outputs."""
    monkeypatch.setenv("COLUMNS", "240")

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["marrowcount", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.run()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run
