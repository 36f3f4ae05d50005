"""``marrowcount result``: a counted slide's report is verified, amended, withdrawn, kept, by the person logged in."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pydicom
import pypdf
import pytest
import typer

from counted_slides import CountedSlide, DrawnSlide, drawn_slide, hold_counted_slide
from marrowcount.cytology.cell_types import CellType
from marrowcount.errors import DecisionError
from marrowcount.main import people
from marrowcount.main.parts import open_parts
from marrowcount.main.result_commands import counts_of
from marrowcount.main.result_files import COUNT_FILE, DIFFERENTIAL_SR, DOCUMENT, FHIR_FILE, NOTE_ENDING, REPORT_FILE
from marrowcount.ports import CountedOutcome, Decision, Delivery, DeliveryKind, TakenFile
from marrowcount.settings import PractitionerSection, Settings, read_settings
from marrowcount.slides.states import DeliveryState
from marrowcount_adapters.filesystem import FolderStore
from marrowcount_adapters.sql import SqlDecisions, SqlReports, open_ledger
from marrowcount_adapters.structured_report.rejection import taken_back

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from marrowcount.ports import ReportVersion

DESTINATIONS = """
[[pacs]]
name = "archive"
ae_title = "PACS"
host = "127.0.0.1"
port = 104
[[ehr]]
name = "ehr"
base_url = "http://127.0.0.1:9/fhir"
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> DrawnSlide:
    return drawn_slide(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def held(drawn: DrawnSlide, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CountedSlide]:
    """A node with a counted slide, as each test begins with it."""
    home = tmp_path_factory.mktemp("node")
    with open_parts(Settings(node={"data_folder": home / "node"})) as parts:
        slide = hold_counted_slide(parts, drawn)
    return home, slide


@pytest.fixture
def slide(held: tuple[Path, CountedSlide], tmp_path: Path) -> CountedSlide:
    home, counted = held
    shutil.copytree(home / "node", tmp_path / "node", dirs_exist_ok=True)
    return CountedSlide(counted.series_uid, counted.result, tmp_path / "node/results" / counted.series_uid / "1.1")


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    account = pwd.getpwuid(os.getuid()).pw_name
    person = 'number = "4711"\nsystem = "urn:oid:1.2.3"\nfamily_name = "Curie"\ngiven_name = "Marie"\n'
    file = tmp_path / "settings.toml"
    file.write_text(
        f'organisation = "Haematology"\n[node]\ndata_folder = "{tmp_path}/node"\n'
        f'[[practitioner]]\naccount = "{account}"\n{person}{DESTINATIONS}',
        encoding="utf-8",
    )
    return file


@pytest.fixture
def command(
    run_command: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    settings: Path,
    slide: CountedSlide,
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setattr(people, "logged_in_account", lambda: pwd.getpwuid(os.getuid()).pw_name)
    return lambda act, *words: run_command("result", act, slide.series_uid, *words, "--settings", settings)


class Node:
    """What the node remembers, and a sender that delivers."""

    def __init__(self, settings: Path, slide: CountedSlide) -> None:
        self.settings, self.slide = read_settings(settings), slide
        self.results = self.settings.results_folder

    @property
    def versions(self) -> Sequence[ReportVersion]:
        with closing(open_ledger(self.settings.database_url)) as ledger:
            return SqlReports(ledger).versions(self.slide.series_uid)

    @property
    def folder(self) -> Path:
        return self.results / self.versions[-1].folder

    @property
    def deliveries(self) -> Sequence[Delivery]:
        with closing(open_ledger(self.settings.database_url)) as ledger:
            return ledger.deliveries(self.slide.series_uid)

    def owed(self) -> dict[DeliveryKind, set[str]]:
        """Names of the files that wait, by protocol."""
        waiting = [each for each in self.deliveries if each.state is DeliveryState.WAITING]
        return {each.order.kind: {file.rpartition("/")[2] for file in each.order.files} for each in waiting}

    def deliver(self) -> None:
        """The archive takes all that is due to it."""
        later = datetime.now(UTC) + timedelta(days=1)
        with closing(open_ledger(self.settings.database_url)) as ledger:
            while delivery := ledger.lease_delivery("sender", later, 60.0, "archive"):
                for file in delivery.unsent:
                    uid = pydicom.dcmread(self.results / file, stop_before_pixels=True).SOPInstanceUID
                    ledger.file_taken(delivery, TakenFile(file, "", str(uid)))
                ledger.delivered(delivery, later)

    def recount(self) -> None:
        """A person wants the slide counted again; the worker holds the new count back."""
        now, series = datetime.now(UTC), self.slide.series_uid
        place = f"{series}/2.1"
        shutil.copytree(self.results / series / "1.1", self.results / place)
        with closing(open_ledger(self.settings.database_url)) as ledger:
            assert SqlDecisions(ledger).recount(series, Decision("A. Person", "another model", now))
            assert ledger.mark_ready(series, 2, "complete", now)
            job = ledger.lease_job("worker", now, 60.0)
            assert job is not None
            assert ledger.finish(job, CountedOutcome(place, "{}", (), follows=2, given_out=False), now)


@pytest.fixture
def node(settings: Path, slide: CountedSlide) -> Node:
    return Node(settings, slide)


def resources(folder: Path, kind: str) -> list[dict[str, object]]:
    bundle = json.loads((folder / FHIR_FILE).read_text(encoding="utf-8"))
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def test_verified_unchanged(command: Callable[..., tuple[int, str, str]], node: Node, slide: CountedSlide) -> None:
    """Final everywhere, with the same figures, by the person logged in; the older version waits no more."""
    node.deliver()
    status, said, _ = command("verify", "--comment", "Auer rods")
    assert status == 0
    assert said == f"{slide.series_uid} is final now, version 2, signed by Marie Curie\n"
    assert [str(version.status) for version in node.versions] == ["preliminary", "final"]
    report = pydicom.dcmread(node.folder / DIFFERENTIAL_SR)
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("VERIFIED", "FINAL")
    assert report.VerifyingObserverSequence[0].VerifyingOrganization == "Haematology"
    assert pydicom.dcmread(node.folder / DOCUMENT).VerificationFlag == "VERIFIED"
    assert {each["status"] for each in resources(node.folder, "Observation")} == {"final"}
    text = " ".join(pypdf.PdfReader(node.folder / REPORT_FILE).pages[0].extract_text().split())
    assert "verified by Marie Curie" in text
    assert "PRELIMINARY" not in text
    summary = json.loads((node.folder / "result.json").read_text(encoding="utf-8"))
    assert (summary["status"], summary["version"]) == ("final", 2)


def test_what_is_sent_takes_back_the_documents_before(command: Callable[..., tuple[int, str, str]], node: Node) -> None:
    """The archive gets the new documents and a note on the older ones; annotations stay as they were."""
    node.deliver()
    first = node.folder
    assert command("verify")[0] == 0
    owed = node.owed()
    assert owed[DeliveryKind.FHIR] == {FHIR_FILE}
    assert {DIFFERENTIAL_SR, DOCUMENT} < owed[DeliveryKind.DICOM]
    assert predecessor_of(node.folder) == uid_of(first / DIFFERENTIAL_SR)
    node.deliver()
    second = node.folder
    assert command("amend", "--comment", "Auer rods")[0] == 0
    (note,) = node.folder.glob(f"*{NOTE_ENDING}")
    assert note.name in node.owed()[DeliveryKind.DICOM]
    assert set(taken_back(pydicom.dcmread(note))) == {uid_of(second / DIFFERENTIAL_SR), uid_of(second / DOCUMENT)}
    assert (first / "cells.ann.dcm").samefile(node.folder / "cells.ann.dcm")


def uid_of(file: Path) -> str:
    return str(pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID)


def predecessor_of(folder: Path) -> str:
    (study,) = pydicom.dcmread(folder / DIFFERENTIAL_SR).PredecessorDocumentsSequence
    return str(study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID)


def test_figures_of_a_person(command: Callable[..., tuple[int, str, str]], node: Node, slide: CountedSlide) -> None:
    """They take the place of the machine's, which stand beside; corrected again after that, it is corrected."""
    assert command("verify", "--count", "blast=40", "--count", "plasma-cell=0")[0] == 0
    assert node.versions[-1].counts is not None
    assert node.versions[-1].counts[CellType.BLAST] == 40
    summary = json.loads((node.folder / "result.json").read_text(encoding="utf-8"))
    machine = slide.result.histogram[CellType.BLAST]
    assert summary["ndc"]["blast"]["count"] == 40
    assert summary["changed_by_a_person"]["blast"] == {"software": machine, "person": 40}
    assert command("amend", "--count", "blast=41")[1].startswith(f"{slide.series_uid} is corrected now, version 3")
    assert command("amend", "--comment", "seen")[1].startswith(f"{slide.series_uid} is amended now, version 4")
    assert node.versions[-1].counts[CellType.BLAST] == 41
    _, table, _ = command("show")
    assert [line.split()[1] for line in table.splitlines() if "Curie" in line] == ["2", "3", "4"]
    assert json.loads(command("show", "--json")[1])[3]["counts"]["blast"] == 41


def test_withdrawn(command: Callable[..., tuple[int, str, str]], node: Node) -> None:
    """All that the archive has is taken back, health records hear that it was an error, and nothing else is sent."""
    node.deliver()
    given = {pydicom.dcmread(node.folder / "cells.ann.dcm").SOPInstanceUID}
    assert command("withdraw", "--reason", "another patient's slide")[0] == 0
    note = next(node.folder.glob(f"*{NOTE_ENDING}"))
    assert set(taken_back(pydicom.dcmread(note))) == given
    assert node.owed() == {DeliveryKind.DICOM: {note.name}, DeliveryKind.FHIR: {FHIR_FILE}}
    assert {each["status"] for each in resources(node.folder, "DiagnosticReport")} == {"entered-in-error"}
    assert not list(node.folder.glob("*.sr.dcm"))
    assert (node.folder / COUNT_FILE).is_file()


def test_a_recount_waits_and_is_kept_out_or_verified(command: Callable[..., tuple[int, str, str]], node: Node) -> None:
    """What a person answered for stands until a person decides; who verifies the new count corrects the report."""
    assert command("verify")[0] == 0
    before = node.owed()
    node.recount()
    assert node.owed() == before
    assert command("keep", "--comment", "blurred")[1].endswith("is final now, version 4, signed by Marie Curie\n")
    assert node.owed() == before
    assert [version.given_out for version in node.versions] == [True, True, False, False]


def test_who_verifies_a_recount_corrects_the_report(command: Callable[..., tuple[int, str, str]], node: Node) -> None:
    """It takes the place of the version that was out."""
    assert command("verify")[0] == 0
    final = uid_of(node.folder / DIFFERENTIAL_SR)
    node.recount()
    assert "is corrected now, version 4" in command("verify")[1]
    assert predecessor_of(node.folder) == final
    assert {each["status"] for each in resources(node.folder, "Observation")} == {"corrected"}


@pytest.mark.parametrize(
    ("acts", "code"),
    [
        ([("verify",), ("verify",)], "not-preliminary"),
        ([("amend", "--comment", "x")], "not-released"),
        ([("keep",)], "nothing-held"),
        ([("withdraw", "--reason", " ")], "no-reason"),
    ],
)
def test_what_makes_no_sense_is_refused(
    command: Callable[..., tuple[int, str, str]], node: Node, acts: list[tuple[str, ...]], code: str
) -> None:
    """One line with its code; nothing is changed."""
    *before, last = acts
    for act in before:
        assert command(*act)[0] == 0
    versions = node.versions
    status, _, complaint = command(*last)
    assert (status, code in complaint) == (1, True)
    assert node.versions == versions


def test_nobody_else_may_sign(
    command: Callable[..., tuple[int, str, str]], node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who does not stand in the settings cannot make a report final."""
    monkeypatch.setattr(people, "logged_in_account", lambda: "mallory")
    status, _, complaint = command("verify")
    assert (status, "not-entitled" in complaint) == (1, True)
    assert len(node.versions) == 1


def test_without_the_slides_images_nothing_is_signed(
    command: Callable[..., tuple[int, str, str]], node: Node, slide: CountedSlide, tmp_path: Path
) -> None:
    """Its documents cannot be made; that is said, and what to do."""
    with closing(open_ledger(node.settings.database_url)) as ledger:
        for instance in ledger.instances(slide.series_uid):
            FolderStore(tmp_path / "node").path(instance.file.path).unlink()
    status, _, complaint = command("verify")
    assert (status, "image-lost" in complaint) == (1, True)
    assert len(node.versions) == 1
    assert command("withdraw", "--reason", "another patient's slide")[0] == 0


def test_a_count_that_is_lost_is_told(command: Callable[..., tuple[int, str, str]], node: Node) -> None:
    """Nobody signs what cannot be read."""
    (node.folder / COUNT_FILE).unlink()
    status, _, complaint = command("verify")
    assert (status, "count-lost" in complaint) == (1, True)


def test_an_unknown_slide_is_told(run_command: Callable[..., tuple[int, str, str]], settings: Path) -> None:
    """There is nothing to decide about."""
    status, _, complaint = run_command("result", "verify", "1.9", "--settings", settings)
    assert (status, "no-report" in complaint) == (1, True)


@pytest.mark.parametrize("text", ["blast", "blast=", "blast=-1", "blast=1.5", "blast=1,000", "platelet=3", "blas=3"])
def test_counts_that_are_none_are_refused(text: str) -> None:
    """A comma is no number, whatever the locale; a class outside the differential has no share."""
    with pytest.raises(typer.BadParameter):
        counts_of([text])


def test_counts_as_typed() -> None:
    """Names of classes as people write them; none twice."""
    assert counts_of(["Blast=40", "plasma-cell = 3"]) == {CellType.BLAST: 40, CellType.PLASMA_CELL: 3}
    with pytest.raises(typer.BadParameter, match="twice"):
        counts_of(["blast=1", "blast=2"])


def test_the_account_is_that_of_the_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``sudo`` does not make one person another; where nobody logged in, the process's own account counts."""
    other = next(each for each in pwd.getpwall() if each.pw_uid != os.getuid())
    login = tmp_path / "loginuid"
    monkeypatch.setattr(people, "LOGIN_UID", login)
    own = pwd.getpwuid(os.getuid()).pw_name
    assert people.logged_in_account() == own
    for content, account in ((str(other.pw_uid), other.pw_name), (str(2**32 - 1), own), ("", own)):
        login.write_text(content)
        assert people.logged_in_account() == account


def test_the_organisation_is_the_sites_unless_a_person_acts_for_another() -> None:
    """Every signature names one (PS3.3 C.17.2, Type 1)."""
    person = {"account": "a", "number": "1", "system": "urn:oid:1.2", "family_name": "Curie"}
    other = {**person, "account": "b", "organisation": "Consultants"}
    settings = Settings(
        organisation="Haematology", practitioner=(PractitionerSection(**person), PractitionerSection(**other))
    )
    assert people.practitioner_at("a", settings).organisation == "Haematology"
    assert people.practitioner_at("b", settings).organisation == "Consultants"
    with pytest.raises(DecisionError, match="not-entitled"):
        people.practitioner_at("c", settings)
