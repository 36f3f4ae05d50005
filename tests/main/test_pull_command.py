"""``marrowcount pull``: which study is meant, what is shown to whom, and the exit statuses."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from audit_schema import coded, complaints, parsed
from marrowcount.main import cli
from marrowcount_adapters.sql import open_ledger
from scripted_dicomweb import ScriptedDicomWeb, scripted_dicomweb
from slide_files import slide_file


@pytest.fixture
def script(tmp_path: Path) -> ScriptedDicomWeb:
    return ScriptedDicomWeb([slide_file(tmp_path / f"{uid}.dcm", uid) for uid in ("1.2.3.1", "1.2.3.2")])


@pytest.fixture
def pull(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: ScriptedDicomWeb) -> Iterator[Callable[..., int]]:
    """Runs the command on a node with that archive; its exit status."""
    with ExitStack() as stack:
        url = stack.enter_context(scripted_dicomweb(script))
        settings = tmp_path / "settings.toml"
        settings.write_text(
            f'[node]\ndata_folder = "{tmp_path}/node"\n[receive]\ndisk_watermark_gib = 0\n'
            f'[[archive]]\nname = "vault"\nhow = "web"\nurl = "{url}"\ntimeout_s = 10\n'
        )

        def run(*arguments: str) -> int:
            monkeypatch.setattr("sys.argv", ["marrowcount", "pull", *arguments, "--settings", str(settings)])
            with pytest.raises(SystemExit) as ended:
                cli.run()
            return int(ended.value.code or 0)

        yield run


def test_a_patients_slide_is_pulled(
    pull: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 0; the node holds it, remembers what the archive listed, and a second pull fetches nothing."""
    assert pull("--patient", "SECRET-17") == 0
    ledger = open_ledger(f"sqlite:///{tmp_path}/node/ledger.sqlite")
    (slide,) = ledger.slides()
    ledger.close()
    assert (slide.instances, slide.sender) == (2, "vault")
    said = capsys.readouterr()
    assert "1.2.3" in said.out
    assert pull("--study", "1.2", "--from", "vault") == 0
    said = capsys.readouterr()
    assert "SECRET" not in said.err


def test_what_was_asked_and_what_came_is_audited(
    pull: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each query of the pull as the node's own, with the patient in the message alone; then the transfer."""
    assert pull("--patient", "SECRET-17") == 0
    folder = tmp_path / "node" / "audit" / "spool" / "waiting"
    messages = [parsed(file.read_bytes()) for file in sorted(folder.glob("*.xml"))]
    assert [complaints(message) for message in messages] == [[]] * len(messages)
    kinds = [coded(message, "EventID")[0][0] for message in messages]
    assert kinds == ["110112", "110112", "110112", "110102", "110104"]
    asked = [b64decode(message.findtext(".//ParticipantObjectQuery") or "") for message in messages[:3]]
    assert [query.partition(b"?")[0] for query in asked] == [
        b"/web/studies",
        b"/web/studies/1.2/series",
        b"/web/studies/1.2/series/1.2.3/instances",
    ]
    assert b"PatientID=SECRET-17" in asked[0]
    source, destination = messages[0].findall("ActiveParticipant")
    assert (source.attrib["UserID"], source.attrib["UserIsRequestor"]) == ("MARROWCOUNT", "true")
    assert destination.attrib["UserID"].startswith("http://127.0.0.1:")
    assert "SECRET" not in capsys.readouterr().err


def test_several_studies_are_shown_and_none_is_guessed(
    pull: Callable[..., int], script: ScriptedDicomWeb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1; the list with names is on the screen, the failure and the log hold none, and nothing was fetched."""
    script.files.append(slide_file(tmp_path / "other.dcm", "1.9.1", StudyInstanceUID="1.9", SeriesInstanceUID="1.9.9"))
    assert pull("--patient", "SECRET-17") == 1
    said = capsys.readouterr()
    assert "Secret^Patient" in said.out
    assert "1.9" in said.out
    assert "several-studies" in said.err
    assert "secret" not in said.err.lower()
    assert not any("instances/" in path for path, _, _ in script.requests)


def test_what_is_lacking_makes_the_status_1(
    pull: Callable[..., int], script: ScriptedDicomWeb, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table names it with the reason; the next pull goes on."""
    script.statuses["1.2.3.2"] = 404
    assert pull("--study", "1.2") == 1
    said = capsys.readouterr()
    assert "1.2.3.2" in said.out
    assert "pull-incomplete" in said.err
    script.statuses.clear()
    assert pull("--study", "1.2", "--series", "1.2.3") == 0


def test_instances_that_the_archive_gets_meanwhile_come_too(
    pull: Callable[..., int], script: ScriptedDicomWeb, tmp_path: Path
) -> None:
    """The archive is asked again after the fetch, and had got one more."""
    content = script.content

    def growing(uid: str) -> bytes | None:
        if len(script.files) == 2:
            script.files.append(slide_file(tmp_path / "late.dcm", "1.2.3.3"))
        return content(uid)

    script.content = growing  # type: ignore[method-assign]
    assert pull("--study", "1.2") == 0
    ledger = open_ledger(f"sqlite:///{tmp_path}/node/ledger.sqlite")
    (slide,) = ledger.slides()
    ledger.close()
    assert slide.instances == 3


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--patient", "1", "--study", "1.2"),
        ("--issuer", "X"),
        ("--patient", "1", "--series", "1.2.3"),
        ("--study", "1.2", "--from", "nowhere"),
        ("--patient", "*"),
        ("--study", "1.2", "--how", "move"),
    ],
)
def test_questions_that_are_none_have_status_2(pull: Callable[..., int], arguments: tuple[str, ...]) -> None:
    """Nothing is asked, or too much, or nobody to ask, or in a way that the settings do not describe."""
    assert pull(*arguments) == 2
