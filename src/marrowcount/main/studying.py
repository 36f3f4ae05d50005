"""``marrowcount study convergence``: run the calibration and write its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from marrowcount.cytology.convergence import ConvergenceRule
from marrowcount.evaluation.convergence_study import DIAGNOSES, PAPER_TILES, calibrate, tiles_to_stop
from marrowcount.main.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

__all__ = ["run_convergence_study"]

THRESHOLDS: Final = (5e-4, 3e-4, 2e-4, 1.5e-4, 1.2e-4, 1e-4, 8e-5, 6e-5, 4e-5, 2e-5)
STUDY_CAP: Final = 1000
"""Far above the default, so that the tail of the distribution is seen."""


def run_convergence_study(out: Path, slides: int, seed: int, console: Console) -> None:
    """Calibrate on normal marrows, then report every diagnosis beside the paper's range."""
    lines = [*_header(slides, seed), *_calibration(slides, seed, console), "", *_diagnoses(slides, seed, console)]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    console.print("\n".join(lines))
    console.print(f"written to {out}")


def _header(slides: int, seed: int) -> Iterator[str]:
    yield "# Calibration of the convergence rule"
    yield ""
    yield f"Written by `marrowcount study convergence --slides {slides} --seed {seed}`; simulated slides, not patients."
    yield ""


def _calibration(slides: int, seed: int, console: Console) -> Iterator[str]:
    run, (low, high) = ConvergenceRule().run, PAPER_TILES["normal"]
    yield f"Share of simulated normal marrows that stop within {low}-{high} tiles, run of {run} tiles:"
    yield ""
    yield "| threshold | share |"
    yield "|---|---|"
    with progress_bar(console) as bar:
        for threshold in bar.track(THRESHOLDS, description="thresholds"):
            share = calibrate([threshold], run, slides, seed)[threshold]
            mark = " (default)" if threshold == ConvergenceRule().threshold else ""
            yield f"| {threshold:.1e}{mark} | {100 * share:.0f} % |"


def _diagnoses(slides: int, seed: int, console: Console) -> Iterator[str]:
    rule = ConvergenceRule(cap=STUDY_CAP)
    yield f"Tiles to stop under the default rule ({rule.name}; cap {rule.cap}):"
    yield ""
    yield "| diagnosis | 10 % | median | 90 % | converged | paper |"
    yield "|---|---|---|---|---|---|"
    with progress_bar(console) as bar:
        for diagnosis in bar.track(list(DIAGNOSES), description="diagnoses"):
            stops = tiles_to_stop(diagnosis, rule, slides, seed)
            quantiles = " | ".join(f"{stops.quantile(q):.0f}" for q in (0.1, 0.5, 0.9))
            paper = "-".join(map(str, PAPER_TILES[diagnosis])) if diagnosis in PAPER_TILES else "not given"
            yield f"| {diagnosis} | {quantiles} | {100 * stops.converged:.0f} % | {paper} |"
