"""Comprehensive SR (PS3.3 A.35.3) with a measurement report (PS3.16 TID 1500): the differential as a document."""

from marrowcount_adapters.structured_report.encode import encode_differential

__all__ = ["encode_differential"]
