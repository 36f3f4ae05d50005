"""The report is one page that says what the result says, readable by people and by programs, the same every time."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING

import pypdf
import pytest

from marrowcount.cytology.cell_types import CellType
from marrowcount.cytology.concepts import STOPPING_REASONS
from marrowcount.cytology.convergence import StoppingReason
from marrowcount.result import RESEARCH_USE_ONLY, Specimen
from marrowcount.review import Practitioner, counted, verified
from marrowcount.workflow.identity import percent_bounds, published_ratio
from marrowcount.workflow.illustrate import Illustrations
from marrowcount_adapters.report_document import draw_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from marrowcount.result import CountResult

NO_PICTURES = Illustrations((), None)
A4_POINTS = (595, 842)


def page_of(pdf: bytes) -> pypdf.PageObject:
    """The one page."""
    (page,) = pypdf.PdfReader(BytesIO(pdf)).pages
    return page


def text_of(pdf: bytes) -> str:
    """All text, without the breaks of lines."""
    return " ".join(page_of(pdf).extract_text().split())


@pytest.fixture(scope="module")
def pdf(result_of: Callable[..., CountResult], illustrations: Illustrations) -> bytes:
    """Of a typical slide; tests only read it."""
    return draw_report(counted(result_of()), illustrations)


@pytest.fixture(scope="module")
def text(pdf: bytes) -> str:
    return text_of(pdf)


def test_it_is_one_page_of_a4(pdf: bytes) -> None:
    """Whoever prints it gets one sheet."""
    box = page_of(pdf).mediabox
    assert (round(box.width), round(box.height)) == A4_POINTS


def test_it_is_small_enough_for_a_message(pdf: bytes) -> None:
    """It travels within FHIR and in mail."""
    assert len(pdf) < 1_000_000


def test_every_figure_can_be_read_back(text: str, result: CountResult) -> None:
    """Class, count, percentage and interval of the differential stand on a row; other classes with their count."""
    for share in result.differential.shares:
        low, high = percent_bounds(share.interval)
        assert f"{share.cell_type.label} {share.count:,} {share.percent} {low} to {high}" in text
    assert f"Total {result.differential.total:,} 100.0" in text
    others = set(CellType) - {share.cell_type for share in result.differential.shares}
    for cell_type in others:
        assert re.search(rf"{cell_type.label} {result.histogram[cell_type]:,}\b", text)


def test_the_ratios_stand_by_name(text: str, result: CountResult) -> None:
    """Two ratios are in use, and differ."""
    assert f"M:E ratio (ICSH 2008) {published_ratio(result.differential.me_ratio)}" in text
    assert f"M:E ratio (BMME, Tayebi 2022) {published_ratio(result.differential.bmme)}" in text


def test_it_says_how_the_count_went(text: str, result: CountResult) -> None:
    """Tiles, distance, the reason to stop in words and the rule."""
    assert f"{result.tiles_counted} of {result.tiles_looked_at}" in text
    assert "4.3e-05" in text
    assert STOPPING_REASONS[StoppingReason.CONVERGED].meaning in text
    assert result.stopping.rule in text


def test_it_says_what_it_is(text: str) -> None:
    """Preliminary, for research use, by software; and what the intervals do not cover."""
    assert "PRELIMINARY" in text
    assert RESEARCH_USE_ONLY in text
    assert "not verified by a person" in text
    assert "sampling error only" in text


def test_it_says_whose_slide_it_is(text: str) -> None:
    """As the DICOM header does: patient ID and accession number with their issuers, container, specimen, times."""
    for words in ("MRN00017 (HOSP)", "ACC26-1234 (HEMLAB)", "B26-1234-A1 (HEMLAB)", "B26-1234-A", "2026-09-30 09:00"):
        assert words in text
    assert "2026-10-01 11:59 UTC+02:00" in text  # counted, in the scanner's zone


def test_it_names_the_models(text: str, result: CountResult) -> None:
    """Name, version, hash, threshold and training data of both, so that the figures can be repeated and judged."""
    for model in result.models:
        assert f"{model.name} {model.version}, SHA-256 {model.sha256[:12]}..." in text
        assert f"counts from probability {model.threshold:g}. Training data: {model.training_data}" in text


def test_flags_stand_in_words(result: CountResult) -> None:
    """Each warning as it is; none raised is said as well."""
    warnings = ("few-cells: 120 cells in the differential", "stack: 3 focal planes, the middle one is counted")
    flagged = text_of(draw_report(counted(replace(result, warnings=warnings)), NO_PICTURES))
    assert all(warning in flagged for warning in warnings)
    assert "Quality flags none raised" in text_of(draw_report(counted(result), NO_PICTURES))


def test_undefined_ratios_are_said_to_be_so(result_of: Callable[..., CountResult]) -> None:
    """Without erythroblasts there is no ratio, and no zero in its place."""
    text = text_of(draw_report(counted(result_of({CellType.NEUTROPHIL: 40})), NO_PICTURES))
    assert text.count("undefined, no erythroblast") == 2


@pytest.mark.parametrize("reason", StoppingReason)
def test_every_ending_is_told_in_words(reason: StoppingReason, result: CountResult) -> None:
    """No code that a reader would have to look up."""
    other = replace(result, stopping=replace(result.stopping, reason=reason))
    assert STOPPING_REASONS[reason].meaning in text_of(draw_report(counted(other), NO_PICTURES))


def test_the_gallery_shows_each_class_with_its_probabilities(
    text: str, pdf: bytes, illustrations: Illustrations
) -> None:
    """A picture for each class found besides the map; below each cell how certain the model was."""
    assert len(page_of(pdf).images) == len(CellType) + 1
    for cell_type in CellType:
        shown = [c.cell.detection for c in illustrations.cells if c.cell.detection.cell_type is cell_type]
        assert f"found {' '.join(f'{one.probability:.2f}' for one in shown)}" in text


def test_long_words_stay_on_the_page(result: CountResult, illustrations: Illustrations) -> None:
    """Identifiers, flags, rules and model cards of any length leave one page, on which the footer still stands."""
    specimen = Specimen("C" * 64, "I" * 64, "S" * 64, "")
    context = replace(result.context, patient_id="1" * 64, accession_number="A$ $" * 4, specimen=specimen)
    models = tuple(
        replace(model, name=model.name * 9, training_data=model.training_data * 40) for model in result.models
    )
    warnings = tuple(f"code-{number}: " + "goes on and on " * 30 for number in range(20))
    crowded = replace(result, context=context, models=models, warnings=warnings)
    text = text_of(draw_report(counted(crowded), illustrations))
    assert "1" * 64 in text.replace(" ", "")  # on two lines
    assert "and more: the structured report lists all flags" in text
    assert "Series 2.25.112" in text


def test_nothing_counted_and_nothing_known_is_a_page_too(result_of: Callable[..., CountResult]) -> None:
    """No cell, no tile, no picture, no identifier: each gap is shown as one."""
    nothing = result_of({}, tiles=())
    context = replace(
        nothing.context, patient_id="", accession_number="", acquired=None, specimen=Specimen("", "", "", "")
    )
    text = text_of(draw_report(counted(replace(nothing, context=context)), NO_PICTURES))
    assert text.count("not given") == 5
    assert "Total 0 -" in text


def test_what_the_font_lacks_is_marked(result: CountResult) -> None:
    """Identifiers in any script are shown without a warning; what cannot be shown is a question mark, not left out."""
    context = replace(result.context, patient_id="患者-Zoë\t7")
    assert "??-Zoë 7 (HOSP)" in text_of(draw_report(counted(replace(result, context=context)), NO_PICTURES))


def test_the_file_says_when_the_count_was_made(pdf: bytes) -> None:
    """Not when it was drawn; and no name of a person or a patient's identifier stands in its properties."""
    about = pypdf.PdfReader(BytesIO(pdf)).metadata
    assert about is not None
    assert about.creation_date == datetime(2026, 10, 1, 9, 59, 30, tzinfo=UTC)
    assert "MRN00017" not in str(about)
    assert about.creator is not None
    assert about.creator.startswith("marrowcount")


def test_fonts_are_embedded(pdf: bytes) -> None:
    """As TrueType, so that text can be searched and copied, and looks the same everywhere."""
    resources = page_of(pdf)["/Resources"].get_object()
    fonts = [font.get_object() for font in resources["/Font"].get_object().values()]  # type: ignore[index, union-attr] # a dictionary
    assert fonts
    for font in fonts:
        (descendant,) = font["/DescendantFonts"].get_object()
        assert "/FontFile2" in descendant.get_object()["/FontDescriptor"].get_object()


def test_the_same_result_gives_the_same_bytes(pdf: bytes, result: CountResult, illustrations: Illustrations) -> None:
    """Within a process."""
    assert draw_report(counted(result), illustrations) == pdf


def test_another_process_gives_the_same_bytes(result: CountResult, tmp_path: Path) -> None:
    """Neither the order of hashes nor a setting or font of the user changes the file."""
    program = (
        "import hashlib; from made_up_result import make_result;"
        "from marrowcount.review import counted;from marrowcount.workflow.illustrate import Illustrations;"
        "from marrowcount_adapters.report_document import draw_report;"
        "print(hashlib.sha256(draw_report(counted(make_result()), Illustrations((), None))).hexdigest())"
    )
    (tmp_path / "matplotlibrc").write_text("font.family: monospace\npdf.fonttype: 3\nlines.linewidth: 9\n")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYTHONHASHSEED": "17",
        "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
    }
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(draw_report(counted(result), NO_PICTURES)).hexdigest()


def test_who_signed_stands_where_the_caution_stood(result: CountResult) -> None:
    """A verified page says who answers for it, what they changed, and what they added; not that nobody did."""
    she = Practitioner("4711", "urn:oid:1.2.3", "Curie", "Marie")
    report = verified(counted(result), she, datetime(2026, 10, 2, 12, tzinfo=UTC), {CellType.BLAST: 127}, "Auer rods")
    text = text_of(draw_report(report, NO_PICTURES))
    assert "Final: counted by software, changed and verified by Marie Curie on 2026-10-02." in text
    assert RESEARCH_USE_ONLY in text
    assert "blast 27 to 127. Marie Curie, 2026-10-02: Auer rods" in text
    assert "1,957" in text
    assert "PRELIMINARY" not in text
