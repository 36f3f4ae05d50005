"""Result to a structured report that holds a measurement report (PS3.16 TID 1500).

Comprehensive SR unless a site wants Comprehensive 3D SR: the report holds no regions, those are in the annotations, and
more archives and viewers take the former.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.sr import CodedConcept, Comprehensive3DSR, ComprehensiveSR, MeasurementReport

from marrowcount.workflow.identity import REPORT_SERIES
from marrowcount_adapters.structured_report.document import (
    IMAGING_PROCEDURE,
    DocumentKind,
    document,
    image_of,
    observation_context,
)
from marrowcount_adapters.structured_report.groups import measurement_groups
from marrowcount_adapters.structured_report.items import empty_undefined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from marrowcount.review import Report

__all__ = ["encode_differential"]


def encode_differential(
    report: Report,
    source: Dataset,
    evidence: Sequence[Dataset],
    superseded: Sequence[Dataset] = (),
    *,
    three_dimensional: bool = False,
) -> Dataset:
    """The differential as a document, for research use; as final as the report is.

    Args:
        report: on a count.
        source: header of an instance of the base level; pixels are not needed.
        evidence: the annotations of the cells, then of the tiles, as encoded from the same count and source; patient
            and study are taken over from them.
        superseded: headers of the differentials whose place it takes.
        three_dimensional: as Comprehensive 3D SR, which some viewers look for.
    """
    image = image_of(source, report.context.base_instance_uid)
    content = MeasurementReport(
        observation_context=observation_context(report),
        procedure_reported=CodedConcept(*IMAGING_PROCEDURE),
        imaging_measurements=measurement_groups(report, evidence),
        referenced_images=[image],
    )
    iod = Comprehensive3DSR if three_dimensional else ComprehensiveSR
    kind = DocumentKind("differential", REPORT_SERIES, iod)
    dataset = document(report, content, [*evidence, image], kind, superseded)
    empty_undefined(dataset)
    return dataset
