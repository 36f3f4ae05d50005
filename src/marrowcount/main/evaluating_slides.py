"""``marrowcount evaluate slide``: read what was published and what is true, compare, report."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Final

from marrowcount.errors import DatasetError, SettingsError
from marrowcount.evaluation import evaluate_slides, score_slide
from marrowcount.main.drawing import TRUTH_FILE
from marrowcount.main.result_files import RESULT_FILE
from marrowcount_adapters.evaluation_report import About, read_counted, read_truth, write_slide_report
from marrowcount_adapters.evaluation_report.about import resampling_words
from marrowcount_adapters.evaluation_report.numbers import words_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from marrowcount.evaluation import Resampling, SlidesEvaluation
    from marrowcount_adapters.evaluation_report.slide_files import CountedFile, TruthFile

__all__ = ["run_slide_evaluation"]


def run_slide_evaluation(
    counted: Sequence[Path], truths: Sequence[Path], out: Path, how: Resampling, console: Console
) -> SlidesEvaluation:
    """Compare counted slides with the truth and write the report.

    Args:
        counted: folders with ``result.json``, or such files.
        truths: folders with ``truth.json``, or such files, in the same order; empty: beside each ``result.json``.
        out: folder of the report.
        how: draws for the intervals.
        console: for the figures.

    Raises:
        DatasetError: ``result-missing``, ``result-malformed``, ``truth-missing``, ``truth-malformed``,
            ``truth-of-another-slide``.
        SettingsError: ``wrong-setting``, as many truths as results are asked for.
        StorageError: the report cannot be written.
    """
    results = [_file(path, RESULT_FILE) for path in counted]
    if truths and len(truths) != len(results):
        raise SettingsError("wrong-setting", f"{len(results)} results but {len(truths)} of --truth; give one for each")
    beside = [_file(path, TRUTH_FILE) for path in truths] or [path.with_name(TRUTH_FILE) for path in results]
    read = [_read(result, truth) for result, truth in zip(results, beside, strict=True)]
    names = _names(results)
    scored = [
        score_slide(name, truth.truth, one.slide) for name, (one, truth) in zip(names, read, strict=True) if one.counted
    ]
    refused = [(name, one.reason) for name, (one, _) in zip(names, read, strict=True) if not one.counted]
    evaluation = evaluate_slides(scored, refused, how)
    models = tuple(dict.fromkeys(chain.from_iterable(one.identities for one, _ in read)))
    settings = {"slides": str(len(read)), "intervals of means": resampling_words(how, len(scored))}
    report = write_slide_report(evaluation, About(models, datetime.now(UTC), settings), out)
    _tell(console, evaluation, report)
    return evaluation


def _file(path: Path, name: str) -> Path:
    return path / name if path.is_dir() else path


def _read(result: Path, truth: Path) -> tuple[CountedFile, TruthFile]:
    one, true = read_counted(result), read_truth(truth)
    if true.series_uid and one.series_uid and true.series_uid != one.series_uid:
        raise DatasetError(
            "truth-of-another-slide",
            f"{truth} is the truth of series {true.series_uid}, but {result} counted {one.series_uid}; give --truth in "
            "the order of the results",
        )
    return one, true


PLAIN: Final = 1
"""Folder names that tell slides apart are enough; otherwise the folders above are named too."""


def _names(results: Sequence[Path]) -> list[str]:
    """The shortest ends of the folders' paths that tell the slides apart."""
    folders = [path.resolve().parent.parts for path in results]
    longest = max((len(parts) for parts in folders), default=PLAIN)
    for depth in range(PLAIN, longest):
        names = ["/".join(parts[-depth:]) for parts in folders]
        if len(set(names)) == len(names):
            return names
    return [f"slide {place + 1}" for place in range(len(folders))]


def _tell(console: Console, evaluation: SlidesEvaluation, report: Path) -> None:
    coverage, figures = evaluation.coverage, evaluation.figures
    console.print(
        f"slides counted                      {len(evaluation.slides)}, refused {len(evaluation.refused)}\n"
        f"percentages inside their interval   {coverage.inside} of {coverage.percentages}\n"
        f"mean absolute error, points         {words_of(figures['mean_absolute_error'], 2)}\n"
        f"M:E, absolute error over the truth  {words_of(figures['me_ratio_relative_error'])}",
        highlight=False,
    )
    console.print(f"written to {report}", soft_wrap=True)
