"""A report as a message: what stands where, what never leaves, what is never said."""

from __future__ import annotations

import locale
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hl7_messages import SITE, figures, segments, strictly_parsed
from made_up_reports import UNDEFINED, reports
from made_up_result import CONTEXT, make_result
from marrowcount.cytology.cell_types import NDC_CLASSES, CellType
from marrowcount.cytology.loinc import CodePolicy
from marrowcount.errors import DeliveryHeldError, DeliveryRefusedError
from marrowcount.result import NameScript, Patient, PersonName, SlideContext
from marrowcount.review import ReportStatus, counted
from marrowcount_adapters.hl7v2 import (
    AccessionAs,
    Acknowledgement,
    Authority,
    CharacterSet,
    Hl7Settings,
    encode_oru,
    kept_oru,
    ready,
)
from marrowcount_adapters.hl7v2.profile import SEGMENTS, Usage
from marrowcount_adapters.hl7v2.statuses import STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORTS = reports()
PDF = b"%PDF-1.7 \xff\x00 made up"
FULL = replace(SITE, with_document=True)


def of(**changes: object) -> bytes:
    """The message of a count whose slide's header differs so."""
    return encode_oru(counted(make_result(context=replace(CONTEXT, **changes))), SITE)  # type: ignore[arg-type]


def field(message: bytes, name: str, number: int) -> str:
    fields = segments(message, name)[0]
    return fields[number] if number < len(fields) else ""


SHORT = replace(SITE, with_details=False)
"""The strict parser takes its time for each figure."""


@pytest.mark.parametrize(("name", "settings"), [("preliminary", FULL), *((name, SHORT) for name in REPORTS)])
def test_every_turn_of_a_report_is_a_message_of_the_version(name: str, settings: Hl7Settings) -> None:
    """An independent parser finds no fault by its tables of 2.5.1."""
    strictly_parsed(encode_oru(REPORTS[name], settings, PDF))


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_sent_stands_in_the_profile(name: str) -> None:
    """No segment and no field but those of the profile, in its order; those that it requires always."""
    message = encode_oru(REPORTS[name], FULL, PDF).decode()
    rules = {each.name: {rule.number: rule for rule in each.fields} for each in SEGMENTS}
    for line in filter(None, message.split("\r")):
        segment, *values = line.split("|")
        first = 2 if segment == "MSH" else 1
        valued = {number for number, value in enumerate(values, start=first) if value}
        assert valued <= rules[segment].keys()
        assert {number for number, rule in rules[segment].items() if rule.usage is Usage.REQUIRED} <= valued
    order = [each.name for each in SEGMENTS]
    places = [order.index(line[:3]) for line in message.split("\r") if line and line[:3] != "NTE"]
    assert places == sorted(places)


@pytest.mark.parametrize("name", REPORTS)
def test_a_status_is_told_once_and_for_each_figure(name: str) -> None:
    """OBR-25 for the report, OBX-11 for each figure; without a value it is X, of a withdrawn report W."""
    report = REPORTS[name]
    message, codes = encode_oru(report, FULL, PDF), STATUSES[report.status]
    assert field(message, "OBR", 25) == codes.report
    for figure in figures(message):
        assert figure.status == (codes.figure if figure.value else codes.without)


def test_codes_of_statuses_are_those_of_the_version() -> None:
    """Never F or C of a machine; no A, which 2.5.1 has not for figures and means something else for reports."""
    assert {status: (codes.report, codes.figure, codes.without) for status, codes in STATUSES.items()} == {
        ReportStatus.PRELIMINARY: ("P", "P", "X"),
        ReportStatus.FINAL: ("F", "F", "X"),
        ReportStatus.CORRECTED: ("C", "C", "X"),
        ReportStatus.AMENDED: ("C", "C", "X"),
        ReportStatus.ENTERED_IN_ERROR: ("X", "W", "W"),
        ReportStatus.CANCELLED: ("X", "X", "X"),
    }


@pytest.mark.parametrize("name", ["entered-in-error", "cancelled", "cancelled-after-count"])
def test_what_was_withdrawn_or_not_counted_has_no_figure(name: str) -> None:
    """Not one value, unit or document; but every figure that was ever sent is named, so that it is taken back."""
    gone = figures(encode_oru(REPORTS[name], FULL, PDF))
    assert {(figure.value, figure.unit) for figure in gone} == {("", "")}
    there = figures(encode_oru(REPORTS["preliminary"], FULL, PDF))
    assert [(each.codes, each.sub_id) for each in gone] == [(each.codes, each.sub_id) for each in there]


def test_a_figure_has_the_same_name_in_every_version() -> None:
    """OBR-3, the first code of OBX-3 and OBX-4 stay, whatever changed and whichever terms the site wants."""
    messages = [
        encode_oru(report, replace(FULL, code_policy=policy), PDF)
        for report in REPORTS.values()
        for policy in CodePolicy
    ]
    names = {tuple((each.codes[0], each.sub_id) for each in figures(message)) for message in messages}
    assert len(names) == 1
    assert len(set(next(iter(names)))) == len(next(iter(names)))
    assert len({field(message, "OBR", 3) for message in messages}) == 1


def test_numbers_of_figures_are_fixed_for_good() -> None:
    """Receivers have filed by them: a change here makes every later message a stranger to the earlier ones."""
    sub_ids = {each.codes[-1]: each.sub_id for each in figures(encode_oru(REPORTS["preliminary"], FULL, PDF))}
    assert {code: sub_ids[code] for code in ("BLAST", "BLAST_COUNT", "ERYTHROBLAST_HIGH", "38257-2", "11138-5")} == {
        "BLAST": "1",
        "BLAST_COUNT": "1.1",
        "ERYTHROBLAST_HIGH": "12.3",
        "38257-2": "13",
        "11138-5": "14",
    }
    assert (sub_ids["BMME"], sub_ids["48807-2"], sub_ids["IHCT_MAST_CELL"]) == ("15", "16", "17.19")
    assert (sub_ids["TILES_COUNTED"], sub_ids["STOP_RULE"]) == ("18", "22")


def test_details_and_document_are_left_out_where_they_are_not_wanted() -> None:
    """Twelve percentages, total and ratios remain, under their own numbers."""
    short = figures(encode_oru(REPORTS["final"], replace(SITE, with_details=False), PDF))
    assert [each.sub_id for each in short] == [str(number) for number in range(1, 16)]
    assert sum(float(each.value) for each in short[:12]) == pytest.approx(100)


def test_no_manual_term_on_a_machines_count() -> None:
    """A term "by Manual count" comes second, once a person answers, and where the site wants that."""
    nearest = replace(SITE, with_details=False, code_policy=CodePolicy.NEAREST)
    codes = {name: {each.codes for each in figures(encode_oru(report, nearest))} for name, report in REPORTS.items()}
    manual = ("MONOCYTE", "11112-0")
    assert [name for name, said in codes.items() if manual in said] == [
        "final",
        "final-changed",
        "corrected",
        "amended",
    ]
    strict = figures(encode_oru(REPORTS["final"], SITE))
    assert {each.codes[0] for each in strict if each.codes[0][0].isdigit()} == {
        "11150-0", "11152-6", "38257-2", "11138-5",
    }  # fmt: skip


def test_an_undefined_ratio_is_no_number() -> None:
    """No zero, no infinity: no value, X, and the reason behind it; the classes stand."""
    message = encode_oru(counted(UNDEFINED), SITE)
    by_code = {each.codes[0]: each for each in figures(message)}
    assert (by_code["11138-5"].value, by_code["11138-5"].status) == ("", "X")
    assert (by_code["CHI_SQUARE"].value, by_code["CHI_SQUARE"].status) == ("", "X")
    assert (by_code["11150-0"].value, by_code["11150-0"].status) == ("4.8", "P")
    assert message.decode().count("|No erythroblast was counted: the ratio is undefined.|") == 2


def test_of_no_cell_there_is_no_percentage() -> None:
    """Nothing in the differential: not 0.0 % of each class."""
    said = figures(encode_oru(counted(make_result({CellType.PLATELET: 4})), SITE))
    assert [each.value for each in said if each.unit == "%"] == []
    assert {each.codes[0]: each.value for each in said}["38257-2"] == "0"


def test_the_ratio_is_a_ratio_or_a_number_as_the_site_wants() -> None:
    """SN by default; NM for receivers that can do no more."""
    ratios = {each.sub_id: (each.kind, each.value) for each in figures(encode_oru(REPORTS["final"], SITE))}
    assert ratios["14"] == ("SN", "^2.59^:^1")
    plain = {
        each.sub_id: (each.kind, each.value)
        for each in figures(encode_oru(REPORTS["final"], replace(SITE, ratio_as_number=True)))
    }
    assert plain["14"] == ("NM", "2.59")


def test_a_comma_in_the_locale_makes_none_in_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the process's locale says of decimals."""
    monkeypatch.setattr(locale, "localeconv", lambda: {"decimal_point": ",", "thousands_sep": "."})
    assert figures(encode_oru(REPORTS["final"], SITE))[0].value == "1.5"


def test_a_person_is_named_where_one_answers() -> None:
    """OBR-32 and OBX-16; of a machine's count neither."""
    final = encode_oru(REPORTS["final"], SITE)
    assert field(final, "OBR", 32) == "4711&Curie&Marie&&&&&&&1.2.3.55&ISO^20261002121500+0000"
    assert field(final, "OBX", 16) == "4711^Curie^Marie^^^^^^&1.2.3.55&ISO^L"
    machine = encode_oru(REPORTS["preliminary"], SITE)
    assert (field(machine, "OBR", 32), field(machine, "OBX", 16)) == ("", "")


def test_a_persons_figures_do_not_pass_for_the_machines() -> None:
    """They have a method of their own, and a note what the machine had; its histogram stays as it was."""
    message = encode_oru(REPORTS["final-changed"], SITE)
    methods = {fields[4]: fields[17].split("^")[0] for fields in segments(message, "OBX")}
    assert (methods["1"], methods["17.5"]) == ("REVISED_BY_PERSON", "IMAGE_ANALYSIS")
    values = {each.sub_id: each.value for each in figures(message)}
    assert (values["1.1"], values["17.5"]) == ("40", "27")
    assert "the machine counted 27 (1.5 %), the person 40." in message.decode()


def test_every_message_says_what_it_is_for() -> None:
    """Research use only first, then how far it may be relied upon, then whether the count is whole."""
    notes = [fields[3] for fields in segments(encode_oru(counted(UNDEFINED), SITE), "NTE")]
    assert notes[0] == "For research use only. Not for use in diagnostic procedures."
    assert notes[1].startswith("Preliminary: ")
    assert notes[2].startswith("Incomplete count: ")
    assert "few-cells: 42 cells < 300" in notes


def test_the_document_is_within() -> None:
    """As encapsulated data, in base64; without one, the segment says that there is none."""
    (document,) = [each for each in figures(encode_oru(REPORTS["final"], FULL, PDF)) if each.kind == "ED"]
    assert document.value == "^application^pdf^Base64^JVBERi0xLjcg/wAgbWFkZSB1cA=="
    (none,) = [each for each in figures(encode_oru(REPORTS["final"], FULL)) if each.kind == "ED"]
    assert (none.value, none.status) == ("", "X")


def test_the_patient_is_named_as_hl7_has_it() -> None:
    """Prefix behind suffix, a repetition for each script, date of birth, sex."""
    patient = Patient(
        (PersonName("Yamada", "Tarou", "X", "Dr.", "Jr."), PersonName("山田", "太郎", script=NameScript.IDEOGRAPHIC)),
        None,
        "M",
    )
    message = of(patient=patient)
    assert field(message, "PID", 5) == "Yamada^Tarou^X^Jr.^Dr.^^L^A~山田^太郎^^^^^L^I"
    assert (field(message, "PID", 7), field(message, "PID", 8)) == ("", "M")
    assert field(of(), "PID", 7) == "19600101"


def test_a_patient_without_a_name_is_unnamed_not_unsent() -> None:
    """The number tells who it is; the name, which is required, says that it is not specified."""
    message = of(patient=Patient())
    assert field(message, "PID", 5) == "^^^^^^U"
    strictly_parsed(message)


@pytest.mark.parametrize(
    ("issuer", "system", "expected"),
    [
        ("HOSP", "", "HOSP&1.2.3.4&ISO"),
        ("Other", "", "&1.2.9&ISO"),
        ("HOSP", "urn:oid:1.2.8", "&1.2.8&ISO"),
        ("", "urn:oid:1.2.7", "CLINIC&1.2.7&ISO"),
        ("", "http://hospital.example/ids", "&http://hospital.example/ids&URI"),
        ("", "urn:uuid:0b2f", "&0b2f&UUID"),
    ],
)
def test_a_patients_number_has_an_authority(issuer: str, system: str, expected: str) -> None:
    """The header's own universal id goes before its text; the site's names before what a URI makes."""
    settings = replace(
        SITE,
        authorities={**SITE.authorities, "urn:oid:1.2.7": Authority("CLINIC", "1.2.7", "ISO")},
        patient_id_systems={"Other": "urn:oid:1.2.9", "HOSP": "urn:oid:9.9"},
    )
    context = replace(CONTEXT, patient_id_issuer=issuer, patient_id_system=system)
    message = encode_oru(counted(make_result(context=context)), settings)
    assert field(message, "PID", 3) == f"MRN00017^^^{expected}^MR"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"patient_id_issuer": "ELSEWHERE"}, "unmapped-patient-issuer"),
        ({"patient_id_issuer": ""}, "unmapped-patient-issuer"),
        ({"patient_id": ""}, "missing-patient-id"),
        ({"patient_id_system": "x" * 200}, "unmapped-patient-issuer"),
    ],
)
def test_whose_result_cannot_be_told_is_held(changes: dict[str, str], code: str) -> None:
    """Nothing is guessed; what is kept cannot pass for a message, since it holds no number of its own."""
    report = counted(make_result(context=replace(CONTEXT, **changes)))
    with pytest.raises(DeliveryHeldError) as held:
        encode_oru(report, SITE)
    assert held.value.code == code
    kept = kept_oru(report, SITE)
    assert field(kept, "MSH", 10) == ""
    with pytest.raises(DeliveryHeldError) as again:
        ready(kept, SITE)
    assert again.value.code == code


def test_what_was_held_leaves_once_its_issuer_is_known() -> None:
    """As the very message that would have left at once, without a trace of the draft."""
    report = counted(make_result(context=replace(CONTEXT, patient_id_issuer="A|B^C\\D&E~F")))
    known = replace(SITE, authorities={"A|B^C\\D&E~F": Authority("NEW")})
    message = ready(kept_oru(report, SITE), known)
    assert message == encode_oru(report, known)
    assert b"ZMC" not in message
    assert ready(message, SITE) == message


def test_the_message_number_tells_messages_apart_and_repeats_together() -> None:
    """Made again it is the same; another version, status, patient or receiver has another."""
    first = encode_oru(REPORTS["preliminary"], SITE)
    assert encode_oru(counted(make_result()), SITE) == first
    others = [
        *(encode_oru(report, SITE) for report in REPORTS.values()),
        of(patient_id="MRN00018"),
        encode_oru(REPORTS["preliminary"], replace(SITE, receiving_application=Authority("EHR"))),
    ]
    numbers = {field(message, "MSH", 10) for message in others}
    assert len(numbers) == len(others)
    assert all(len(number) == 20 and number.isalnum() for number in numbers)


def test_two_slides_of_an_accession_are_two_reports() -> None:
    """Or the second one's report would take the place of the first one's."""
    assert field(of(), "OBR", 3) != field(of(series_uid="2.25.7"), "OBR", 3)
    assert field(of(), "OBR", 18) == field(of(series_uid="2.25.7"), "OBR", 18) == "ACC26-1234"


@pytest.mark.parametrize(
    ("where", "placer", "is_filler"),
    [
        (AccessionAs.FIELD, "", False),
        (AccessionAs.PLACER, "ACC26-1234^HEMLAB", False),
        (AccessionAs.FILLER, "", True),
    ],
)
def test_the_accession_number_stands_where_the_site_wants_it(
    where: AccessionAs, placer: str, *, is_filler: bool
) -> None:
    """In ORC as in OBR."""
    message = encode_oru(counted(make_result()), replace(SITE, accession_as=where))
    assert field(message, "OBR", 2) == field(message, "ORC", 2) == placer
    assert field(message, "OBR", 3) == field(message, "ORC", 3)
    assert (field(message, "OBR", 3) == "ACC26-1234^HEMLAB") is is_filler


def test_times_have_their_zone() -> None:
    """That of the header, or of the site where the header gives none."""
    assert field(of(), "OBR", 7) == "20260930090000+0200"
    acquired = CONTEXT.acquired
    assert acquired is not None
    context = replace(CONTEXT, acquired=acquired.replace(tzinfo=None))
    message = encode_oru(counted(make_result(context=context)), replace(SITE, timezone="America/St_Johns"))
    assert field(message, "OBR", 7) == field(message, "OBX", 14) == "20260930090000-0230"


def test_without_a_time_of_the_scan_that_of_the_count_stands_for_the_report_alone() -> None:
    """OBR-7 is required; OBX-14 stays open."""
    message = of(acquired=None)
    assert (field(message, "OBR", 7), field(message, "OBX", 14)) == ("20261001095930+0000", "")


def test_enhanced_mode_is_asked_for_in_the_header() -> None:
    """Always the receiving system's acknowledgement, never the application's."""
    message = encode_oru(REPORTS["final"], replace(SITE, acknowledgement=Acknowledgement.ENHANCED))
    assert (field(message, "MSH", 15), field(message, "MSH", 16)) == ("AL", "NE")
    assert field(encode_oru(REPORTS["final"], SITE), "MSH", 15) == ""


def test_another_character_set_is_named_and_used() -> None:
    """MSH-18 says what the bytes are."""
    settings = replace(SITE, character_set=CharacterSet.LATIN_1)
    message = encode_oru(counted(make_result()), settings)
    assert b"|8859/1" in message
    assert "Müller^Zoë".encode("iso-8859-1") in message
    assert ready(message, settings) == message


def test_what_a_character_set_has_not_is_refused_by_its_place() -> None:
    """Never a question mark in a name; the error does not tell the name. It is kept, and may leave as UTF-8."""
    report = counted(make_result(context=replace(CONTEXT, patient=Patient((PersonName("Łukasiewicz"),)))))
    settings = replace(SITE, character_set=CharacterSet.LATIN_1)
    with pytest.raises(DeliveryRefusedError, match="PID") as refused:
        encode_oru(report, settings)
    assert refused.value.code == "character-not-in-set"
    assert "ukasi" not in str(refused.value)
    assert "Łukasiewicz" in ready(kept_oru(report, settings), SITE).decode()


def test_what_is_too_long_is_refused_by_its_place() -> None:
    """A cut name or number is somebody else's."""
    report = counted(make_result(context=replace(CONTEXT, patient_id="M" * 300)))
    with pytest.raises(DeliveryRefusedError, match="PID-3") as refused:
        encode_oru(report, SITE)
    assert refused.value.code == "field-too-long"
    assert "MMM" not in str(refused.value)


def test_a_count_that_waits_for_a_person_does_not_leave() -> None:
    """A preliminary result never goes out over one that a person answered for."""
    waiting = counted(make_result(), [ReportStatus.PRELIMINARY, ReportStatus.FINAL])
    with pytest.raises(DeliveryRefusedError, match="waits-for-a-person"):
        encode_oru(waiting, SITE)


def test_percentages_are_those_of_the_differential() -> None:
    """Each class under its own number and code: none in another's place."""
    result = make_result()
    said = {each.sub_id: (each.codes[-1], each.value) for each in figures(encode_oru(counted(result), SITE))}
    for place, cell_type in enumerate(NDC_CLASSES, start=1):
        share = result.differential.share(cell_type)
        code, value = said[str(place)]
        assert code == cell_type.name
        assert value == str(share.percent)
        assert said[f"{place}.1"] == (f"{cell_type.name}_COUNT", str(share.count))


def hostile() -> Iterator[SlideContext]:
    """Headers whose texts try to become segments, fields, blocks."""
    for evil in ("\r\nOBX|1|NM|11150-0||99", "a\x0bMSH|\x1c\r", "|^~\\&", "\\F\\", "\x00\x85"):
        yield replace(
            CONTEXT,
            patient_id=f"1{evil}",
            accession_number=evil,
            patient=replace(CONTEXT.patient, names=(PersonName(evil, f"{evil}\ud800"),)),
            specimen=replace(CONTEXT.specimen, container_identifier=evil),
        )


@pytest.mark.parametrize("context", list(hostile()))
def test_text_from_outside_stays_text(context: SlideContext) -> None:
    """Whatever a header holds, the message has the segments and fields that it has of any other."""
    message = encode_oru(counted(make_result(context=context)), SHORT)
    plain = encode_oru(REPORTS["preliminary"], SHORT)
    assert [line[:3] for line in message.split(b"\r")] == [line[:3] for line in plain.split(b"\r")]
    assert [line.count(b"|") for line in message.split(b"\r")][1:] == [line.count(b"|") for line in plain.split(b"\r")][
        1:
    ]
    assert not set(message) & (set(range(32)) - {13})
    strictly_parsed(message)
