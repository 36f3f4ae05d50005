"""The conformance statement says what the program does: its tables are current and complete."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydicom.dataset import Dataset

from marrowcount.ports import FailureReason
from marrowcount.workflow.verdicts import Verdict, verdict_of
from marrowcount.workitems import UpsStatus
from marrowcount_adapters.dimse.statuses import NotificationStatus, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
HERE = REPOSITORY / "conformance" / "dicom"


@pytest.fixture(scope="module", autouse=True)
def generate() -> Iterator[Any]:
    """The program that writes the statement, and modules beside it; later tests find neither."""
    path, modules = sys.path[:], set(sys.modules)
    sys.path.insert(0, str(HERE))
    import generate as program

    yield program
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(HERE)):
            del sys.modules[name]


def rows(generate: Any, table: str) -> list[list[str]]:  # noqa: ANN401
    """The cells of a table, without its heading."""
    return [line.strip("| ").split(" | ") for line in generate.TABLES[table]()][2:]


def statement() -> str:
    """The document as it is read."""
    return (HERE / "statement.md").read_text(encoding="utf-8")


def test_the_statement_is_current(generate: Any) -> None:  # noqa: ANN401
    """After a change of the code, `python conformance/dicom/generate.py` must be run."""
    assert list(generate.stale()) == []


def test_no_table_is_left_out(generate: Any) -> None:  # noqa: ANN401
    """What the code can tell stands in a document, and no place of a template was left open."""
    templates = "".join((HERE / f"{name}.template.md").read_text() for name in generate.DOCUMENTS)
    written = "".join((HERE / f"{name}.md").read_text() for name in generate.DOCUMENTS)
    assert {name for name in generate.TABLES if f"{{{{{name}}}}}" not in templates} == set()
    assert "{{" not in written


def test_the_statement_sends_nobody_elsewhere() -> None:
    """A reader at a hospital decides from it alone: it names no file of docs/."""
    assert "docs/" not in statement()


def test_chapters_stand_in_the_order_of_the_template() -> None:
    """PS3.2 Annex N: overview, introduction, model, content, DIMSE, DICOMweb, network, media, characters, security."""
    chapters = re.findall(r"^## \d+ (.+)$", statement(), re.MULTILINE)
    assert chapters == [
        "Overview",
        "Table of contents and introduction",
        "Implementation model",
        "Content",
        "Services: DIMSE",
        "Services: DICOMweb",
        "Network and communication details",
        "Media services",
        "Character sets",
        "Security",
        "Annexes",
    ]


def test_sections_are_numbered_without_gaps() -> None:
    """Each chapter, section and subsection has the number that follows from where it stands."""
    counts: list[int] = []
    for depth, number in re.findall(r"^(#{2,4}) ([0-9.]+) ", statement(), re.MULTILINE):
        level = len(depth) - 1
        counts = [*counts[:level], *[0] * (level - len(counts))]
        counts[level - 1] += 1
        assert number == ".".join(map(str, counts))


def test_every_entry_of_the_contents_leads_to_a_heading(generate: Any) -> None:  # noqa: ANN401
    """A link of the table of contents is the anchor of a heading, as is each link within the integration statement."""
    for name in generate.DOCUMENTS:
        text = (HERE / f"{name}.md").read_text(encoding="utf-8")
        anchors = {generate.anchor(title) for title in re.findall(r"^#{2,4} (.+)$", text, re.MULTILINE)}
        links = set(re.findall(r"\]\(#([^)]+)\)", text))
        assert links
        assert links <= anchors


def test_sections_that_are_referred_to_exist() -> None:
    """Where the statement says "see 5.5.1", or (3.4), there is such a section."""
    text = statement()
    numbers = set(re.findall(r"^#{2,4} ([0-9.]+) ", text, re.MULTILINE))
    referred = set(re.findall(r"\(([1-9]\d*\.\d+(?:\.\d+)?)\)", text))
    assert referred
    assert referred <= numbers


def test_each_service_has_the_statuses_that_it_answers(generate: Any) -> None:  # noqa: ANN401
    """C-STORE is never answered with 0120H, which only a notification is."""
    stored = {row[0] for row in rows(generate, "store-statuses")}
    notified = {row[0] for row in rows(generate, "notification-statuses")}
    assert stored == {f"{status:04X}H" for status in Status}
    assert notified == {f"{status:04X}H" for status in NotificationStatus}
    assert "0120H" in notified - stored


def test_every_answer_to_c_store_is_told(generate: Any) -> None:  # noqa: ANN401
    """Each range has one verdict for all its statuses, and whatever is in no range is refused, as the table says."""
    from service_tables import STORE_ANSWERS

    verdicts = {status: verdict_of(span[0]) for span, _ in STORE_ANSWERS for status in span}
    assert [
        hex(status) for status in range(0x10000) if verdict_of(status) is not verdicts.get(status, Verdict.REFUSED)
    ] == []
    assert [row[2] for row in rows(generate, "store-answers")][-2].startswith("dead letter")


def test_failure_reasons_that_are_never_sent_stand_in_no_code_that_answers() -> None:
    """What the table says is only received is named where answers are read, and nowhere else."""
    from service_tables import ONLY_RECEIVED

    readers = {"ports/commitments.py", "workflow/commitment.py"}
    for folder in (REPOSITORY / "src" / "marrowcount", REPOSITORY / "adapters" / "marrowcount_adapters"):
        for path in folder.rglob("*.py"):
            named = set(re.findall(r"FailureReason\.([A-Z_]+)", path.read_text(encoding="utf-8")))
            if path.relative_to(folder).as_posix() not in readers:
                assert named.isdisjoint(reason.name for reason in ONLY_RECEIVED), path
    assert set(FailureReason) > ONLY_RECEIVED


def test_keys_are_told_apart_by_what_is_asked(generate: Any) -> None:  # noqa: ANN401
    """A key that is always asked for, one that may be, and one that is only returned."""
    matching = {(row[0], row[1].partition(" (")[0]): row[3] for row in rows(generate, "find-keys")}
    assert matching["SERIES", "Modality"] == "single value, always: SM"
    assert matching["STUDY", "Patient ID"] == "single value where it is asked for, else universal"
    assert matching["STUDY", "Patient's Name"] == "universal (return key)"
    assert matching["IMAGE", "Series Instance UID"] == "single value, always"


def test_answers_of_a_worklist_are_those_of_the_code(generate: Any) -> None:  # noqa: ANN401
    """What the node does with a status is found out by giving it that status."""
    by_status = {row[0]: row[2:] for row in rows(generate, "ups-answers")}
    assert by_status["0000H"] == ["granted", "done", "done"]
    assert by_status[f"{UpsStatus.WRONG_TRANSACTION:04X}H"][0].startswith("another's")
    assert by_status["A700H"] == ["asked again later"] * 3
    assert by_status["any other"][0].startswith("refused")
    by_answer = {row[0]: row[1:] for row in rows(generate, "upsrs-answers")}
    assert by_answer["the same to a change of state, but updates succeed"][:2] == ["granted before", "done"]
    assert by_answer["400 or 409, workitem is COMPLETED"][2] == "done before"


def test_passing_failures_of_a_worklist_are_treated_alike() -> None:
    """The row of UPS-RS that names several statuses holds for each of them."""
    from ups_tables import WEB_PASSING, answering_web, outcomes_of, worklist_over

    assert {outcomes_of(worklist_over(answering_web(status))) for status in WEB_PASSING} == {("asked again later",) * 3}


def test_every_status_of_a_web_resource_is_explained(generate: Any) -> None:  # noqa: ANN401
    """No status without a meaning, no meaning without a status."""
    from web_tables import MEANINGS, answered_statuses

    assert set(MEANINGS) == set(answered_statuses())
    assert len(rows(generate, "web-statuses")) == len(MEANINGS)


def test_every_kind_of_audit_event_that_is_recorded_is_told() -> None:
    """The table holds the kinds that the trail makes, all of them and no others."""
    from security_tables import SAMPLES, recorded_kinds

    assert set(SAMPLES) == recorded_kinds()


@pytest.mark.parametrize(
    ("name", "registered"),
    [
        ("ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    ],
)
def test_cipher_suites_have_their_registered_names(name: str, registered: str, generate: Any) -> None:  # noqa: ANN401
    """A security officer looks them up under the names of the IANA registry."""
    assert [registered, f"`{name}`"] in rows(generate, "tls-suites")


def test_presence_is_found_by_leaving_out(generate: Any) -> None:  # noqa: ANN401
    """ALWAYS, VNAP, ANAP and EMPTY, from an object of a full header and one of a bare header."""
    from created import presence

    full, bare = Dataset(), Dataset()
    full.PatientID, full.Modality, full.IssuerOfPatientID, full.StudyID = "1", "SR", "H", ""
    bare.PatientID, bare.Modality, bare.StudyID = "", "SR", ""
    found = {element.keyword: presence(element, bare) for element in full}
    assert found == {"PatientID": "VNAP", "Modality": "ALWAYS", "IssuerOfPatientID": "ANAP", "StudyID": "EMPTY"}
    report = {row[0]: row[3] for row in rows(generate, "created-report")}
    assert (report["Patient ID"], report["Verification Flag"]) == ("VNAP", "ALWAYS")


def test_a_transaction_that_nothing_plays_cannot_be_claimed(monkeypatch: pytest.MonkeyPatch, generate: Any) -> None:  # noqa: ANN401
    """The table of the task performer is made of messages that are sent: without one it is not made at all."""
    import profile_tables

    monkeypatch.setattr(
        profile_tables, "performed_by_dimse", lambda: {doing: [] for _, doing, *_ in profile_tables.PERFORMER}
    )
    with pytest.raises(LookupError, match="RAD-81"):
        list(generate.TABLES["task-performer"]())


def test_rendering_refuses_an_unknown_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generate: Any) -> None:  # noqa: ANN401
    """A template that names a table which there is not fails, rather than leaving a hole."""
    (tmp_path / "statement.template.md").write_text("{{no-such-table}}\n")
    monkeypatch.setattr(generate, "HERE", tmp_path)
    with pytest.raises(KeyError, match="no-such-table"):
        generate.rendered("statement")
