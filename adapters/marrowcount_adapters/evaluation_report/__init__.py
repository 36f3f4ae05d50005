"""Evaluations for people and for programs: a folder with ``report.md``, ``report.json`` and PNG pictures."""

from __future__ import annotations

from marrowcount_adapters.evaluation_report.about import About, DataNote
from marrowcount_adapters.evaluation_report.cell_report import write_cell_report
from marrowcount_adapters.evaluation_report.region_report import write_region_report
from marrowcount_adapters.evaluation_report.slide_files import read_counted, read_truth
from marrowcount_adapters.evaluation_report.slide_report import write_slide_report

__all__ = [
    "About",
    "DataNote",
    "read_counted",
    "read_truth",
    "write_cell_report",
    "write_region_report",
    "write_slide_report",
]
