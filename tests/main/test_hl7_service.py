"""Messages of HL7 v2 as the node writes, routes and sends them, by its settings alone."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hl7_messages import figures, segments
from made_up_result import CONTEXT, make_result, make_source_header
from marrowcount.errors import DeliveryHeldError, Refusal, SettingsError, SlideError
from marrowcount.main.auditing import audit_trail
from marrowcount.main.checking import run_checks
from marrowcount.main.destinations import destinations_of, orders_of_folder
from marrowcount.main.hl7_messages import hl7_destination, hl7_file, hl7_messages
from marrowcount.main.result_files import HL7_FILES
from marrowcount.main.result_writing import write_refusal, write_result
from marrowcount.main.securing import certificates_of, uses_tls
from marrowcount.ports import DeliveryKind
from marrowcount.review import ReportStatus, counted
from marrowcount.settings import Hl7Section, Settings, read_settings, variable_names
from marrowcount.testing import HeldClock, ScriptedCellModel, ScriptedRoiModel
from marrowcount.workflow.routing import Origin
from marrowcount_adapters.hl7v2 import ready
from marrowcount_adapters.mllp import destination as mllp_module
from marrowcount_adapters.mllp import framing
from mllp_receivers import acknowledging, asyncio_receiver, number_of, scripted
from tls_files import TlsFolder

HOSPITAL = {"HOSP": "HOSP&1.2.3.4&ISO"}
SCANNER = Origin("SCANNER", "General Hospital")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variable_names():
        monkeypatch.delenv(name.upper(), raising=False)


def engine(name: str = "engine", port: int = 2575, **more: object) -> Hl7Section:
    how = {"assigning_authorities": HOSPITAL, "with_details": False, **more}
    return Hl7Section(name=name, host="127.0.0.1", port=port, **how)  # type: ignore[arg-type]


def settings_with(*sections: Hl7Section, **more: object) -> Settings:
    return Settings(hl7=sections, **more)  # type: ignore[arg-type]


def test_each_destination_has_a_file_of_its_own(tmp_path: Path) -> None:
    """As its settings want it; no file is written where nobody takes messages."""
    settings = settings_with(engine(), engine("lab system", me_ratio_as="NM"))
    write_result(counted(make_result()), make_source_header(), tmp_path, settings)
    written = {path.name: path.read_bytes() for path in tmp_path.glob(HL7_FILES)}
    assert written.keys() == {hl7_file("engine"), hl7_file("lab system")}
    kinds = {name: figures(message)[13].kind for name, message in written.items()}
    assert kinds == {hl7_file("engine"): "SN", hl7_file("lab system"): "NM"}
    write_result(counted(make_result()), make_source_header(), tmp_path, Settings())
    assert list(tmp_path.glob(HL7_FILES)) == []


def test_nothing_of_a_message_is_left_beside_a_refusal(tmp_path: Path) -> None:
    """A slide that cannot be counted any more has no message of an earlier count."""
    write_result(counted(make_result()), make_source_header(), tmp_path, settings_with(engine()))
    write_refusal(SlideError(Refusal.NO_CELLS, "none"), tmp_path, (ScriptedRoiModel(), ScriptedCellModel()))
    assert list(tmp_path.glob(HL7_FILES)) == []


@pytest.mark.parametrize("names", [("EHR", "ehr!"), ("a/b", "a b"), ("x" * 60 + "1", "x" * 60 + "2"), ("山田", "..")])
def test_names_of_files_are_safe_and_tell_destinations_apart(names: tuple[str, str]) -> None:
    """Whatever a destination is called."""
    one, other = map(hl7_file, names)
    assert one != other
    assert all(name.isascii() and "/" not in name and len(name) < 64 for name in (one, other))


def test_a_count_that_waits_for_a_person_has_no_message() -> None:
    """It must not go out over what a person answered for."""
    waiting = counted(make_result(), [ReportStatus.PRELIMINARY, ReportStatus.FINAL])
    assert hl7_messages(waiting, settings_with(engine()), None) == {}


def test_a_message_goes_to_its_own_destination_alone(tmp_path: Path) -> None:
    """By sender and institution as all results; never to another engine, whose settings differ."""
    engines = engine("a"), engine("b", senders=["OTHER"]), engine("c", institutions=["general*"])
    settings = settings_with(*engines, node={"data_folder": tmp_path})
    folder = settings.results_folder / "1.2" / "1.1"
    folder.mkdir(parents=True)
    for name in ("differential.sr.dcm", "fhir.json", *map(hl7_file, "abc")):
        (folder / name).write_text("{}")
    orders = orders_of_folder(settings, "1.2/1.1", SCANNER)
    assert [(order.kind, order.destination, order.files) for order in orders] == [
        (DeliveryKind.HL7V2, name, (f"1.2/1.1/{hl7_file(name)}",)) for name in ("a", "c")
    ]


def test_what_was_written_is_sent_and_audited(tmp_path: Path) -> None:
    """The file, bit by bit; the audit trail names whom it went to."""
    with asyncio_receiver() as (port, received):
        settings = settings_with(engine(port=port), node={"data_folder": tmp_path}, audit={"to": "file"})
        write_result(counted(make_result()), make_source_header(), tmp_path / "result", settings)
        file = tmp_path / "result" / hl7_file("engine")
        destinations = destinations_of(settings, audit_trail(settings, HeldClock()))
        destinations["engine"].send([file], lambda *_: None)
    assert list(received.filed) == [number_of(file.read_bytes())]
    (event,) = (tmp_path / "audit" / "spool").rglob("*.xml*")
    assert f"mllp://127.0.0.1:{port}" in event.read_text()


def test_a_site_wide_map_of_issuers_serves_as_well() -> None:
    """The URI that FHIR needs makes an authority, where no own name is given."""
    settings = settings_with(engine(assigning_authorities={}), patient_id_systems={"HOSP": "urn:oid:1.2.3.4"})
    (message,) = hl7_messages(counted(make_result()), settings, None).values()
    assert segments(message, "PID")[0][3] == "MRN00017^^^&1.2.3.4&ISO^MR"


def test_a_slide_of_nobody_known_is_written_and_held(tmp_path: Path) -> None:
    """The count is not lost for want of an issuer; what was written leaves once the settings name it."""
    result = make_result(context=replace(CONTEXT, patient_id_issuer="ELSEWHERE"))
    with scripted(acknowledging("AA")) as (port, received):
        unknown = settings_with(engine(port=port))
        write_result(counted(result), make_source_header(), tmp_path, unknown)
        file = tmp_path / hl7_file("engine")
        with pytest.raises(DeliveryHeldError, match="unmapped-patient-issuer"):
            hl7_destination(unknown.hl7[0], unknown).send([file], lambda *_: None)
        known = settings_with(engine(port=port, assigning_authorities={"ELSEWHERE": "ELSE"}))
        hl7_destination(known.hl7[0], known).send([file], lambda *_: None)
    (message,) = received.arrived
    assert segments(message, "PID")[0][3] == "MRN00017^^^ELSE^MR"


def test_engines_are_asked_whether_they_answer(tmp_path: Path) -> None:
    """By connecting; one that is away is told with its address."""
    with scripted(acknowledging("AA")) as (port, received):
        settings = settings_with(engine(port=port), engine("away", 9), node={"data_folder": tmp_path})
        checks = {check.what: check for check in run_checks(settings) if check.what.startswith("HL7")}
    assert (checks["HL7 engine"].ok, checks["HL7 engine"].said) == (True, "connected")
    assert not checks["HL7 away"].ok
    assert checks["HL7 away"].where == "127.0.0.1:9"
    assert received.arrived == []


def test_tls_comes_from_the_settings(tmp_path: Path) -> None:
    """The node's certificate is shown, the house's authorities are believed, and their expiry is watched."""
    house = TlsFolder.made_in(tmp_path / "tls")
    node, at_engine = house.identity("node"), house.identity("engine")
    tls = {"certificate": node.certificate, "key": node.key, "authorities": house.authorities}
    settings = settings_with(engine(tls=True), tls=tls)
    context = hl7_destination(settings.hl7[0], settings).tls
    assert context is not None
    assert uses_tls(settings_with(engine(tls=True)))
    assert not uses_tls(settings_with(engine()))
    own = settings_with(engine(tls=True, tls_authorities=at_engine.certificate))
    assert [facts.file for facts in certificates_of(own)] == [at_engine.certificate]


DOCS = Path(__file__).parents[2] / "docs" / "hl7.md"
RAISES = re.compile(r'(?:Error|Sent)\(\s*"([a-z-]+)"')


def test_the_example_of_the_guide_is_read(tmp_path: Path) -> None:
    """Whoever copies it has an engine."""
    (example,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "settings.toml"
    file.write_text(example, encoding="utf-8")
    (section,) = read_settings(file).hl7
    assert section.assigning_authorities["GENERAL HOSPITAL"] == "HOSP&1.2.3.4&ISO"


def test_every_code_of_a_failure_stands_in_the_guide() -> None:
    """An operator who reads one in the outbox finds what to do."""
    text = DOCS.read_text(encoding="utf-8")
    sources = [
        Path(module.__file__ or "").read_text(encoding="utf-8")
        for module in (sys.modules[ready.__module__], mllp_module, framing)
    ]
    codes = {code for source in sources for code in RAISES.findall(source)}
    assert len(codes) > 8
    assert {code for code in codes if f"`{code}`" not in text} == set()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("sending_application = 'A&B'", "NAME&UNIVERSAL-ID&TYPE"),
        ("sending_application = ''", "NAME&UNIVERSAL-ID&TYPE"),
        ("sending_application = 'A|B'", "NAME&UNIVERSAL-ID&TYPE"),
        (f"receiving_facility = '{'x' * 21}'", "at most 20"),
        ("assigning_authorities = { HOSP = 'HOSP&1.2&OID' }", "table 0301"),
        ("processing_id = 'X'", "'P', 'T' or 'D'"),
        ("character_set = 'ascii'", "'utf-8' or 'iso-8859-1'"),
        ("[[hl7]]\nname = 'a'\nhost = 'y'\nport = 2", "unique"),
    ],
)
def test_what_is_wrong_in_the_settings_is_named(tmp_path: Path, text: str, named: str) -> None:
    """With what is allowed, before anything is started."""
    file = tmp_path / "settings.toml"
    file.write_text(f"[[hl7]]\nname = 'a'\nhost = 'x'\nport = 1\n{text}\n", encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        read_settings(file)
    assert named in raised.value.message
