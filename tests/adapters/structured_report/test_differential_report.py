"""The report says what the result says, is marked as machine-made and preliminary, and passes the validators."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from typing import TYPE_CHECKING

import highdicom.sr
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import ComprehensiveSRStorage

from marrowcount.cytology.cell_types import CODES, MYELOID_CLASSES, NDC_CLASSES, CellType
from marrowcount.cytology.convergence import StoppingReason
from marrowcount.result import RESEARCH_USE_ONLY, ModelTask
from marrowcount.review import counted
from marrowcount.workflow.identity import percent_bounds
from marrowcount_adapters.annotations import encode_cells, encode_roi
from marrowcount_adapters.structured_report import encode_differential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult

DSRDUMP = "/usr/bin/dsrdump"


def report_of(result: CountResult, source: Dataset) -> pydicom.Dataset:
    """Encoded, written, read."""
    report = encode_differential(counted(result), source, [encode_cells(result, source), encode_roi(result, source)])
    file = BytesIO()
    report.save_as(file, enforce_file_format=True)
    file.seek(0)
    return pydicom.dcmread(file)


@pytest.fixture(scope="module")
def report(result_of: Callable[..., CountResult], source_of: Callable[..., Dataset]) -> pydicom.Dataset:
    """The report of a typical slide; tests only read it."""
    return report_of(result_of(), source_of())


def descendants(item: Dataset) -> Iterator[Dataset]:
    for content in item.get("ContentSequence", ()):
        yield content
        yield from descendants(content)


def groups(report: Dataset) -> dict[str, Dataset]:
    """Measurement groups by tracking identifier."""
    found = (item for item in descendants(report) if name_of(item) == "125007")
    return {next(c.TextValue for c in group.ContentSequence if name_of(c) == "112039"): group for group in found}


def name_of(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeValue)


def numbers(group: Dataset) -> dict[str, float | None]:
    """Values of a group's NUM items by concept code; None where the value is empty."""
    return {
        name_of(item): float(item.MeasuredValueSequence[0].NumericValue) if item.MeasuredValueSequence else None
        for item in group.ContentSequence
        if item.ValueType == "NUM"
    }


def codes(group: Dataset) -> dict[str, str]:
    return {
        name_of(item): item.ConceptCodeSequence[0].CodeValue
        for item in group.ContentSequence
        if item.ValueType == "CODE"
    }


def undefined(result_of: Callable[..., CountResult]) -> CountResult:
    """Only myeloid cells: both ratios and the distance are undefined."""
    result = result_of({CellType.NEUTROPHIL: 40, CellType.BLAST: 2})
    from dataclasses import replace

    return replace(
        result,
        stopping=replace(result.stopping, reason=StoppingReason.SLIDE_EXHAUSTED, distance=None),
        warnings=("no-erythroid: no erythroblast was counted, so there is no M:E ratio",),
    )


def test_validator_finds_no_error(
    result_of: Callable[..., CountResult], source: Dataset, tmp_path: Path, dicom_errors: Callable[..., list[str]]
) -> None:
    """dciodvfy finds no error, with defined and with undefined ratios."""
    for number, result in enumerate((result_of(), undefined(result_of))):
        path = tmp_path / f"{number}.dcm"
        report_of(result, source).save_as(path, enforce_file_format=True)
        assert dicom_errors("dciodvfy", "-new", "-filename", str(path)) == []


def test_instances_agree_on_patient_and_study(
    result: CountResult, source_of: Callable[..., Dataset], tmp_path: Path, dicom_errors: Callable[..., list[str]]
) -> None:
    """dcentvfy finds slide, annotations and report consistent, and every reference resolved."""
    source = source_of("ISO_IR 192")
    cells, roi = encode_cells(result, source), encode_roi(result, source)
    report = encode_differential(counted(result), source, [cells, roi])
    paths = [str(tmp_path / f"{number}.dcm") for number in range(4)]
    for path, dataset in zip(paths, (source, cells, roi, report), strict=True):
        dataset.save_as(path, enforce_file_format=True)
    assert dicom_errors("dcentvfy", *paths) == []


@pytest.mark.peer
@pytest.mark.skipif(shutil.which(DSRDUMP) is None, reason="dcmtk (apt) is not here")
def test_dcmtk_reads_it_strictly(result_of: Callable[..., CountResult], source: Dataset, tmp_path: Path) -> None:
    """dcmtk, strict on relationships between content items, reads the whole document without complaint."""
    for result in (result_of(), undefined(result_of)):
        report_of(result, source).save_as(tmp_path / "sr.dcm", enforce_file_format=True)
        done = subprocess.run([DSRDUMP, str(tmp_path / "sr.dcm")], capture_output=True, text=True, check=True)
        assert "Imaging Measurement Report" in done.stdout
        assert [line for line in done.stderr.splitlines() if not line.startswith("W: The VR checker")] == []


def test_a_machine_made_it_and_nobody_verified_it(report: Dataset) -> None:
    """Unverified and preliminary, by a device, for research use: in flags, observer and words."""
    assert report.SOPClassUID == ComprehensiveSRStorage
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    assert "VerifyingObserverSequence" not in report
    assert next(item for item in descendants(report) if name_of(item) == "121005").ConceptCodeSequence[0].CodeValue == (
        "121007"
    )
    comments = [item.TextValue for item in descendants(report) if name_of(item) == "121106"]
    assert RESEARCH_USE_ONLY in comments
    assert any(comment.startswith("Preliminary") for comment in comments)


def test_classes_read_back_as_counted(result: CountResult, report: Dataset) -> None:
    """Each class is a group with its raw count; those of the differential with percentage and interval."""
    found = groups(report)
    assert list(found) == [
        "Whole count",
        *(cell_type.label for cell_type in NDC_CLASSES),
        *(cell_type.label for cell_type in CellType if cell_type not in NDC_CLASSES),
    ]
    for cell_type in CellType:
        assert numbers(found[cell_type.label])["246432004"] == result.histogram[cell_type]
    for share in result.differential.shares:
        figures = numbers(found[share.cell_type.label])
        assert figures["NDC_PERCENT"] == float(share.percent)
        assert (figures["CI95_LOW"], figures["CI95_HIGH"]) == tuple(map(float, percent_bounds(share.interval)))


def test_findings_are_unambiguous(report: Dataset) -> None:
    """No two classes share a finding code: a class that DICOM tells by a modifier is told by its local code."""
    findings = {label: codes(group)["121071"] for label, group in groups(report).items()}
    assert len(set(findings.values())) == len(findings)
    assert findings["blast"] == CODES[CellType.BLAST].primary.value
    assert findings["megakaryocyte nucleus"] == "MEGA_NUCLEUS"


def test_certainty_is_the_mean(result: CountResult, report: Dataset) -> None:
    """The certainty of a class is the mean of its detections' probabilities."""
    blasts = [d.probability for d in result.detections if d.cell_type is CellType.BLAST]
    figures = numbers(groups(report)["blast"])
    assert figures["111012"] == pytest.approx(sum(blasts) / len(blasts), abs=1e-4)


def test_summary_reads_back_as_counted(result: CountResult, report: Dataset) -> None:
    """Total, both ratios, tiles, distance, and why the count ended."""
    summary = groups(report)["Whole count"]
    assert numbers(summary) == {
        "38257-2": result.differential.total,
        "11138-5": 2.59,
        "BMME": 2.47,
        "TILES_COUNTED": result.tiles_counted,
        "TILES_LOOKED_AT": result.tiles_looked_at,
        "CHI_SQUARE": result.stopping.distance,
    }
    assert codes(summary)["STOP_REASON"] == "CONVERGED"


def test_undefined_ratio_has_a_reason_and_no_value(result_of: Callable[..., CountResult], source: Dataset) -> None:
    """Without erythroblasts the ratios are empty, qualified by division by zero; never a zero, never left out."""
    report = report_of(undefined(result_of), source)
    summary = groups(report)["Whole count"]
    empty = {code for code, value in numbers(summary).items() if value is None}
    assert empty == {"11138-5", "BMME", "CHI_SQUARE"}
    for item in summary.ContentSequence:
        if item.ValueType == "NUM":
            qualified = "NumericValueQualifierCodeSequence" in item
            assert qualified == (name_of(item) in empty)
            assert not qualified or item.NumericValueQualifierCodeSequence[0].CodeValue == "114003"
    comments = [item.TextValue for item in descendants(report) if name_of(item) == "121106"]
    assert any(comment.startswith("no-erythroid") for comment in comments)


def test_both_models_are_identified(result: CountResult, report: Dataset) -> None:
    """Name, version and weights of the model behind every figure; tiles were judged by the ROI model."""
    found = groups(report)
    words = {item.TextValue for item in found["blast"].ContentSequence if item.ValueType == "TEXT"}
    cells = result.model(ModelTask.CELLS)
    assert {cells.name, cells.version, f"sha256={cells.sha256}"} <= words
    tiles = next(item for item in found["Whole count"].ContentSequence if name_of(item) == "TILES_LOOKED_AT")
    roi = result.model(ModelTask.ROI)
    assert {roi.name, roi.version, f"sha256={roi.sha256}"} <= {
        item.TextValue for item in tiles.ContentSequence if item.ValueType == "TEXT"
    }


def test_specimen_is_the_subject(result: CountResult, report: Dataset) -> None:
    """The report is about the specimen on the slide, by UID, identifier and container."""
    by_name = {name_of(item): item for item in report.ContentSequence}
    assert result.context.specimen.specimen_uid == by_name["121039"].UID
    assert by_name["121041"].TextValue == result.context.specimen.specimen_identifier
    assert by_name["111700"].TextValue == result.context.specimen.container_identifier


def test_points_to_the_annotations(result: CountResult, source: Dataset, report: Dataset) -> None:
    """Both annotation instances and the slide are evidence; the annotations are the source of measurement."""
    cells, roi = encode_cells(result, source), encode_roi(result, source)
    composites = {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for item in descendants(report)
        if item.ValueType == "COMPOSITE"
    }
    assert composites == {cells.SOPInstanceUID, roi.SOPInstanceUID}
    evidence = {
        instance.ReferencedSOPInstanceUID
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
    assert evidence == {cells.SOPInstanceUID, roi.SOPInstanceUID, result.context.base_instance_uid}


def test_no_manual_method_is_claimed(report: Dataset) -> None:
    """No code on a machine's figure says "Manual count"."""
    meanings = [item.ConceptNameCodeSequence[0].CodeMeaning for item in descendants(report)]
    assert meanings
    assert not [meaning for meaning in meanings if "anual" in meaning]


def test_highdicom_reads_it(report: Dataset) -> None:
    """Another reader of TID 1500 finds the twenty measurement groups."""
    document = highdicom.sr.ComprehensiveSR.from_dataset(report)
    assert len(document.content.get_image_measurement_groups()) == 1 + len(CellType)


def test_same_result_same_report(result: CountResult, source: Dataset, report: Dataset) -> None:
    """Encoding is a function of its arguments: no clock, no chance."""
    assert report_of(result, source) == report


@settings(max_examples=6, deadline=None)
@given(counts=st.dictionaries(st.sampled_from(NDC_CLASSES), st.integers(1, 40), min_size=1, max_size=4))
def test_figures_agree_whatever_was_found(
    counts: dict[CellType, int], result_of: Callable[..., CountResult], source_of: Callable[..., Dataset]
) -> None:
    """Percentages sum to 100.0 and the ratio is that of the counts, however lopsided the slide."""
    found = groups(report_of(result_of(counts), source_of()))
    percentages = [numbers(found[cell_type.label])["NDC_PERCENT"] for cell_type in NDC_CLASSES]
    assert sum(round(10 * (percent or 0)) for percent in percentages) == 1000
    ratio = numbers(found["Whole count"])["11138-5"]
    erythroid = counts.get(CellType.ERYTHROBLAST, 0)
    myeloid = sum(counts.get(cell_type, 0) for cell_type in MYELOID_CLASSES)
    assert ratio == (pytest.approx(myeloid / erythroid, abs=0.005) if erythroid else None)
