"""All outputs of one report, each read back by what it is made for: what a reader of it alone would believe."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pydicom
import pypdf

from fhir_sites import bundle_of
from hl7_messages import SITE as HL7_SITE
from hl7_messages import figures, segments
from made_up_result import make_source_header
from marrowcount.cytology.cell_types import CODES, NDC_CLASSES, CellType
from marrowcount.workflow.illustrate import Illustrations
from marrowcount_adapters.annotations import encode_cells, encode_roi
from marrowcount_adapters.fhir import Projection
from marrowcount_adapters.hl7v2 import encode_oru
from marrowcount_adapters.report_document import draw_report
from marrowcount_adapters.result_json import encode_result
from marrowcount_adapters.structured_report import encode_differential

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydicom.dataset import Dataset

    from marrowcount.review import Report

__all__ = ["Said", "outputs_of"]

STATUSES: Final = {"P": "preliminary", "F": "final", "C": "corrected"}


@dataclass(frozen=True)
class Said:
    """What an output says.

    Attributes:
        percents: of each class of the differential.
        counts: likewise, where the output gives them as numbers.
        total: cells in the denominator.
        words: all text in it, for looking up sentences.
        statuses: all that its figures and the report carry.
    """

    percents: Mapping[CellType, Decimal]
    counts: Mapping[CellType, int]
    total: int
    words: str
    statuses: frozenset[str]


def outputs_of(report: Report, *, page: bool = True) -> Mapping[str, Said]:
    """By name; the page takes a second and may be left out."""
    said = {
        "result.json": _json(report),
        "structured report": _structured_report(report),
        "HL7 v2": _message(report),
        **{f"FHIR {projection}": _fhir(report, projection) for projection in Projection},
    }
    return {**said, "page": _page(report)} if page else said


def _json(report: Report) -> Said:
    content = json.loads(encode_result(report), parse_float=Decimal)
    ndc = {CellType.from_label(label): share for label, share in content["ndc"].items()}
    return Said(
        {each: Decimal(share["percent"]) for each, share in ndc.items()},
        {each: share["count"] for each, share in ndc.items()},
        content["ndc_total"],
        " ".join([content["standing"], content["research_use_only"], content["message"], *content["warnings"]]),
        frozenset({content["status"]}),
    )


def _structured_report(report: Report) -> Said:
    source = make_source_header()
    evidence = [encode_cells(report.result, source), encode_roi(report.result, source)]
    file = BytesIO()
    encode_differential(report, source, evidence).save_as(file, enforce_file_format=True)
    file.seek(0)
    document = pydicom.dcmread(file)
    groups = {_label(group): _numbers(group) for group in _named(document, "125007")}
    classes = {each: groups[each.label] for each in NDC_CLASSES}
    words = " ".join(item.TextValue for item in _descendants(document) if item.ValueType == "TEXT")
    verified = (document.VerificationFlag, document.PreliminaryFlag) == ("VERIFIED", "FINAL")
    return Said(
        {each: numbers["NDC_PERCENT"] for each, numbers in classes.items()},
        {each: int(numbers["246432004"]) for each, numbers in classes.items()},
        int(groups["Whole count"]["38257-2"]),
        words,
        frozenset({str(report.status) if verified else "preliminary"}),
    )


def _descendants(item: Dataset) -> Iterator[Dataset]:
    for content in item.get("ContentSequence", ()):
        yield content
        yield from _descendants(content)


def _named(document: Dataset, code: str) -> Iterator[Dataset]:
    return (item for item in _descendants(document) if item.ConceptNameCodeSequence[0].CodeValue == code)


def _label(group: Dataset) -> str:
    return next(str(c.TextValue) for c in group.ContentSequence if c.ConceptNameCodeSequence[0].CodeValue == "112039")


def _numbers(group: Dataset) -> dict[str, Decimal]:
    return {
        item.ConceptNameCodeSequence[0].CodeValue: Decimal(str(item.MeasuredValueSequence[0].NumericValue))
        for item in group.ContentSequence
        if item.ValueType == "NUM" and item.MeasuredValueSequence
    }


def _message(report: Report) -> Said:
    message = encode_oru(report, HL7_SITE, None)
    by_code = {code: figure for figure in figures(message) for code in figure.codes}
    notes = " ".join(note[3] for note in segments(message, "NTE"))
    return Said(
        {each: Decimal(by_code[CODES[each].local.value].value) for each in NDC_CLASSES},
        {each: int(by_code[f"{CODES[each].local.value}_COUNT"].value) for each in NDC_CLASSES},
        int(by_code["38257-2"].value),
        notes,
        frozenset(STATUSES[figure.status] for figure in figures(message) if figure.status in STATUSES),
    )


def _fhir(report: Report, projection: Projection) -> Said:
    text = bundle_of(report, projection=projection)
    bundle = json.loads(text, parse_float=Decimal)
    resources = [entry["resource"] for entry in bundle["entry"]]
    observations = [each for each in resources if each["resourceType"] == "Observation"]
    by_code = {coding["code"]: each for each in observations for coding in each["code"]["coding"]}
    found = {each: by_code[CODES[each].local.value] for each in NDC_CLASSES}
    statuses = {each["status"] for each in resources if each["resourceType"] in {"Observation", "DiagnosticReport"}}
    return Said(
        {each: Decimal(one["valueQuantity"]["value"]) for each, one in found.items()},
        {each: count for each, one in found.items() for count in _count_in(one)},
        int(by_code["38257-2"]["valueQuantity"]["value"]),
        text,
        frozenset(statuses),
    )


def _count_in(observation: Mapping[str, Any]) -> Sequence[int]:
    return [
        int(component["valueQuantity"]["value"])
        for component in observation.get("component", ())
        if component["code"]["coding"][0]["code"] == "246432004"
    ]


def _page(report: Report) -> Said:
    (page,) = pypdf.PdfReader(BytesIO(draw_report(report, Illustrations((), None)))).pages
    text = " ".join(page.extract_text().split())
    rows = {each: re.search(rf"\b{each.label} ([\d,]+) ([\d.]+) [\d.]+ to", text) for each in NDC_CLASSES}
    total = re.search(r"Total ([\d,]+)", text)
    assert total is not None
    return Said(
        {each: Decimal(row[2]) for each, row in rows.items() if row is not None},
        {each: int(row[1].replace(",", "")) for each, row in rows.items() if row is not None},
        int(total[1].replace(",", "")),
        text,
        frozenset({"preliminary"} if "PRELIMINARY" in text else {str(report.status)}),
    )
