"""Whole slide images in DICOM, read with pydicom (headers) and wsidicom (pixels)."""

from marrowcount_adapters.wsi.checks import AllowedResolution
from marrowcount_adapters.wsi.header import read_context, read_facts, read_header
from marrowcount_adapters.wsi.quiet import keep_values_out_of_logs
from marrowcount_adapters.wsi.slide import WsidicomSlide, open_slide

__all__ = [
    "AllowedResolution",
    "WsidicomSlide",
    "keep_values_out_of_logs",
    "open_slide",
    "read_context",
    "read_facts",
    "read_header",
]
