"""The settings of TLS, callers and audit, and what the node makes of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marrowcount.errors import DeliveryRefusedError, PeerError, SettingsError
from marrowcount.main.auditing import AuditedDestination, audit_trail
from marrowcount.main.checking import run_checks
from marrowcount.main.dimse_service import listener_settings
from marrowcount.main.securing import certificates_of
from marrowcount.ports import TakenFile
from marrowcount.ports.audit import AuditOutcome, Party
from marrowcount.settings import read_settings, variable_names
from marrowcount.testing import HeldClock, RecordingDestination
from marrowcount.workflow.access import AccessRules, Claim, Service
from tls_files import TlsFolder


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variable_names():
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], object]:
    def read_text(text: str) -> object:
        file = tmp_path / "settings.toml"
        file.write_text(text, encoding="utf-8")
        return read_settings(file)

    return read_text


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[tls]\ncertificate = 'a.pem'", "tls.key belong together"),
        ("[tls]\ndicom_port = 2762", "needs tls.certificate"),
        ("[tls]\nplain_dicom = false", "name it"),
        ("[tls]\nrevocations_file = 'crl.pem'", "needs tls.authorities"),
        ("[tls]\nminimum_version = '1.1'", "'1.2' or '1.3'"),
        ("[[caller]]\nae_title = 'A'\ncertificates = ['cn:a']", "name that file"),
        ("[[caller]]\nae_title = 'A'\ncertificates = ['who']", "kind:value"),
        ("[[caller]]\nae_title = 'A'\naddresses = ['10.0.0.1/8']", "host bits"),
        ("[[caller]]\nae_title = 'A'\nservices = ['all']", "'store'"),
        ("[receive]\nallowed_callers = ['A@nowhere']", "nowhere"),
        ("[audit]\nto = 'syslog-tls'", "needs audit.host"),
        ("[node]\nhost = '0.0.0.0'", "tables caller"),
    ],
)
def test_settings_that_cannot_work_are_refused(read: Callable[[str], object], text: str, named: str) -> None:
    """Each says what is missing, before anything is started."""
    with pytest.raises(SettingsError) as failure:
        read(text)
    assert named in failure.value.message


def test_tables_and_list_of_callers_add_up(tmp_path: Path) -> None:
    """The short list still works, networks included, and tables narrow what a caller may ask for."""
    file = tmp_path / "settings.toml"
    file.write_text(
        "[node]\nhost = '0.0.0.0'\n[receive]\nallowed_callers = ['SCANNER@10.1.2.0/24', 'OLD']\n"
        "[tls]\nauthorities = 'ca.pem'\n"
        "[[caller]]\nae_title = 'PACS'\nservices = ['commitment']\n"
        "[[caller]]\nae_title = '*'\ncertificates = ['CN:Robot', 'dns:robot.example.org']\nservices = ['store']\n"
    )
    made = listener_settings(read_settings(file))
    assert made.allowed_callers == {"SCANNER@10.1.2.0/24", "OLD"}
    rules = AccessRules(made.callers)
    assert rules.services_for(Claim("PACS", "10.0.0.1")) == {Service.COMMITMENT}
    assert rules.services_for(Claim("ANY", "10.0.0.1", frozenset({"cn:robot"}))) == {Service.STORE}
    assert rules.services_for(Claim("SCANNER", "10.1.2.3")) is None


@pytest.mark.parametrize(("plain", "ports"), [("true", (104, 2762)), ("false", (2762, None))])
def test_secured_port_stands_beside_the_plain_one_or_alone(
    tmp_path: Path, plain: str, ports: tuple[int, int | None]
) -> None:
    """As the settings have it."""
    file = tmp_path / "settings.toml"
    file.write_text(
        f"[node]\nport = 104\n[tls]\ncertificate = 'a'\nkey = 'b'\ndicom_port = 2762\nplain_dicom = {plain}\n"
    )
    made = listener_settings(read_settings(file))
    assert (made.port, made.tls_port) == ports


def test_check_warns_before_a_certificate_expires(tmp_path: Path) -> None:
    """``check`` says which certificate is the first to expire and in how many days, and fails when that is soon."""
    house = TlsFolder.made_in(tmp_path / "house")
    identity = house.identity(expires=datetime.now(UTC) + timedelta(days=20, hours=1))
    text = (
        f"[node]\ndata_folder = '{tmp_path}'\n[tls]\ncertificate = '{identity.certificate}'\nkey = '{identity.key}'\n"
    )
    file = tmp_path / "settings.toml"
    for warn_days, ok in ((30, False), (10, True)):
        file.write_text(f"{text}warn_days = {warn_days}\n")
        settings = read_settings(file)
        (check,) = [check for check in run_checks(settings) if check.what == "certificates"]
        assert check.ok is ok
        assert "20 days" in check.said
    assert certificates_of(settings)[0].file == identity.certificate


def test_key_open_to_others_fails_the_check(tmp_path: Path) -> None:
    """The same words as at the start of the node."""
    identity = TlsFolder.made_in(tmp_path / "house").identity()
    identity.key.chmod(0o644)
    file = tmp_path / "settings.toml"
    file.write_text(f"[tls]\ncertificate = '{identity.certificate}'\nkey = '{identity.key}'\n")
    with pytest.raises(SettingsError, match="chmod 600"):
        certificates_of(read_settings(file))


def test_attempts_to_send_are_audited(tmp_path: Path) -> None:
    """What a destination took and what it did not are told apart, with the code of the failure; the error goes on."""
    told: list[tuple[list[str], AuditOutcome, str]] = []
    files = [tmp_path / "annotations.dcm", tmp_path / "report.dcm"]
    for file in files:
        file.touch()

    def tell(_party: Party, sent: object, outcome: AuditOutcome, detail: str) -> None:
        told.append(([file.name for file in sent], outcome, detail))  # type: ignore[attr-defined]

    for error in (PeerError("peer-unreachable", "down"), DeliveryRefusedError("instance-refused", "no")):
        failing = AuditedDestination(RecordingDestination("pacs", error), tell, Party("PACS"))
        with pytest.raises(type(error)):
            failing.send(files, ignored)
    AuditedDestination(RecordingDestination("pacs"), tell, Party("PACS")).send(files, ignored)
    bundle = [tmp_path / "bundle.json"]
    AuditedDestination(RecordingDestination("ehr"), tell, Party("EHR")).send(bundle, ignored)
    both = ["annotations.dcm", "report.dcm"]
    assert [entry for entry in told if entry[0]] == [
        (both, AuditOutcome.MINOR_FAILURE, "peer-unreachable"),
        (both, AuditOutcome.SERIOUS_FAILURE, "instance-refused"),
        (both, AuditOutcome.SUCCESS, ""),
        (both, AuditOutcome.SUCCESS, ""),
    ]


def ignored(_file: Path, _taken: TakenFile) -> None:
    """Nobody asks."""


def test_audit_can_be_turned_off(tmp_path: Path) -> None:
    """Then nothing is written."""
    file = tmp_path / "settings.toml"
    file.write_text(f"[node]\ndata_folder = '{tmp_path / 'data'}'\n[audit]\nto = 'off'\n")
    audit_trail(read_settings(file), HeldClock()).activity(started=True)
    assert not (tmp_path / "data").exists()
    file.write_text(f"[node]\ndata_folder = '{tmp_path / 'data'}'\n")
    audit_trail(read_settings(file), HeldClock()).activity(started=True)
    assert len(list((tmp_path / "data" / "audit" / "spool" / "waiting").iterdir())) == 1
