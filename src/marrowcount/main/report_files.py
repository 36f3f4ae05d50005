"""The report and its pictures by the names of their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from marrowcount.main.result_files import GALLERY_FILE, GALLERY_FOLDER, REPORT_FILE, ROI_MAP_FILE, THUMBNAIL_FILE
from marrowcount_adapters.report_document import (
    draw_report,
    draw_roi_map,
    draw_strips,
    encode_gallery,
    encode_thumbnail,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from marrowcount.review import Report
    from marrowcount.workflow.illustrate import Illustrations

__all__ = ["report_files"]


def report_files(report: Report, illustrations: Illustrations) -> Mapping[str, bytes]:
    """The report, its map, its gallery and the slide's thumbnail, where there is one."""
    files = {
        REPORT_FILE: draw_report(report, illustrations),
        ROI_MAP_FILE: draw_roi_map(report.result, illustrations.thumbnail),
        GALLERY_FILE: encode_gallery(illustrations, GALLERY_FOLDER).encode(),
    }
    for name, strip in draw_strips(illustrations).items():
        files[f"{GALLERY_FOLDER}/{name}"] = strip
    if illustrations.thumbnail is not None:
        files[THUMBNAIL_FILE] = encode_thumbnail(illustrations.thumbnail)
    return files
