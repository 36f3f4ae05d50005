"""What is made for people to read."""

from __future__ import annotations

from marrowcount.settings.kinds import Section

__all__ = ["ReportSection"]


class ReportSection(Section):
    """The report document and its pictures."""

    enabled: bool = True
    """Make a report of one page (PDF) of every count, with a gallery of cells and a map of the tiles; store it in the
    study as Encapsulated PDF, and put it into the FHIR report. It shows patient ID and accession number."""
    refused: bool = False
    """Tell health records of every slide that could not be counted, by a cancelled report with the reason. Off, they
    are told only where they were given figures of the slide before: a node to which all slides of a house are sent
    would else report on slides that are no marrow."""
