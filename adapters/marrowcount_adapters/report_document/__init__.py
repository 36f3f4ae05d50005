"""The report that a person reads: one page as PDF, and its pictures one by one for pages on the web."""

from marrowcount_adapters.report_document.report import draw_report
from marrowcount_adapters.report_document.roi_map import draw_roi_map
from marrowcount_adapters.report_document.strips import draw_strips, encode_gallery, encode_thumbnail

__all__ = ["draw_report", "draw_roi_map", "draw_strips", "encode_gallery", "encode_thumbnail"]
