"""What a person signed: verified documents that keep what the software counted."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING

import pydicom
import pytest

from made_up_result import TYPICAL_COUNTS
from marrowcount.cytology.cell_types import CellType
from marrowcount.review import Practitioner, Report, amended, counted, verified, withdrawn
from marrowcount.workflow.identity import report_uid, result_uid
from marrowcount_adapters.annotations import encode_cells, encode_roi
from marrowcount_adapters.encapsulated_pdf import encode_document
from marrowcount_adapters.structured_report import encode_differential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pydicom.dataset import Dataset

    from marrowcount.result import CountResult

SHE = Practitioner("4711", "urn:oid:1.2.3", "Skłodowska Curie", "Marie", "Haematology")
THEN = datetime(2026, 10, 2, 12, 30, 15, tzinfo=UTC)
LATER = datetime(2026, 10, 2, 23, 5, tzinfo=UTC)


def documents(report: Report, source: Dataset, before: Sequence[Dataset] = ()) -> tuple[Dataset, Dataset]:
    """The structured report and the page, written and read."""
    evidence = [encode_cells(report.result, source), encode_roi(report.result, source)]
    differential = encode_differential(report, source, evidence, before)
    return again(differential), again(encode_document(report, b"%PDF-1.4", [*evidence, differential]))


def again(dataset: Dataset) -> Dataset:
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    file.seek(0)
    return pydicom.dcmread(file)


def descendants(item: Dataset) -> Iterator[Dataset]:
    for content in item.get("ContentSequence", ()):
        yield content
        yield from descendants(content)


def values(document: Dataset, label: str) -> dict[str, float]:
    """Numbers of a class's group by concept code."""
    groups = (item for item in descendants(document) if item.ConceptNameCodeSequence[0].CodeValue == "125007")
    group = next(g for g in groups if any(c.get("TextValue") == label for c in g.ContentSequence))
    return {
        item.ConceptNameCodeSequence[0].CodeValue: float(item.MeasuredValueSequence[0].NumericValue)
        for item in group.ContentSequence
        if item.ValueType == "NUM" and item.MeasuredValueSequence
    }


def comments(document: Dataset) -> list[str]:
    return [item.TextValue for item in descendants(document) if item.ConceptNameCodeSequence[0].CodeValue == "121106"]


def test_who_verified_stands_in_the_flags_and_among_the_observers(result: CountResult, source: Dataset) -> None:
    """Verified, final, by whom and when in the zone of the document's times (PS3.3 C.17.2)."""
    differential, page = documents(verified(counted(result), SHE, THEN), source)
    assert (differential.VerificationFlag, differential.PreliminaryFlag) == ("VERIFIED", "FINAL")
    assert page.VerificationFlag == "VERIFIED"
    (observer,) = differential.VerifyingObserverSequence
    assert observer.VerifyingObserverName == "Skłodowska Curie^Marie"
    assert observer.VerifyingOrganization == "Haematology"
    assert observer.VerificationDateTime == "20261002143015+0200"
    assert differential.TimezoneOffsetFromUTC == "+0200"
    for document in (differential, page):
        assert (document.ContentDate, document.ContentTime) == ("20261002", "143015")
        assert document.SeriesDescription.split(", ")[1] == "final"
    assert page.DocumentTitle == "Bone marrow differential by AI, final, research use only"
    observers = [
        item.ConceptCodeSequence[0].CodeValue
        for item in descendants(differential)
        if item.ConceptNameCodeSequence[0].CodeValue == "121005"
    ]
    assert sorted(observers) == ["121006", "121007"]


def test_each_version_is_an_instance_and_a_series_of_its_own(result: CountResult, source: Dataset) -> None:
    """An instance never changes; the newer one names the older one as its predecessor."""
    first = counted(result)
    second = verified(first, SHE, THEN)
    third = amended(second, SHE, LATER, comment="Auer rods")
    assert report_uid(first, "differential") == result_uid(result, "differential")
    made = [documents(report, source) for report in (first, second, third)]
    for kind in (0, 1):
        assert len({each[kind].SOPInstanceUID for each in made}) == 3
        assert len({each[kind].SeriesInstanceUID for each in made}) == 3
    assert documents(second, source)[0].SOPInstanceUID == made[1][0].SOPInstanceUID
    later, _ = documents(second, source, [made[0][0]])
    series = later.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == made[0][0].SOPInstanceUID


def test_both_counts_are_kept_where_a_person_changed_one(result: CountResult, source: Dataset) -> None:
    """Count, percentage, total and ratio are the person's; the software's count stands beside, and it is said."""
    report = verified(counted(result), SHE, THEN, {CellType.BLAST: 127}, "Auer rods")
    differential, _ = documents(report, source)
    assert report.differential is not None
    blasts = values(differential, "blast")
    assert (blasts["246432004"], blasts["MACHINE_COUNT"]) == (127, TYPICAL_COUNTS[CellType.BLAST])
    assert blasts["NDC_PERCENT"] == float(report.differential.share(CellType.BLAST).percent)
    assert values(differential, "Whole count")["38257-2"] == report.differential.total == 1957
    assert "MACHINE_COUNT" not in values(differential, "monocyte")
    said = comments(differential)
    assert "Counts changed by a person, machine's count first: blast 27 to 127." in said
    assert "Marie Skłodowska Curie, 2026-10-02: Auer rods" in said
    assert "Final: counted by software, changed and verified by Marie Skłodowska Curie on 2026-10-02." in said
    assert not any("not verified by a person" in each for each in said)


@pytest.mark.parametrize("organisation", ["Haematology", ""])
def test_validator_finds_no_error(
    result: CountResult,
    source_of: Callable[..., Dataset],
    tmp_path: Path,
    dicom_errors: Callable[..., list[str]],
    organisation: str,
) -> None:
    """Of no version, nor among them."""
    source = source_of("ISO_IR 192")
    she = Practitioner("4711", "urn:oid:1.2.3", "Curie", organisation=organisation)
    first = counted(result)
    second = verified(first, she, THEN, {CellType.BLAST: 127})
    made, before = [source, encode_cells(result, source), encode_roi(result, source)], []
    for report in (first, second, amended(second, she, LATER, comment="x")):
        differential, page = documents(report, source, before)
        before = [differential]
        made += [differential, page]
    paths = [str(tmp_path / f"{number}.dcm") for number in range(len(made))]
    for path, dataset in zip(paths, made, strict=True):
        dataset.save_as(path, enforce_file_format=True)
    assert dicom_errors("dcentvfy", *paths) == []
    for path in paths[3:]:
        assert dicom_errors("dciodvfy", "-new", "-filename", path) == []


def test_a_withdrawn_report_vouches_for_nothing(result: CountResult, source: Dataset) -> None:
    """Should its document be made, nobody verified it."""
    differential, _ = documents(withdrawn(counted(result), SHE, THEN, "another patient's slide"), source)
    assert differential.VerificationFlag == "UNVERIFIED"
    assert any("Use no figure" in each for each in comments(differential))
