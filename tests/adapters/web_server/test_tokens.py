"""Tokens are known by their digests, and good for what their line says."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from marrowcount.errors import SettingsError
from marrowcount_adapters.web_server import Right, TokenFile

TOKEN, OTHER = "a-token-that-is-long-enough", "another-token-long-enough"
HASHED = hashlib.sha256(OTHER.encode()).hexdigest()


def written(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    # A change within the same tick of the file system's clock would not be seen.
    status = file.stat()
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    return file


def test_plain_and_hashed_tokens_are_known(tmp_path: Path) -> None:
    """By name and rights; comments and empty lines are passed over."""
    file = written(tmp_path / "t", f"# who\n\nviewer read {TOKEN}\nscanner  read,write sha256:{HASHED}\n")
    tokens = TokenFile(file)
    viewer, scanner = tokens.holder(TOKEN), tokens.holder(OTHER)
    assert viewer is not None
    assert scanner is not None
    assert (viewer.name, viewer.rights) == ("viewer", {Right.READ})
    assert (scanner.name, scanner.rights) == ("scanner", {Right.READ, Right.WRITE})
    for stranger in ("", "x", TOKEN + "x", HASHED, f"sha256:{HASHED}", "tök\udcff"):
        assert tokens.holder(stranger) is None


def test_a_change_is_seen_at_once(tmp_path: Path) -> None:
    """A token that was taken out is good no more, one that was put in is."""
    file = written(tmp_path / "t", f"a read {TOKEN}\n")
    tokens = TokenFile(file)
    written(file, f"b write {OTHER}\n")
    assert tokens.holder(TOKEN) is None
    assert tokens.holder(OTHER) is not None


def test_a_broken_change_shuts_everybody_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Until it is mended: what was to be revoked must not live on. The log names the line, not the token."""
    file = written(tmp_path / "t", f"a read {TOKEN}\n")
    tokens = TokenFile(file)
    written(file, f"a read {TOKEN}\nb reed {OTHER}\n")
    assert tokens.holder(TOKEN) is None
    logged = capsys.readouterr().out
    assert "line 2" in logged
    assert OTHER not in logged
    file.unlink()
    assert tokens.holder(TOKEN) is None
    written(file, f"a read {TOKEN}\n")
    assert tokens.holder(TOKEN) is not None


@pytest.mark.parametrize(
    "line", [TOKEN, f"a {TOKEN}", f"a read,fly {TOKEN}", f"a read {TOKEN} more", "a read short", f"ä read {TOKEN}"]
)
def test_other_lines_are_refused(tmp_path: Path, line: str) -> None:
    """Naming the line, without quoting it."""
    with pytest.raises(SettingsError, match="line 2") as caught:
        TokenFile(written(tmp_path / "t", f"# first\n{line}\n"))
    assert TOKEN not in caught.value.message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        TokenFile(tmp_path / "none")
