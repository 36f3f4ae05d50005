"""How long a report takes to become FHIR: built, validated, checked and written (`make bench-fhir`).

One slide's verified report with both models' cards and a PDF of 200 kB, in every projection; the budget is 60 ms. The
first bundle of a process costs more, since the library builds its models when they are first used, and is told apart.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from fhir_sites import SITE
from made_up_reports import reports
from made_up_result import MODELS
from marrowcount.main.models import bundled_models
from marrowcount.review import Report
from marrowcount.settings import CountSection
from marrowcount_adapters.fhir import FhirSettings, Projection, encode

ROUNDS = 50
BUDGET_MS = 60.0
PDF = b"%PDF-1.4\n" + b"0123456789" * 20_000


def main() -> None:
    """Print a table; median and slowest of the rounds."""
    names = CountSection().roi_model, CountSection().cell_model
    cards = [(bundled_models() / name / "MODEL_CARD.md").read_bytes() for name in names]
    site = replace(SITE, model_cards={model.sha256: card for model, card in zip(MODELS, cards, strict=True)})
    report = reports()["final-changed"]
    table = Table("projection", "kB", "first, ms", "median, ms", "slowest, ms", f"budget {BUDGET_MS:.0f} ms")
    for projection in Projection:
        first, *times = [_timed(report, site, projection) for _ in range(ROUNDS + 1)]
        kilobytes = len(encode(report, site, PDF, projection)) / 1000
        median = statistics.median(times)
        kept = "kept" if median <= BUDGET_MS else "missed"
        figures = (f"{kilobytes:.0f}", f"{first:.0f}", f"{median:.1f}", f"{max(times):.1f}")
        table.add_row(str(projection), *figures, kept)
    Console().print(table)


def _timed(report: Report, site: FhirSettings, projection: Projection) -> float:
    start = time.perf_counter()
    encode(report, site, PDF, projection)
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
