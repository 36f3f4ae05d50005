"""What is made for people to read."""

from __future__ import annotations

from marrowcount.settings.kinds import Section

__all__ = ["ReportSection"]


class ReportSection(Section):
    """The report document and its pictures."""

    enabled: bool = True
    """Make a report of one page (PDF) of every count, with a gallery of cells and a map of the tiles; store it in the
    study as Encapsulated PDF, and put it into the FHIR report. It shows patient ID and accession number."""
