"""What a result consists of as DICOM."""

from __future__ import annotations

from typing import Literal

from marrowcount.settings.kinds import Section

__all__ = ["EvidenceSection"]


class EvidenceSection(Section):
    """How results are written as DICOM; ``docs/evidence.md`` shows the objects and says which viewer wants what."""

    coordinates: Literal["2D", "3D"] = "2D"
    """Of annotations. ``2D``: pixels of the base level, as DICOM WG-26 wants them; ``3D``: millimetres in the slide's
    frame of reference, for viewers that need them; a slide that does not tell how it lies is annotated in 2D."""
    shape: Literal["RECTANGLE", "POLYGON"] = "RECTANGLE"
    """Graphic type of annotations; polygons for viewers that know no rectangles."""
    report: Literal["comprehensive", "comprehensive-3d"] = "comprehensive"
    """IOD of the differential's structured report: more archives and viewers take Comprehensive SR."""
    regions_report: bool = False
    """Also write the counted tiles as regions of a Comprehensive 3D SR, for viewers that show no annotations."""
    heat_map: bool = True
    """Also write the tiles' probabilities as a fractional Segmentation, to lay over the slide."""
