"""Comprehensive SR (PS3.3 A.35.3) with a measurement report (PS3.16 TID 1500): the differential as a document."""

from marrowcount_adapters.structured_report.encode import encode_differential
from marrowcount_adapters.structured_report.regions import encode_regions
from marrowcount_adapters.structured_report.rejection import encode_rejection

__all__ = ["encode_differential", "encode_regions", "encode_rejection"]
