"""The report on counted slides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.cytology.cell_types import NDC_CLASSES
from marrowcount.evaluation.convergence_study import PAPER_TILES
from marrowcount_adapters.evaluation_report.about import about_content, about_lines
from marrowcount_adapters.evaluation_report.limits import limits_of_slides
from marrowcount_adapters.evaluation_report.numbers import (
    estimate_content,
    interval_content,
    number,
    numbers,
    table,
    words,
    words_of,
)
from marrowcount_adapters.evaluation_report.slide_charts import draw_convergence, draw_errors
from marrowcount_adapters.evaluation_report.writing import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from marrowcount.evaluation import SlidesEvaluation
    from marrowcount.evaluation.slides import Coverage, SlideScores
    from marrowcount_adapters.evaluation_report.about import About

__all__ = ["write_slide_report"]

ERRORS_FILE: Final = "errors.png"
CONVERGENCE_FILE: Final = "convergence.png"


def write_slide_report(evaluation: SlidesEvaluation, about: About, folder: Path) -> Path:
    """Write text, JSON and pictures; the path of the text.

    Raises:
        StorageError: ``cannot-write``.
    """
    slides = evaluation.slides
    pictures = {ERRORS_FILE: draw_errors(slides)} if slides else {}
    if any(slide.counted.distances.size for slide in slides):
        pictures[CONVERGENCE_FILE] = draw_convergence(slides)
    lines = _lines(evaluation, about, convergence=CONVERGENCE_FILE in pictures)
    return write_report(folder, lines, _content(evaluation, about), pictures)


def _lines(evaluation: SlidesEvaluation, about: About, *, convergence: bool) -> Iterator[str]:
    yield "# Evaluation of counted slides"
    yield ""
    yield from about_lines(about)
    yield ""
    yield from _summary(evaluation)
    yield "## Slides"
    yield ""
    heads = ("slide", "diagnosis", "mean error", "inside", "M:E", "true M:E", "cells")
    tiles = ("tiles counted", "paper's", "looked at", "truly fit", "ended")
    yield from table((*heads, *tiles), (_slide_row(slide) for slide in evaluation.slides))
    yield ""
    yield (
        "Mean error: mean absolute error of the 12 percentages, in points. Inside: how many of the true percentages "
        "lie inside the stated interval. The paper's: tiles to convergence that it gives for the diagnosis. Truly fit: "
        "tiles on the whole slide."
    )
    yield ""
    yield from (f"- refused: {name} ({code})" for name, code in evaluation.refused)
    yield "## Classes"
    yield ""
    yield from table(("class", "bias, points", "mean absolute error, points", "inside"), _class_rows(evaluation))
    yield ""
    yield from _pictures(evaluation, convergence=convergence)
    yield "## What was not tested"
    yield ""
    yield from (f"- {limit}" for limit in limits_of_slides(evaluation))


def _summary(evaluation: SlidesEvaluation) -> Iterator[str]:
    figures = evaluation.figures
    yield f"- slides: {len(evaluation.slides)} counted, {len(evaluation.refused)} refused"
    yield f"- true percentages inside their stated 95 % interval: {_coverage_words(evaluation.coverage)}"
    yield f"- of the classes that are truly there: {_coverage_words(evaluation.coverage_of_present)}"
    sampled = sum(slide.sampled for slide in evaluation.slides)
    yield (
        f"- of the {sampled} slides of which less than half of the fit tiles were counted, which alone test the "
        f"intervals: {_coverage_words(evaluation.coverage_of_sampled)}"
    )
    yield f"- mean absolute error of a percentage: {words_of(figures['mean_absolute_error'], 2)} points"
    yield (
        f"- M:E ratio: mean error {words_of(figures['me_ratio_error'], 2)}, mean absolute error "
        f"{words_of(figures['me_ratio_relative_error'], 3)} of the true ratio"
    )
    yield ""


def _coverage_words(coverage: Coverage) -> str:
    low, high = coverage.interval.low, coverage.interval.high
    bounds = f", exact binomial 95 % {words(100 * low, 1)} to {words(100 * high, 1)} %" if coverage.percentages else ""
    return f"{coverage.inside} of {coverage.percentages} ({words(100 * coverage.share, 1)} %{bounds})"


def _slide_row(slide: SlideScores) -> list[str]:
    coverage, counted = slide.coverage(), slide.counted
    low, high = PAPER_TILES.get(slide.truth.profile, (0, 0))
    return [
        slide.name,
        slide.truth.profile or "-",
        words(slide.mean_absolute_error, 2),
        f"{coverage.inside} of {coverage.percentages}",
        words(counted.me_ratio, 2),
        words(slide.truth.me_ratio, 2),
        str(counted.cells),
        str(counted.tiles_counted),
        f"{low}-{high}" if high else "-",
        str(counted.tiles_looked_at),
        str(slide.truth.roi_tiles),
        counted.reason,
    ]


def _class_rows(evaluation: SlidesEvaluation) -> Iterator[list[str]]:
    for kind in NDC_CLASSES:
        coverage = evaluation.coverage_by_class[kind]
        bias, error = (evaluation.figures[f"{kind.label}/{name}"] for name in ("error", "absolute_error"))
        yield [kind.label, words_of(bias, 2), words_of(error, 2), f"{coverage.inside} of {coverage.percentages}"]


def _pictures(evaluation: SlidesEvaluation, *, convergence: bool) -> Iterator[str]:
    if evaluation.slides:
        yield f"![Errors]({ERRORS_FILE})"
        yield ""
    if convergence:
        yield f"![Convergence]({CONVERGENCE_FILE})"
        yield ""


def _content(evaluation: SlidesEvaluation, about: About) -> dict[str, object]:
    return {
        "kind": "slides",
        **about_content(about),
        "coverage": _coverage_content(evaluation.coverage),
        "coverage_of_present": _coverage_content(evaluation.coverage_of_present),
        "coverage_of_sampled": _coverage_content(evaluation.coverage_of_sampled),
        "coverage_by_class": {
            kind.label: _coverage_content(coverage) for kind, coverage in evaluation.coverage_by_class.items()
        },
        "figures": {name: estimate_content(figure) for name, figure in evaluation.figures.items()},
        "slides": [_slide_content(slide) for slide in evaluation.slides],
        "refused": [{"name": name, "code": code} for name, code in evaluation.refused],
        "not_tested": limits_of_slides(evaluation),
    }


def _coverage_content(coverage: Coverage) -> dict[str, object]:
    return {
        "inside": coverage.inside,
        "percentages": coverage.percentages,
        "share": number(coverage.share),
        **interval_content(coverage.interval),
    }


def _slide_content(slide: SlideScores) -> dict[str, object]:
    counted = slide.counted
    return {
        "name": slide.name,
        "profile": slide.truth.profile,
        "mean_absolute_error": number(slide.mean_absolute_error),
        "inside": slide.coverage().inside,
        "me_ratio": number(counted.me_ratio),
        "true_me_ratio": number(slide.truth.me_ratio),
        "cells": counted.cells,
        "tiles_counted": counted.tiles_counted,
        "tiles_looked_at": counted.tiles_looked_at,
        "fit_tiles": slide.truth.roi_tiles,
        "reason": counted.reason,
        "classes": {
            kind.label: {
                "true_percent": number(slide.truth.percent[kind]),
                "percent": number(counted.shares[kind].percent),
                **interval_content(counted.shares[kind].interval),
                "error": number(slide.errors[kind]),
                "inside": slide.inside[kind],
            }
            for kind in NDC_CLASSES
        },
        "distances": numbers(counted.distances),
    }
