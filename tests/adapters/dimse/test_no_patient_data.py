"""Whatever is received, and whatever fails of it, the patient stays in the files."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import structlog

from marrowcount.errors import PeerError
from marrowcount.ports.audit import Party
from marrowcount.testing import HeldClock, RecordingAudit
from marrowcount.workflow.auditing import AuditTrail
from marrowcount.workflow.receive import ReceiveLimits, Receiving
from marrowcount_adapters.dimse import Calling, Listener, ListenerSettings, Peer, send_files
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.sql import open_ledger
from marrowcount_adapters.wsi.header import read_facts
from marrowcount_adapters.wsi.subject import read_subject

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRETS = {
    "PatientName": "Zzsecretname^Marker",
    "PatientID": "ZZID-4711",
    "IssuerOfPatientID": "ZZISSUER",
    "AccessionNumber": "ZZACC-0815",
    "PatientBirthDate": "19010203",
    "OtherPatientIDs": "ZZOTHER",
    "ReferringPhysicianName": "Zzphysician^Marker",
    "StudyDescription": "ZZSTUDYTEXT",
    "PatientComments": "ZZCOMMENT",
}


@pytest.fixture
def slides(make_slide: Callable[..., Path], tmp_path: Path) -> list[Path]:
    """Good ones, one of other bytes under a known identifier, incomplete ones, and broken ones."""
    made = [
        make_slide("good.dcm", **SECRETS),
        make_slide("conflict.dcm", **SECRETS | {"ContainerIdentifier": "ZZGLASS"}),
        make_slide("no-matrix.dcm", uid="1.2.3.6", **SECRETS, TotalPixelMatrixRows=None),
        make_slide("no-series.dcm", uid="1.2.3.7", **SECRETS, SeriesInstanceUID=""),
        make_slide("odd-series.dcm", uid="1.2.3.8", **SECRETS, StudyInstanceUID="1.2.3"),
    ]
    whole = made[0].read_bytes()
    for name, content in {
        "cut.dcm": whole[: whole.index(b"Zzsecretname") + 30],
        "letters.dcm": whole.replace(b"TILED_FULL", b"ZZTILE\xff\xfe\xfd\xfc").replace(b"1.2.3.4\0", b"1.2.3.9\0"),
        "rows.dcm": whole.replace(b"(\0\x10\0US\x02\0\0\x02", b"(\0\x10\0US\x01\0\0\x02"),
    }.items():
        (tmp_path / name).write_bytes(content)
        made.append(tmp_path / name)
    return made


def sent_raw(port: int, file: Path, title: str = "SCANNER") -> str:
    """What the node answers to a data set sent byte for byte, as text."""
    try:
        report = send_files([file], Peer("MARROWCOUNT", "127.0.0.1", port), Calling(title, answer_s=60))
    except PeerError as error:
        return f"rejected {error}"
    return f"{report.sent[0].status} {report.sent[0].reason}"


def test_nothing_but_the_files_holds_the_patient(
    slides: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Receipt, refusal, quarantine and rejection: neither logs, file names, answers nor the ledger name anybody; the
    audit trail does, as it must."""
    store, ledger = FolderStore(tmp_path / "store"), open_ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    receiving = Receiving(store, ledger, HeldClock(), read_facts, ReceiveLimits(min_free_bytes=0))
    audit = RecordingAudit()
    trail = AuditTrail(audit, HeldClock(), Party("MARROWCOUNT"), read_subject)
    settings = ListenerSettings("MARROWCOUNT", port=0, allowed_callers=frozenset({"SCANNER"}))
    listener = Listener(settings, receiving, lambda _report: None, trail)
    with caplog.at_level(logging.WARNING), structlog.testing.capture_logs() as logs:
        listener.start()
        answers = [sent_raw(listener.port, slide) for slide in slides]
        answers.append(sent_raw(listener.port, slides[0], "THIEF"))
        listener.stop(drain_s=5)
    ledger.close()
    assert len({answer.split()[0] for answer in answers if answer}) >= 4, answers  # they were not all judged alike
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as database:
        dumped = "\n".join(database.iterdump())
    places = {
        "log": str(logs),
        "libraries' log": caplog.text,
        "output": "".join(capfd.readouterr()),
        "answers": " ".join(answers),
        "file names": " ".join(str(path) for path in (tmp_path / "store").rglob("*")),
        "reasons": " ".join(path.read_text() for path in (tmp_path / "store" / "quarantine").glob("*.txt")),
        "ledger": dumped,
    }
    secrets = [*SECRETS.values(), "ZZGLASS", "ZZTILE", "zzsecretname"]
    found = {(place, secret) for place, text in places.items() for secret in secrets if secret in text}
    assert found <= {("ledger", "ZZGLASS")}  # the glass's number is the laboratory's, and not the patient's
    audited = str(audit.rest())
    assert "Zzsecretname^Marker" in audited
    assert "ZZID-4711^^^ZZISSUER" in audited
