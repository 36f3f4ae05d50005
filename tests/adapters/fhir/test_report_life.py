"""What the resources of each version of a report say, through the whole life of a report."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import fhirkit
import pytest

from made_up_reports import CHANGED_AT, CURIE, NOETHER, UNCOUNTED, VERIFIED_AT, reports
from made_up_result import MODELS, TYPICAL_COUNTS, make_result
from marrowcount.cytology.cell_types import CODES, NDC_CLASSES, CellType
from marrowcount.cytology.concepts import LOCAL_SCHEME_UID
from marrowcount.cytology.convergence import StoppingReason
from marrowcount.cytology.loinc import CodePolicy
from marrowcount.result import RESEARCH_USE_ONLY
from marrowcount.review import counted, kept, verified, withdrawn
from marrowcount.workflow.identity import report_uid
from marrowcount_adapters.fhir import FhirSettings, encode_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SETTINGS = FhirSettings({"HOSP": "urn:oid:1.2.3.4"}, "Haematology laboratory", "Europe/Berlin")
REPORTS = reports()
PDF = b"%PDF-1.4 of the report"
WITHOUT_FIGURES = ("entered-in-error", "cancelled-after-count")


def bundle_of(name: str, site: FhirSettings = SETTINGS) -> dict[str, Any]:
    bundle: dict[str, Any] = json.loads(encode_bundle(REPORTS[name], site, PDF), parse_float=Decimal)
    return bundle


def resources(bundle: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind]


def one(bundle: Mapping[str, Any], kind: str) -> dict[str, Any]:
    (found,) = resources(bundle, kind)
    return found


def observation(bundle: Mapping[str, Any], code: str) -> dict[str, Any]:
    (found,) = [o for o in resources(bundle, "Observation") if code in {c["code"] for c in o["code"]["coding"]}]
    return found


def component(resource: Mapping[str, Any], code: str) -> dict[str, Any]:
    (found,) = [c for c in resource["component"] if c["code"]["coding"][0]["code"] == code]
    return found


def names(bundle: Mapping[str, Any], kind: str) -> set[str]:
    return {entry["fullUrl"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind}


def texts(resource: Mapping[str, Any]) -> list[str]:
    return [note["text"] for note in resource["note"]]


def agents(bundle: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Part and number of each agent of the provenance; the machine has no number."""
    return [
        (agent["type"]["coding"][0]["code"], agent["who"].get("identifier", {}).get("value", "machine"))
        for agent in one(bundle, "Provenance")["agent"]
    ]


def numbers_in(element: object) -> Iterator[object]:
    if isinstance(element, dict):
        for key, value in element.items():
            if key == "valueQuantity":
                yield value
            yield from numbers_in(value)
    elif isinstance(element, list):
        for item in element:
            yield from numbers_in(item)


@pytest.mark.parametrize("name", REPORTS)
def test_an_independent_parser_accepts_every_version(name: str) -> None:
    """fhirkit, strict R4 4.0.1, finds nothing wrong."""
    assert fhirkit.validate(encode_bundle(REPORTS[name], SETTINGS, PDF)) == []


@pytest.mark.parametrize(
    ("name", "observed", "reported"),
    [
        ("preliminary", "preliminary", "preliminary"),
        ("final", "final", "final"),
        ("final-changed", "final", "final"),
        ("corrected", "corrected", "corrected"),
        ("amended", "amended", "appended"),
        ("entered-in-error", "entered-in-error", "entered-in-error"),
        ("cancelled", "cancelled", "cancelled"),
        ("cancelled-after-count", "cancelled", "cancelled"),
    ],
)
def test_every_resource_has_the_status_of_the_report(name: str, observed: str, reported: str) -> None:
    """All observations share one status; what was added to a final report makes it appended (R4 value sets)."""
    bundle = bundle_of(name)
    assert {figure["status"] for figure in resources(bundle, "Observation")} == {observed}
    assert one(bundle, "DiagnosticReport")["status"] == reported
    labelled = [*resources(bundle, "Observation"), one(bundle, "DiagnosticReport"), one(bundle, "Provenance")]
    assert all(each["meta"]["security"][0]["code"] == "AIAST" for each in labelled)


@pytest.mark.parametrize("name", REPORTS)
def test_every_observation_says_what_it_is_worth(name: str) -> None:
    """Research use and how far it may be relied upon stand beside each figure, in narrative and in conclusion."""
    bundle = bundle_of(name)
    status = {
        "preliminary": "Preliminary: counted by software, not verified by a person.",
        "final": "Final: counted by software, verified by Marie Curie on 2026-10-02.",
        "final-changed": "Final: counted by software, changed and verified by Marie Curie on 2026-10-02.",
        "corrected": "Corrected: figures given out before no longer hold; changed and verified by Emmy Noether "
        "on 2026-10-05.",
        "amended": "Amended: words were added by Emmy Noether on 2026-10-05; the figures given out before stand.",
        "entered-in-error": "Entered in error: withdrawn by Marie Curie on 2026-10-05. Use no figure of this report.",
        "cancelled": "Cancelled: the slide was looked at by software and not counted.",
        "cancelled-after-count": "Cancelled: the slide was looked at by software and not counted.",
        "undefined-ratio": "Preliminary: counted by software, not verified by a person.",
    }[name]
    for figure in resources(bundle, "Observation"):
        assert {RESEARCH_USE_ONLY, status} <= set(texts(figure))
    report = one(bundle, "DiagnosticReport")
    for words in (RESEARCH_USE_ONLY, status):
        assert words in report["conclusion"]
        assert words in report["text"]["div"]


def test_identifiers_are_the_same_in_every_version() -> None:
    """Whatever becomes of a report, its observations and itself are updated, never written a second time."""
    everything = names(bundle_of("preliminary"), "Observation")
    assert len(everything) == 12 + 3 + 2
    for name in REPORTS:
        bundle = bundle_of(name)
        assert names(bundle, "DiagnosticReport") == names(bundle_of("preliminary"), "DiagnosticReport")
        if name != "cancelled":
            assert names(bundle, "Observation") == everything


def test_each_version_has_a_provenance_of_its_own() -> None:
    """One for each version of the report, with the time at which that version was released."""
    bundles = [bundle_of(name) for name in ("preliminary", "final", "corrected", "entered-in-error")]
    found = set().union(*(names(bundle, "Provenance") for bundle in bundles))
    assert len(found) == 3, "versions 1, 2 and 3"
    assert one(bundles[0], "Provenance")["recorded"].startswith("2026-10-01T09:59:30.25")
    assert one(bundles[1], "Provenance")["recorded"].startswith("2026-10-02T12:15:00")


def test_provenance_names_machine_and_persons() -> None:
    """The machine is author of all; a person verifies, and is an author where figures or words are theirs."""
    assert agents(bundle_of("preliminary")) == [("author", "machine")]
    assert agents(bundle_of("cancelled")) == [("author", "machine")]
    assert agents(bundle_of("final")) == [("author", "machine"), ("verifier", "4711")]
    assert agents(bundle_of("final-changed")) == [("author", "machine"), ("author", "4711"), ("verifier", "4711")]
    assert agents(bundle_of("corrected")) == [("author", "machine"), ("verifier", "4711"), ("author", "4712")]
    assert agents(bundle_of("entered-in-error")) == [("author", "machine"), ("verifier", "4711"), ("author", "4711")]


@pytest.mark.parametrize(
    ("name", "activity"),
    [
        ("preliminary", "CREATE"),
        ("final", "UPDATE"),
        ("corrected", "UPDATE"),
        ("amended", "APPEND"),
        ("entered-in-error", "NULLIFY"),
        ("cancelled", "CREATE"),
    ],
)
def test_provenance_tells_what_was_done_and_why(name: str, activity: str) -> None:
    """The activity, that artificial intelligence asserted it, and the last person's own words."""
    told = one(bundle_of(name), "Provenance")
    assert told["activity"]["coding"][0]["code"] == activity
    reason, *words = told["reason"]
    assert reason["coding"][0]["code"] == "AIAST"
    comments = [signature.comment for signature in REPORTS[name].signatures[-1:] if signature.comment]
    assert [each["text"] for each in words] == comments


def test_a_person_is_a_logical_reference() -> None:
    """By number, its system and name; no practitioner and no organisation is ever created."""
    bundle = bundle_of("final")
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert not kinds & {"Practitioner", "Organization", "Patient"}
    (interpreter,) = one(bundle, "DiagnosticReport")["resultsInterpreter"]
    assert interpreter == {
        "type": "Practitioner",
        "identifier": {"system": "urn:oid:1.2.3.55", "value": "4711"},
        "display": "Marie Curie",
    }
    assert all(figure["performer"][1] == interpreter for figure in resources(bundle, "Observation"))
    agent = one(bundle, "Provenance")["agent"][1]
    assert agent["who"] == interpreter
    assert agent["onBehalfOf"] == {"type": "Organization", "display": "University hospital"}


def test_nobody_is_named_where_nobody_answers() -> None:
    """A machine's report has no interpreter, and its observations no performer but the laboratory."""
    bundle = bundle_of("preliminary")
    assert "resultsInterpreter" not in one(bundle, "DiagnosticReport")
    assert all(len(figure["performer"]) == 1 for figure in resources(bundle, "Observation"))


def test_the_figures_of_a_person_stand_and_the_machines_beside_them() -> None:
    """Value and count are the person's; each changed class keeps the machine's count, as component and in words."""
    bundle, report = bundle_of("final-changed"), REPORTS["final-changed"]
    assert report.differential is not None
    for share in report.differential.shares:
        found = observation(bundle, CODES[share.cell_type].local.value)
        assert found["valueQuantity"]["value"] == share.percent
        assert component(found, "246432004")["valueQuantity"]["value"] == share.count
        kept_counts = [c for c in found["component"] if c["code"]["coding"][0]["code"] == "MACHINE_COUNT"]
        assert len(kept_counts) == (share.cell_type in {CellType.BLAST, CellType.MONOCYTE})
    blasts = observation(bundle, "BLAST")
    assert component(blasts, "MACHINE_COUNT")["valueQuantity"]["value"] == TYPICAL_COUNTS[CellType.BLAST]
    assert "Changed by a person: the machine counted 27 (1.5 %), the person 40." in texts(blasts)
    assert observation(bundle, "38257-2")["valueQuantity"]["value"] == report.differential.total
    panel = texts(observation(bundle, "47286-0"))
    assert "Counts changed by a person, machine's count first: blast 27 to 40, monocyte 52 to 41." in panel


def test_the_histogram_stays_the_machines() -> None:
    """The raw counts of all 19 classes are what the machine found, whatever a person made of them."""
    for name in ("preliminary", "final-changed", "corrected", "amended"):
        ihct = observation(bundle_of(name), "IHCT")
        assert component(ihct, "BLAST")["valueQuantity"]["value"] == TYPICAL_COUNTS[CellType.BLAST]
        assert component(ihct, "CONVERGENCE")["valueBoolean"] is True


def test_words_of_persons_are_signed_and_reach_the_reader() -> None:
    """In the panel with name and time, in conclusion and narrative with name and day."""
    bundle = bundle_of("amended")
    signed = [note for note in observation(bundle, "47286-0")["note"] if "authorString" in note]
    assert [(note["authorString"], note["text"]) for note in signed] == [
        ("Marie Curie", "Blasts with Auer rods."),
        ("Emmy Noether", "Iron stain: see the other report."),
    ]
    assert signed[1]["time"].startswith("2026-10-05T08:30:00")
    report = one(bundle, "DiagnosticReport")
    assert "Emmy Noether, 2026-10-05: Iron stain: see the other report." in report["conclusion"]
    assert "Marie Curie, 2026-10-02: Blasts with Auer rods." in report["text"]["div"]


def test_control_characters_of_what_people_type_are_left_out() -> None:
    """A FHIR string and XHTML hold none; letters of all scripts stay."""
    report = verified(REPORTS["preliminary"], CURIE, VERIFIED_AT, comment="Zoë\x00 <b>\x1b 骨\u00a0髄")
    text = encode_bundle(report, SETTINGS)
    assert fhirkit.validate(text) == []
    bundle = json.loads(text)
    assert "Zoë <b> 骨\u00a0髄" in texts(observation(bundle, "47286-0"))
    assert "Zoë &lt;b&gt; 骨\u00a0髄" in one(bundle, "DiagnosticReport")["text"]["div"]


@pytest.mark.parametrize("name", WITHOUT_FIGURES)
def test_no_figure_is_left_of_what_no_longer_holds(name: str) -> None:
    """Every observation is taken back by its identifier, without value, component or document; nothing stale stays."""
    bundle = bundle_of(name)
    assert list(numbers_in(bundle)) == []
    for figure in resources(bundle, "Observation"):
        assert figure["dataAbsentReason"]["coding"][0]["code"] == (
            "error" if name == "entered-in-error" else "not-performed"
        )
        assert "component" not in figure
    report = one(bundle, "DiagnosticReport")
    assert "presentedForm" not in report
    assert "<table>" not in report["text"]["div"]
    assert "%" not in report["conclusion"]


def test_a_withdrawal_says_who_and_why() -> None:
    """The reason stands in the conclusion, in the panel and in the provenance."""
    bundle = bundle_of("entered-in-error")
    for words in (one(bundle, "DiagnosticReport")["conclusion"], one(bundle, "DiagnosticReport")["text"]["div"]):
        assert "Marie Curie, 2026-10-05: Slide of another patient." in words
    assert "Slide of another patient." in texts(observation(bundle, "47286-0"))


def test_a_refused_slide_is_a_cancelled_report_with_its_reason() -> None:
    """As a laboratory would: panel without a value, not performed, and why; no percentages, no observation else."""
    bundle = bundle_of("cancelled")
    (panel,) = resources(bundle, "Observation")
    assert panel["code"]["coding"][0]["code"] == "47286-0"
    assert panel["dataAbsentReason"]["coding"][0]["code"] == "not-performed"
    reason = f"Reason: {UNCOUNTED.message} (no-suitable-region)"
    assert reason in texts(panel)
    assert reason in one(bundle, "DiagnosticReport")["conclusion"]
    assert "presentedForm" not in one(bundle, "DiagnosticReport")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (StoppingReason.CAP, "Incomplete count: the most tiles allowed were read (80)"),
        (StoppingReason.SLIDE_EXHAUSTED, "Incomplete count: the slide held no further suitable tile (80)"),
    ],
)
def test_a_truncated_run_is_never_published_as_complete(reason: StoppingReason, words: str) -> None:
    """Where the rule was not met, every observation, the conclusion and the narrative say so, also after release."""
    result = make_result()
    cut = replace(result, stopping=replace(result.stopping, reason=reason))
    for report in (counted(cut), verified(counted(cut), CURIE, VERIFIED_AT)):
        bundle = json.loads(encode_bundle(report, SETTINGS))
        for figure in resources(bundle, "Observation"):
            assert [note for note in texts(figure) if note.startswith(words)]
        assert component(observation(bundle, "IHCT"), "CONVERGENCE")["valueBoolean"] is False
        assert words in one(bundle, "DiagnosticReport")["conclusion"]
        assert words in one(bundle, "DiagnosticReport")["text"]["div"]


@pytest.mark.parametrize("reason", [StoppingReason.CONVERGED, StoppingReason.PRECISE_ENOUGH])
def test_a_whole_run_is_not_called_incomplete(reason: StoppingReason) -> None:
    """No alarm where the rule was met."""
    result = make_result()
    whole = replace(result, stopping=replace(result.stopping, reason=reason))
    assert "Incomplete" not in encode_bundle(counted(whole), SETTINGS)


def test_without_cells_there_are_no_percentages() -> None:
    """A share of nothing is no 0 %: the classes say that they have no value, and why."""
    bundle = json.loads(encode_bundle(counted(make_result({CellType.DEBRIS: 4})), SETTINGS))
    assert fhirkit.validate(json.dumps(bundle)) == []
    for cell_type in NDC_CLASSES:
        found = observation(bundle, CODES[cell_type].local.value)
        assert "valueQuantity" not in found
        assert found["dataAbsentReason"]["coding"][0]["code"] == "not-a-number"
        assert len(found["component"]) == 1
    assert observation(bundle, "38257-2")["valueQuantity"]["value"] == 0
    assert "<td>0.0</td>" not in one(bundle, "DiagnosticReport")["text"]["div"]


def test_a_manual_count_is_claimed_only_where_site_and_person_say_so() -> None:
    """With the policy nearest, and once a person answers for it, each class has a LOINC term; else the strict ones."""
    nearest = replace(SETTINGS, code_policy=CodePolicy.NEAREST)
    for name in REPORTS:
        manual = "by Manual count" in json.dumps(bundle_of(name, nearest), default=str)
        assert manual == (name in {"final", "final-changed", "corrected", "amended"}), name
        assert "by Manual count" not in json.dumps(bundle_of(name), default=str)
    for cell_type in NDC_CLASSES:
        codings = observation(bundle_of("final", nearest), CODES[cell_type].local.value)["code"]["coding"]
        assert [coding["system"] for coding in codings] == ["http://loinc.org", f"urn:oid:{LOCAL_SCHEME_UID}"]


def test_a_report_that_was_kept_is_said_as_it_was() -> None:
    """Keeping what is out adds no person, no words and no other status."""
    out = REPORTS["final"]
    waiting = counted(
        make_result({CellType.BLAST: 9, CellType.MONOCYTE: 9}), [REPORTS["preliminary"].status, out.status]
    )
    again = kept(waiting, out, NOETHER, CHANGED_AT, "blurred")
    before, after = (json.loads(encode_bundle(each, SETTINGS)) for each in (out, again))
    assert before["entry"][:-1] == after["entry"][:-1]
    assert "Noether" not in json.dumps(after)


def test_model_cards_are_documents_of_the_device() -> None:
    """Each model's card is created once, as Markdown with size and digest, and the device points at it."""
    cards = {MODELS[0].sha256: "# Rëgions".encode(), MODELS[1].sha256: b"# Cells"}
    bundle = bundle_of("preliminary", replace(SETTINGS, model_cards=cards))
    documents = resources(bundle, "DocumentReference")
    assert [b64decode(d["content"][0]["attachment"]["data"]) for d in documents] == list(cards.values())
    for document, text in zip(documents, cards.values(), strict=True):
        attachment = document["content"][0]["attachment"]
        assert (attachment["contentType"], attachment["size"]) == ("text/markdown", len(text))
        assert document["type"]["coding"][0]["code"] == "AIModelCard"
        assert "subject" not in document
    urls = names(bundle, "DocumentReference")
    extensions = one(bundle, "Device")["extension"]
    assert {each["valueReference"]["reference"] for each in extensions} == urls
    assert all(each["url"].endswith("modelCardDescription") for each in extensions)
    assert fhirkit.validate(encode_bundle(REPORTS["final"], replace(SETTINGS, model_cards=cards))) == []


def test_a_card_that_was_written_anew_is_another_document() -> None:
    """The record keeps the card that was true at the time."""
    one_, two = (
        names(bundle_of("final", replace(SETTINGS, model_cards={MODELS[0].sha256: text})), "DocumentReference")
        for text in (b"# One", b"# Two")
    )
    assert len(one_ | two) == 2


def test_a_withdrawn_preliminary_report_names_no_interpreter() -> None:
    """Withdrawing is no verification."""
    report = withdrawn(REPORTS["preliminary"], CURIE, CHANGED_AT, "Another patient.")
    bundle = json.loads(encode_bundle(report, SETTINGS))
    assert "resultsInterpreter" not in one(bundle, "DiagnosticReport")
    assert agents(bundle) == [("author", "machine"), ("author", "4711")]


def test_the_panel_carries_the_uid_of_its_own_structured_report() -> None:
    """What a person signed is another document than the machine's; what was withdrawn has none that holds."""
    for name in ("preliminary", "final", "corrected"):
        (found,) = [each for each in observation(bundle_of(name), "47286-0")["identifier"] if "dicom" in each["system"]]
        assert found["value"] == f"urn:oid:{report_uid(REPORTS[name], 'differential')}"
    assert len({str(observation(bundle_of(name), "47286-0")["identifier"]) for name in ("preliminary", "final")}) == 2
    assert len(observation(bundle_of("entered-in-error"), "47286-0")["identifier"]) == 1
